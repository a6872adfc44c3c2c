"""Functions of ROS that make texts."""

from typing import Any

from instances.engines.ros_local.expressions import (
    Expression,
    TranslationError,
    as_text,
    call,
    joined,
    string,
    written,
)
from instances.engines.ros_local.functions.arguments import (
    listed,
    one_list,
    whole_number,
)
from instances.engines.ros_local.scope import Function, Scope

INDENT_LEVELS = 40


def join(scope: Scope, given: Any) -> Expression:
    """Texts with a separator between them."""
    separator, items = listed("Fn::Join", given, 2)
    return joined(as_text(scope.value(separator)), _items(one_list(scope, items)))


def split(scope: Scope, given: Any) -> Expression:
    """The parts of a text between separators."""
    separator, text = listed("Fn::Split", given, 2)
    parts = (as_text(scope.value(item)) for item in (separator, text))
    return call("split", *parts, kind="list")


def replaced(scope: Scope, given: Any) -> Expression:
    """A text with parts of it replaced, one after another.

    By splitting and joining: Terraform's own function would take slashes for a pattern.
    """
    changes, text = listed("Fn::Replace", given, 2)
    if not isinstance(changes, dict):
        raise TranslationError(
            "Fn::Replace takes an object of texts and their replacements."
        )
    made = as_text(scope.value(text))
    for old, new in changes.items():
        if str(old):
            parts = call("split", string(str(old)), made)
            made = call("join", as_text(scope.value(new)), parts, kind="string")
    return made


def encoded(scope: Scope, given: Any) -> Expression:
    """A text in base64."""
    return call("base64encode", as_text(scope.value(given)), kind="string")


def decoded(scope: Scope, given: Any) -> Expression:
    """The text that was put into base64."""
    return call("base64decode", as_text(scope.value(given)), kind="string")


def as_string(scope: Scope, given: Any) -> Expression:
    """A value as a text."""
    return as_text(scope.value(given))


def indented(scope: Scope, given: Any) -> Expression:
    """A text with all lines but the first moved to the right by levels of two spaces."""
    text, levels, *_ = listed("Fn::Indent", given, 2, 3)
    spaces = 2 * whole_number("Fn::Indent", levels, "levels", INDENT_LEVELS)
    value = as_text(scope.value(text))
    return call("indent", Expression(str(spaces)), value, kind="string")


def matches(scope: Scope, given: Any) -> Expression:
    """Whether a text has a pattern in it."""
    pattern, text = listed("Fn::MatchPattern", given, 2)
    given_texts = (as_text(scope.value(item)) for item in (pattern, text))
    return written("can(regex(%s, %s))", *given_texts, kind="bool")


def _items(given: Expression) -> Expression:
    """A list; a single value, which some templates have in its place, is a list of it."""
    if given.kind == "list":
        return given
    pattern = "[for l in [%s] : try([for v in l : v], [l])][0]"
    return written(pattern, given, kind="list")


FUNCTIONS: dict[str, Function] = {
    "Fn::Join": join,
    "Fn::Split": split,
    "Fn::Replace": replaced,
    "Fn::Base64Encode": encoded,
    "Fn::Base64Decode": decoded,
    "Fn::Str": as_string,
    "Fn::Indent": indented,
    "Fn::MatchPattern": matches,
}
