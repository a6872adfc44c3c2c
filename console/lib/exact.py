"""JSON with exact numbers: a float has 17 significant digits, Terraform's numbers up to 150.

It imports neither Django nor other modules of the project, so that engines can use it.
"""

import json
import math
import re
import secrets
from decimal import Decimal
from typing import Any, Self

# Limit for integers: the digits of 1e999999 would fill the memory.
_LARGEST_EXPONENT = 400


class Exact(float):
    """A number with more decimal digits than a float holds; see `exact`.

    Two are equal if all their digits are. Arithmetic uses only the precision of a
    float.
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
        # The one of float would ignore the further digits.
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

    The result is a float if that is exact, as `json` reads it, else an integer or
    `Exact`.
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
    """Return a finite number as Terraform formats it: all digits, no exponent."""
    if isinstance(number, int):
        return str(number)
    digits = number.digits if isinstance(number, Exact) else Decimal(repr(number))
    text = format(digits, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class ExactDecoder(json.JSONDecoder):
    """JSON decoder that keeps all digits, for `json.loads` and `JSONField`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"parse_float": exact, **options})


class ExactEncoder(json.JSONEncoder):
    """JSON encoder for `Exact`. Other values are written as by `json`."""

    def encode(self, o: object) -> str:
        # The standard encoder cannot write a number from its digits, so each is encoded
        # as a placeholder text with a random mark that no input can contain.
        mark, found = secrets.token_hex(8), list[str]()
        text = super().encode(_marked(o, mark, found))
        if not found:
            return text
        return re.sub(f'"{mark}:(\\d+)"', lambda match: found[int(match[1])], text)


def _marked(value: object, mark: str, found: list[str]) -> object:
    if isinstance(value, Exact):
        found.append(decimal_text(value))
        return f"{mark}:{len(found) - 1}"
    if isinstance(value, dict):
        return {key: _marked(item, mark, found) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item, mark, found) for item in value]
    return value


def dumps(value: object, **options: Any) -> str:
    """Return JSON; `options` are those of `json.dumps`."""
    return json.dumps(value, cls=ExactEncoder, **options)


def loads(text: str | bytes) -> Any:
    """Parse a JSON text with exact numbers."""
    return json.loads(text, cls=ExactDecoder)
