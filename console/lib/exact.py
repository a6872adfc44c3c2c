"""JSON in which numbers keep all their digits: a float holds 17 of them, Terraform 150.

Imports neither Django nor the rest of the console, so that engines can use it too.
"""

import json
import math
import re
import secrets
from decimal import Decimal
from typing import Any, Self

# Beyond, a number is not written out as an integer: 1e999999 would fill the memory.
_LARGEST_EXPONENT = 400


class Exact(float):
    """A number whose decimal digits a float cannot hold; see `exact`.

    Two are equal when their digits are. Calculations lose the further digits.
    """

    __slots__ = ("digits",)
    digits: Decimal

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.digits = Decimal(text)
        return number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Exact) and self.digits == other.digits

    def __ne__(self, other: object) -> bool:
        # A float has one of its own, which knows nothing of the further digits.
        return not self == other

    def __hash__(self) -> int:
        return hash(self.digits)

    def __repr__(self) -> str:
        return decimal_text(self)

    __str__ = __repr__

    def __reduce__(self) -> tuple[type["Exact"], tuple[str]]:
        return Exact, (str(self.digits),)


def exact(text: str) -> int | float:
    """Return the number of a decimal text with all its digits.

    A float where that is enough, as `json` would read it; else an `Exact`, or an integer.
    """
    rounded = float(text)
    digits = Decimal(text)
    if math.isfinite(rounded) and Decimal(repr(rounded)) == digits:
        return rounded
    whole = digits == digits.to_integral_value()
    if whole and digits.adjusted() < _LARGEST_EXPONENT:
        return int(digits)
    return Exact(text)


def decimal_text(number: float) -> str:
    """Return a finite number as Terraform makes a text of it: digits, never an exponent."""
    if isinstance(number, int):
        return str(number)
    digits = number.digits if isinstance(number, Exact) else Decimal(repr(number))
    text = format(digits, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class ExactDecoder(json.JSONDecoder):
    """Reads numbers with all their digits: for `json.loads` and `JSONField`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"parse_float": exact, **options})


class ExactEncoder(json.JSONEncoder):
    """Writes what `ExactDecoder` reads; text without such numbers is that of `json`."""

    def encode(self, o: Any) -> str:
        # The encoder of the standard library cannot write a number from its digits:
        # a text stands for each, and nobody can guess it to have it replaced.
        mark, found = secrets.token_hex(8), list[str]()
        text = super().encode(_marked(o, mark, found))
        if not found:
            return text
        return re.sub(f'"{mark}:(\\d+)"', lambda match: found[int(match[1])], text)


def _marked(value: Any, mark: str, found: list[str]) -> Any:
    if isinstance(value, Exact):
        found.append(decimal_text(value))
        return f"{mark}:{len(found) - 1}"
    if isinstance(value, dict):
        return {key: _marked(item, mark, found) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item, mark, found) for item in value]
    return value


def dumps(value: Any, **options: Any) -> str:
    """Return JSON; `options` are those of `json.dumps`."""
    return json.dumps(value, cls=ExactEncoder, **options)


def loads(text: str | bytes) -> Any:
    """Return the value of a JSON text."""
    return json.loads(text, cls=ExactDecoder)
