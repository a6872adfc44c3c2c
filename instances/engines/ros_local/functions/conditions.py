"""Functions of ROS that decide."""

from typing import Any

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


def condition(scope: Scope, given: Any) -> Expression:
    """Something that is true or false: the name of a condition, a function, a value."""
    if isinstance(given, dict) and [*given] == ["Condition"]:
        given = given["Condition"]
    if scope.has("Conditions", given):
        scope.use("condition", given)
        name = f"local.{condition_name(given)}"
        return Expression(name, "bool", scope.condition_secret(given))
    if isinstance(given, str) and given.lower() not in WORDS:
        raise TranslationError(f"There is no condition called {given[:80]}.")
    if isinstance(given, str):
        return WORDS[given.lower()]
    return truth(scope.value(given))


def condition_name(name: str) -> str:
    """The local value that holds a condition."""
    return f"condition_{identifier(name)}"


def truth(value: Expression) -> Expression:
    """A value as true or false."""
    if value.kind == "bool":
        return value
    return written("try(tobool(lower(tostring(%s))), false)", value, kind="bool")


def either(scope: Scope, given: Any) -> Expression:
    """One of two values."""
    when, one, other = listed("Fn::If", given, 3)
    return chosen(condition(scope, when), scope.value(one), scope.value(other))


def equal(scope: Scope, given: Any) -> Expression:
    """Whether two values are the same, written as texts."""
    one, other = (scope.value(item) for item in listed("Fn::Equals", given, 2))
    pattern = "(lower(%s) == lower(%s))" if _flags(one, other) else "(%s == %s)"
    return written(pattern, as_text(one), as_text(other), kind="bool")


def both(scope: Scope, given: Any) -> Expression:
    """Whether all conditions hold."""
    return _connected(scope, many("Fn::And", given), " && ")


def one_of(scope: Scope, given: Any) -> Expression:
    """Whether a condition holds."""
    return _connected(scope, many("Fn::Or", given), " || ")


def opposite(scope: Scope, given: Any) -> Expression:
    """Whether a condition does not hold."""
    inner = listed("Fn::Not", given, 1)[0] if isinstance(given, list) else given
    return written("!(%s)", condition(scope, inner), kind="bool")


def anything(scope: Scope, given: Any) -> Expression:
    """Whether any of the values is true."""
    if isinstance(given, list):
        return _connected(scope, many("Fn::Any", given), " || ")
    pattern = "anytrue([for v in %s : try(tobool(lower(tostring(v))), false)])"
    return written(pattern, scope.value(given), kind="bool")


def contains(scope: Scope, given: Any) -> Expression:
    """Whether a list has a value."""
    items, value = listed("Fn::Contains", given, 2)
    pattern = "contains([for v in %s : try(tostring(v), jsonencode(v))], %s)"
    found = one_list(scope, items)
    return written(pattern, found, as_text(scope.value(value)), kind="bool")


def each_member_in(scope: Scope, given: Any) -> Expression:
    """Whether a list has each value of another."""
    some, items = (
        one_list(scope, item) for item in listed("Fn::EachMemberIn", given, 2)
    )
    texts = "[for v in %s : try(tostring(v), jsonencode(v))]"
    pattern = f"(length(setsubtract({texts}, {texts})) == 0)"
    return written(pattern, some, items, kind="bool")


def _flags(one: Expression, other: Expression) -> bool:
    """Whether a truth value is compared, which some write as True."""
    return "bool" in (one.kind, other.kind)


def _connected(scope: Scope, given: list[Any], sign: str) -> Expression:
    """Conditions with a sign between them."""
    found = [condition(scope, item) for item in given]
    text = sign.join(item.text for item in found)
    return Expression(f"({text})", "bool", any_secret(found))


FUNCTIONS: dict[str, Function] = {
    "Fn::If": either,
    "Fn::Equals": equal,
    "Fn::And": both,
    "Fn::Or": one_of,
    "Fn::Not": opposite,
    "Fn::Any": anything,
    "Fn::Contains": contains,
    "Fn::EachMemberIn": each_member_in,
}
