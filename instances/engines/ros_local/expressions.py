"""Expressions of Terraform: their text, and the facts known before they are evaluated."""

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

# `${` and `%{` would begin an interpolation, which no text of a template may do. The others
# are characters that HCL does not allow, or that a reader could take for the end of a line.
ESCAPED = re.compile('[\x00-\x1f"\\\\\x7f-\x9f\u2028\u2029]|[$%](?={)')
SURROGATE = re.compile("[\ud800-\udfff]")
SCALARS = ("string", "number", "bool")
SIMPLE = re.compile(r"[\w.-]+")
# Longer numbers are an attack on the reader.
NUMBER_DIGITS = 60


class TranslationError(Exception):
    """A part of a template that cannot be simulated; the message is for its author."""


class Expression(NamedTuple):
    """An expression that Terraform evaluates.

    `kind` is string, number, bool, list, object or null where that is certain, else empty.
    `secret` is set when a value that may not be shown is part of it.
    """

    text: str
    kind: str = ""
    secret: bool = False

    @property
    def simple(self) -> bool:
        """True for a name or number, which may be repeated without a cost."""
        return bool(SIMPLE.fullmatch(self.text))

    def known_as(self, kind: str) -> "Expression":
        return self._replace(kind=kind)


NULL = Expression("null", "null")
TRUE = Expression("true", "bool")
FALSE = Expression("false", "bool")


def quoted(text: str) -> str:
    """Return a text as a string literal of HCL without interpolation."""
    if text.isalnum() and text.isascii():
        return f'"{text}"'
    if SURROGATE.search(text):
        raise TranslationError("A text is not valid Unicode.")
    return '"' + ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + '"'


def string(text: str) -> Expression:
    return Expression(quoted(text), "string")


def scalar(value: object) -> Expression:
    """Return a value of the template that is neither a list nor an object."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, int | float):
        return Expression(_number(value), "number")
    return string(str(value))


def literal(value: object) -> Expression:
    """Return a value of the template in which function calls are plain objects."""
    if isinstance(value, dict):
        return mapping({str(key): literal(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return sequence([literal(item) for item in value])
    return scalar(value)


def sequence(items: Iterable[Expression]) -> Expression:
    found = list(items)
    text = ", ".join(item.text for item in found)
    return Expression(f"[{text}]", "list", any_secret(found))


def mapping(items: dict[str, Expression]) -> Expression:
    text = ", ".join(f"{quoted(key)} = {item.text}" for key, item in items.items())
    return Expression(f"{{{text}}}", "object", any_secret(items.values()))


def any_secret(items: Iterable[Expression]) -> bool:
    return any(item.secret for item in items)


def call(function: str, *given: Expression, kind: str = "") -> Expression:
    """Return the call of a function of Terraform."""
    text = ", ".join(item.text for item in given)
    return Expression(f"{function}({text})", kind, any_secret(given))


def written(pattern: str, *given: Expression, kind: str = "") -> Expression:
    """Return an expression with others in place of each `%s`.

    These must not use a variable that the pattern binds.
    """
    text = pattern % tuple(item.text for item in given)
    return Expression(text, kind, any_secret(given))


def as_text(value: Expression) -> Expression:
    """Return a value as ROS writes it in a text: null is empty, a structure is JSON."""
    if value.kind == "string":
        return value
    if value.kind == "null":
        return string("")
    if value.kind in SCALARS:
        return call("tostring", value, kind="string")
    return joined(string(""), sequence([value]))


def joined(separator: Expression, items: Expression) -> Expression:
    """Return the items of a list as one text with a separator; nulls are left out."""
    pattern = "join(%s, [for v in %s : try(tostring(v), jsonencode(v)) if v != null])"
    return written(pattern, separator, items, kind="string")


def concatenated(parts: list[Expression]) -> Expression:
    """Return texts one after another."""
    if not parts:
        return string("")
    if len(parts) == 1:
        return parts[0]
    return call("join", string(""), sequence(parts), kind="string")


def chosen(when: Expression, one: Expression, other: Expression) -> Expression:
    """Return one of two values, which keep their types; the other is not evaluated."""
    kind = one.kind if one.kind == other.kind else ""
    if (kind in SCALARS) or "null" in (one.kind, other.kind):
        return written("(%s ? %s : %s)", when, one, other, kind=kind)
    pattern = (
        "concat([for v in (%s ? [1] : []) : %s], [for v in (%s ? [] : [1]) : %s])[0]"
    )
    if when.simple:
        return written(pattern, when, one, when, other, kind=kind)
    name = Expression("c")
    inner = written(pattern, name, one, name, other)
    return written("[for c in [%s] : %s][0]", when, inner, kind=kind)


def shown(value: Expression) -> Expression:
    """Return a value for a place where Terraform refuses secrets, such as a count."""
    if not value.secret:
        return value
    return Expression(f"nonsensitive(sensitive({value.text}))", value.kind)


def _number(value: int | float) -> str:
    """Return a number as HCL writes it."""
    if isinstance(value, float) and not math.isfinite(value):
        raise TranslationError("A number is not finite.")
    if isinstance(value, int) and abs(value) >= 10**NUMBER_DIGITS:
        raise TranslationError("A number is too large.")
    text = repr(value)
    return f"({text})" if text.startswith("-") else text
