"""Functions of ROS that return texts, or look into them."""

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


def join(scope: Scope, given: object) -> Expression:
    separator, items = listed("Fn::Join", given, 2)
    return joined(as_text(scope.value(separator)), _items(one_list(scope, items)))


def split(scope: Scope, given: object) -> Expression:
    separator, text = listed("Fn::Split", given, 2)
    parts = (as_text(scope.value(item)) for item in (separator, text))
    return call("split", *parts, kind="list")


def replace(scope: Scope, given: object) -> Expression:
    """Replace parts of a text, one after another.

    By splitting and joining: `replace` of Terraform takes a text in slashes for a pattern.
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


def base64_encode(scope: Scope, given: object) -> Expression:
    return call("base64encode", as_text(scope.value(given)), kind="string")


def base64_decode(scope: Scope, given: object) -> Expression:
    return call("base64decode", as_text(scope.value(given)), kind="string")


def str_(scope: Scope, given: object) -> Expression:
    return as_text(scope.value(given))


def indent(scope: Scope, given: object) -> Expression:
    """Indent all lines of a text but the first by levels of two spaces."""
    text, levels, *_ = listed("Fn::Indent", given, 2, 3)
    spaces = 2 * whole_number("Fn::Indent", levels, "levels", INDENT_LEVELS)
    value = as_text(scope.value(text))
    return call("indent", Expression(str(spaces)), value, kind="string")


def match_pattern(scope: Scope, given: object) -> Expression:
    pattern, text = listed("Fn::MatchPattern", given, 2)
    given_texts = (as_text(scope.value(item)) for item in (pattern, text))
    return written("can(regex(%s, %s))", *given_texts, kind="bool")


def _items(given: Expression) -> Expression:
    """Return a list; some templates give a single value instead."""
    if given.kind == "list":
        return given
    pattern = "[for l in [%s] : try([for v in l : v], [l])][0]"
    return written(pattern, given, kind="list")


FUNCTIONS: dict[str, Function] = {
    "Fn::Join": join,
    "Fn::Split": split,
    "Fn::Replace": replace,
    "Fn::Base64Encode": base64_encode,
    "Fn::Base64Decode": base64_decode,
    "Fn::Str": str_,
    "Fn::Indent": indent,
    "Fn::MatchPattern": match_pattern,
}
