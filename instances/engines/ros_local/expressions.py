"""Expressions of Terraform, and what is known of them before they are computed."""

import math
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

# Never `${` or `%{`: no text of a document may be taken for an interpolation. The others
# are characters that HCL cannot hold, or that a reader could take for the end of a line.
ESCAPED = re.compile('[\x00-\x1f"\\\\\x7f-\x9f\u2028\u2029]|[$%](?={)')
SURROGATE = re.compile("[\ud800-\udfff]")
SCALARS = ("string", "number", "bool")
SIMPLE = re.compile(r"[\w.-]+")
# Beyond this a document is made to exhaust the reader, not to be run.
NUMBER_DIGITS = 60


class TranslationError(Exception):
    """Something that cannot be simulated; the message is a sentence for its author."""


class Expression(NamedTuple):
    """Text that Terraform computes.

    `kind` is string, number, bool, list, object or null where that is certain, else empty.
    A `secret` one holds, or is made of, a value that may not be shown.
    """

    text: str
    kind: str = ""
    secret: bool = False

    @property
    def simple(self) -> bool:
        """Whether it is a mere name or number, which may be repeated."""
        return bool(SIMPLE.fullmatch(self.text))

    def known_as(self, kind: str) -> "Expression":
        """The same, of this kind."""
        return self._replace(kind=kind)


NULL = Expression("null", "null")
TRUE = Expression("true", "bool")
FALSE = Expression("false", "bool")


def quoted(text: str) -> str:
    """A text as HCL writes it, which means nothing but itself."""
    if text.isalnum() and text.isascii():
        return f'"{text}"'
    if SURROGATE.search(text):
        raise TranslationError("A text is not valid Unicode.")
    return '"' + ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + '"'


def string(text: str) -> Expression:
    """A text of the document."""
    return Expression(quoted(text), "string")


def scalar(value: Any) -> Expression:
    """A value of the document that is neither a list nor an object."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, int | float):
        return Expression(_number(value), "number")
    return string(str(value))


def literal(value: Any) -> Expression:
    """A whole value of the document, in which nothing is a function."""
    if isinstance(value, dict):
        return mapping({str(key): literal(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return sequence([literal(item) for item in value])
    return scalar(value)


def sequence(items: Iterable[Expression]) -> Expression:
    """A list of these."""
    found = list(items)
    text = ", ".join(item.text for item in found)
    return Expression(f"[{text}]", "list", any_secret(found))


def mapping(items: dict[str, Expression]) -> Expression:
    """An object of these."""
    text = ", ".join(f"{quoted(key)} = {item.text}" for key, item in items.items())
    return Expression(f"{{{text}}}", "object", any_secret(items.values()))


def any_secret(items: Iterable[Expression]) -> bool:
    """Whether what is made of these is secret."""
    return any(item.secret for item in items)


def call(function: str, *given: Expression, kind: str = "") -> Expression:
    """A call of one of Terraform's functions."""
    text = ", ".join(item.text for item in given)
    return Expression(f"{function}({text})", kind, any_secret(given))


def written(pattern: str, *given: Expression, kind: str = "") -> Expression:
    """An expression with others at its `%s`; these never name a variable around them."""
    text = pattern % tuple(item.text for item in given)
    return Expression(text, kind, any_secret(given))


def as_text(value: Expression) -> Expression:
    """The value as ROS writes it into a text: null is empty, what is no text is JSON."""
    if value.kind == "string":
        return value
    if value.kind == "null":
        return string("")
    if value.kind in SCALARS:
        return call("tostring", value, kind="string")
    return joined(string(""), sequence([value]))


def joined(separator: Expression, items: Expression) -> Expression:
    """The items of a list as texts with a separator between them; nulls are left out."""
    pattern = "join(%s, [for v in %s : try(tostring(v), jsonencode(v)) if v != null])"
    return written(pattern, separator, items, kind="string")


def concatenated(parts: list[Expression]) -> Expression:
    """Texts one after another."""
    if not parts:
        return string("")
    if len(parts) == 1:
        return parts[0]
    return call("join", string(""), sequence(parts), kind="string")


def chosen(when: Expression, one: Expression, other: Expression) -> Expression:
    """One of two values, each of its own type; the other one is not computed."""
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
    """The value for a place where Terraform takes no secret, such as a number of resources."""
    if not value.secret:
        return value
    return Expression(f"nonsensitive(sensitive({value.text}))", value.kind)


def _number(value: int | float) -> str:
    """A number as HCL writes it."""
    if isinstance(value, float) and not math.isfinite(value):
        raise TranslationError("A number is not finite.")
    if isinstance(value, int) and abs(value) >= 10**NUMBER_DIGITS:
        raise TranslationError("A number is too large.")
    text = repr(value)
    return f"({text})" if text.startswith("-") else text
