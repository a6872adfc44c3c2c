"""Translates the outputs and rules of a template."""

from collections.abc import Mapping

from instances.engines.ros_local.expressions import (
    Expression,
    TranslationError,
    any_secret,
    quoted,
    shown,
    written,
)
from instances.engines.ros_local.functions.conditions import condition
from instances.engines.ros_local.parameters import is_yes
from instances.engines.ros_local.scope import Scope


def output_block(scope: Scope, declared: object) -> dict[str, str]:
    """Return the block of an output, which must be marked when it is secret."""
    if not isinstance(declared, Mapping) or "Value" not in declared:
        raise TranslationError("An output must have a Value.")
    value = scope.value(declared["Value"])
    if declared.get("Condition") is not None:
        when = shown(condition(scope, declared["Condition"]))
        value = written("(%s ? %s : null)", when, value)
    block = {"value": value.text}
    if value.secret or is_yes(declared.get("NoEcho")):
        block["sensitive"] = "true"
    return block


def assertions(scope: Scope, name: str, declared: object) -> list[dict[str, str]]:
    """Return the assertions of a rule as preconditions, each with its error message."""
    rule = declared if isinstance(declared, Mapping) else {}
    found = rule.get("Assertions")
    if not isinstance(found, list) or not all(
        isinstance(each, Mapping) and "Assert" in each for each in found
    ):
        raise TranslationError("A rule must have Assertions.")
    applies = condition(scope, rule.get("RuleCondition", "true"))
    made: list[dict[str, str]] = []
    for each in found:
        wanted = condition(scope, each["Assert"])
        secret = any_secret((applies, wanted))
        holds = Expression(f"(!({applies.text}) || {wanted.text})", secret=secret)
        description = _description(each.get("AssertDescription"))
        message = quoted(description or f"The rule {name} is not met.")
        made.append({"condition": shown(holds).text, "error_message": message})
    return made


def _description(given: object) -> str:
    """Return the description of an assertion, in English where it has several languages."""
    if isinstance(given, Mapping):
        given = given.get("en") or next(iter(given.values()), "")
    return given if isinstance(given, str) else ""
