"""Functions of ROS that calculate with numbers."""

import re
from dataclasses import dataclass

from instances.engines.ros_local.expressions import (
    Expression,
    TranslationError,
    call,
    scalar,
    sequence,
    written,
)
from instances.engines.ros_local.functions.arguments import (
    listed,
    many,
    one_list,
    whole_number,
)
from instances.engines.ros_local.scope import Function, Scope

MAX_PLACES = 15
MAX_LENGTH = 1000
MAX_NESTING = 30
TOKEN = re.compile(r"\s*(\d+\.\d*|\.\d+|\d+|\{\d{1,4}\}|[-+*/%()])")
NUMBERS = "[for v in %s : tonumber(v)]"


def add(scope: Scope, given: object) -> Expression:
    """Add numbers, or join lists or objects."""
    found = [scope.value(item) for item in many("Fn::Add", given)]
    kinds = {item.kind for item in found}
    if "list" in kinds:
        return call("concat", *found, kind="list")
    if "object" in kinds:
        return call("merge", *found, kind="object")
    items = sequence(found)
    if kinds <= {"number", "string"}:
        return written(f"sum({NUMBERS})", items, kind="number")
    pattern = (
        f"[for a in [%s] : try(sum({NUMBERS % 'a'}), concat(a...), merge(a...))][0]"
    )
    return written(pattern, items)


def avg(scope: Scope, given: object) -> Expression:
    places, items = listed("Fn::Avg", given, 2)
    digits = whole_number("Fn::Avg", places, "decimal places", MAX_PLACES)
    pattern = f"[for a in [{NUMBERS}] : sum(a) / length(a)][0]"
    return _rounded(written(pattern, one_list(scope, items)), digits)


def max_(scope: Scope, given: object) -> Expression:
    return written(f"max({NUMBERS}...)", one_list(scope, given), kind="number")


def min_(scope: Scope, given: object) -> Expression:
    return written(f"min({NUMBERS}...)", one_list(scope, given), kind="number")


def calculate(scope: Scope, given: object) -> Expression:
    """Evaluate a formula and round the result; `{0}` in it is the first of its values."""
    formula, *rest = listed("Fn::Calculate", given, 1, 3)
    named = rest[1] if len(rest) > 1 else []
    if not isinstance(formula, str | int | float) or not isinstance(named, list):
        raise TranslationError(
            "Fn::Calculate takes a formula and a list of its values."
        )
    result = Formula(str(formula), scope, named).read().value
    if not rest:
        return result
    places = whole_number("Fn::Calculate", rest[0], "decimal places", MAX_PLACES)
    return _rounded(result, places)


@dataclass(frozen=True)
class Part:
    """A part of a formula. `whole` tells whether it is an integer, None if only the run can."""

    value: Expression
    whole: bool | None


class Formula:
    """Reads a formula by recursive descent. Whole numbers divide to whole numbers."""

    def __init__(self, text: str, scope: Scope, given: list[object]) -> None:
        self.scope = scope
        self.given = given
        self.depth = 0
        self.tokens = _tokens(text)
        self.tokens.reverse()

    def read(self) -> Part:
        part = self._sum()
        if self.tokens:
            raise _unreadable()
        return part

    def _sum(self) -> Part:
        part = self._product()
        while self._next() in ("+", "-"):
            sign = self.tokens.pop()
            part = _combined(part, sign, self._product())
        return part

    def _product(self) -> Part:
        part = self._signed()
        while self._next() in ("*", "/", "%"):
            sign = self.tokens.pop()
            other = self._signed()
            part = (
                _divided(part, other) if sign == "/" else _combined(part, sign, other)
            )
        return part

    def _signed(self) -> Part:
        negative = False
        while self._next() in ("+", "-"):
            negative ^= self.tokens.pop() == "-"
        part = self._atom()
        value = written("(-%s)", part.value, kind="number") if negative else part.value
        return Part(value, part.whole)

    def _atom(self) -> Part:
        token = self.tokens.pop() if self.tokens else ""
        if token == "(":
            self.depth += 1
            if self.depth > MAX_NESTING:
                raise TranslationError(
                    "Fn::Calculate cannot be simulated: it is nested too deeply."
                )
            part = self._sum()
            self.depth -= 1
            if self._next() != ")":
                raise _unreadable()
            self.tokens.pop()
            return part
        if token.startswith("{"):
            return self._named(int(token[1:-1]))
        if not token[:1].isdigit() and not token.startswith("."):
            raise _unreadable()
        number = float(token) if "." in token else int(token)
        return Part(scalar(number), isinstance(number, int))

    def _named(self, number: int) -> Part:
        if number >= len(self.given):
            raise TranslationError(
                f"Fn::Calculate names {{{number}}}, which is not given."
            )
        value = self.given[number]
        whole = isinstance(value, int) if isinstance(value, int | float) else None
        expression = self.scope.value(value)
        return Part(written("tonumber(%s)", expression, kind="number"), whole)

    def _next(self) -> str:
        return self.tokens[-1] if self.tokens else ""


def _tokens(text: str) -> list[str]:
    """Split a formula into tokens. Raises TranslationError."""
    if len(text) > MAX_LENGTH:
        raise TranslationError(
            "Fn::Calculate cannot be simulated: its formula is too long."
        )
    found: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        token = TOKEN.match(text, at)
        if token is None:
            raise _unreadable()
        found.append(token[1])
        at = token.end()
    return found


def _unreadable() -> TranslationError:
    return TranslationError(
        "Fn::Calculate cannot be simulated: its formula cannot be read."
    )


def _combined(one: Part, sign: str, other: Part) -> Part:
    """Return a sum, difference, product or remainder."""
    sign = sign.replace("%", "%%")
    value = written(f"(%s {sign} %s)", one.value, other.value, kind="number")
    return Part(value, _both_whole(one, other))


def _divided(one: Part, other: Part) -> Part:
    """Return a quotient, which is whole when both numbers are."""
    whole = _both_whole(one, other)
    if whole is not None:
        pattern = "floor(%s / %s)" if whole else "(%s / %s)"
        return Part(written(pattern, one.value, other.value, kind="number"), whole)
    pattern = (
        "[for d in [[%s, %s]] : floor(d[0]) == d[0] && floor(d[1]) == d[1] "
        "? floor(d[0] / d[1]) : d[0] / d[1]][0]"
    )
    return Part(written(pattern, one.value, other.value, kind="number"), None)


def _both_whole(one: Part, other: Part) -> bool | None:
    """Return whether the result of two numbers is whole, None if only the run can tell."""
    if False in (one.whole, other.whole):
        return False
    return None if None in (one.whole, other.whole) else True


def _rounded(value: Expression, places: int) -> Expression:
    """Round a number to decimal places."""
    factor = 10**places
    pattern = f"(floor(%s * {factor} + 0.5) / {factor})"
    return written(pattern, value, kind="number")


FUNCTIONS: dict[str, Function] = {
    "Fn::Add": add,
    "Fn::Avg": avg,
    "Fn::Max": max_,
    "Fn::Min": min_,
    "Fn::Calculate": calculate,
}
