"""Conditions: their functions and references to them by name."""

from instances.engines.ros_local.expressions import (
    FALSE,
    TRUE,
    Expression,
    TranslationError,
    any_secret,
    as_text,
    chosen,
    written,
)
from instances.engines.ros_local.functions.arguments import listed, many, one_list
from instances.engines.ros_local.identifiers import identifier
from instances.engines.ros_local.scope import Function, Scope

WORDS = {"true": TRUE, "false": FALSE}


def condition(scope: Scope, given: object) -> Expression:
    """Return a condition: the name of one, a function, or any value."""
    if isinstance(given, dict) and [*given] == ["Condition"]:
        given = given["Condition"]
    if isinstance(given, str) and scope.has("Conditions", given):
        scope.use("condition", given)
        name = f"local.{condition_name(given)}"
        return Expression(name, "bool", scope.condition_secret(given))
    if isinstance(given, str) and given.lower() not in WORDS:
        raise TranslationError(f"There is no condition called {given[:80]}.")
    if isinstance(given, str):
        return WORDS[given.lower()]
    return truth(scope.value(given))


def condition_name(name: str) -> str:
    """Return the name of the local value of a condition."""
    return f"condition_{identifier(name)}"


def truth(value: Expression) -> Expression:
    """Return a value as true or false; a value that is neither is false."""
    if value.kind == "bool":
        return value
    return written("try(tobool(lower(tostring(%s))), false)", value, kind="bool")


def if_(scope: Scope, given: object) -> Expression:
    when, one, other = listed("Fn::If", given, 3)
    return chosen(condition(scope, when), scope.value(one), scope.value(other))


def equals(scope: Scope, given: object) -> Expression:
    """Compare two values as texts."""
    one, other = (scope.value(item) for item in listed("Fn::Equals", given, 2))
    # A template may write a truth value as True.
    flags = "bool" in (one.kind, other.kind)
    pattern = "(lower(%s) == lower(%s))" if flags else "(%s == %s)"
    return written(pattern, as_text(one), as_text(other), kind="bool")


def and_(scope: Scope, given: object) -> Expression:
    return _connected(scope, many("Fn::And", given), " && ")


def or_(scope: Scope, given: object) -> Expression:
    return _connected(scope, many("Fn::Or", given), " || ")


def not_(scope: Scope, given: object) -> Expression:
    inner = listed("Fn::Not", given, 1)[0] if isinstance(given, list) else given
    return written("!(%s)", condition(scope, inner), kind="bool")


def any_(scope: Scope, given: object) -> Expression:
    if isinstance(given, list):
        return _connected(scope, many("Fn::Any", given), " || ")
    pattern = "anytrue([for v in %s : try(tobool(lower(tostring(v))), false)])"
    return written(pattern, scope.value(given), kind="bool")


def contains(scope: Scope, given: object) -> Expression:
    items, value = listed("Fn::Contains", given, 2)
    pattern = "contains([for v in %s : try(tostring(v), jsonencode(v))], %s)"
    found = one_list(scope, items)
    return written(pattern, found, as_text(scope.value(value)), kind="bool")


def each_member_in(scope: Scope, given: object) -> Expression:
    some, items = (
        one_list(scope, item) for item in listed("Fn::EachMemberIn", given, 2)
    )
    texts = "[for v in %s : try(tostring(v), jsonencode(v))]"
    pattern = f"(length(setsubtract({texts}, {texts})) == 0)"
    return written(pattern, some, items, kind="bool")


def _connected(scope: Scope, given: list[object], sign: str) -> Expression:
    found = [condition(scope, item) for item in given]
    text = sign.join(item.text for item in found)
    return Expression(f"({text})", "bool", any_secret(found))


FUNCTIONS: dict[str, Function] = {
    "Fn::If": if_,
    "Fn::Equals": equals,
    "Fn::And": and_,
    "Fn::Or": or_,
    "Fn::Not": not_,
    "Fn::Any": any_,
    "Fn::Contains": contains,
    "Fn::EachMemberIn": each_member_in,
}
