"""What a document tells or asks when its resources are translated: outputs and rules."""

from collections.abc import Mapping
from typing import Any

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


def output_block(scope: Scope, declared: Any) -> dict[str, str]:
    """An output; Terraform wants to be told that it is secret."""
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


def assertions(scope: Scope, name: str, declared: Any) -> list[dict[str, str]]:
    """What a rule demands, each with the words for when it does not hold."""
    found = declared.get("Assertions") if isinstance(declared, Mapping) else None
    if not isinstance(found, list) or not all(
        isinstance(each, Mapping) and "Assert" in each for each in found
    ):
        raise TranslationError("A rule must have Assertions.")
    applies = condition(scope, declared.get("RuleCondition", "true"))
    made: list[dict[str, str]] = []
    for each in found:
        wanted = condition(scope, each["Assert"])
        secret = any_secret((applies, wanted))
        holds = Expression(f"(!({applies.text}) || {wanted.text})", secret=secret)
        words = _words(each.get("AssertDescription"))
        message = quoted(words or f"The rule {name} does not hold.")
        made.append({"condition": shown(holds).text, "error_message": message})
    return made


def _words(description: Any) -> str:
    """The words of an assertion, in English where there are several languages."""
    if isinstance(description, Mapping):
        description = description.get("en") or next(iter(description.values()), "")
    return description if isinstance(description, str) else ""
