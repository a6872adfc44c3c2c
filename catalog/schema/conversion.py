"""Conversion of JSON values to Terraform types, by Terraform's rules.

https://developer.hashicorp.com/terraform/language/expressions/types#type-conversion
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from console.lib.exact import Exact, decimal_text, dumps, exact

# More digits than Terraform keeps of a number.
MAX_NUMBER_LENGTH = 310
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?")


# A Terraform type as JSON: "string", ["list", "string"], ["object", {attribute: type},
# {optional attribute: default}] and so on; or the name of a ROS type.
ParameterType = str | list[Any]


class ConversionError(ValueError):
    """A value does not match its type; the message is a sentence for the user."""


def convert(value: object, kind: ParameterType, path: str = "") -> object:
    """Return the value as its type requires; None stays None. Raises ConversionError."""
    if value is None or kind == "any":
        return value
    if isinstance(kind, str):
        return _SIMPLE[kind](value, path)
    return _COMPLEX[kind[0]](value, kind, path)


def number(value: object, path: str = "") -> int | float:
    """Return a number, given as a number or as decimal text. Raises ConversionError.

    All digits are kept. A whole number is returned as an integer.
    """
    if isinstance(value, str):
        text = value.strip()
        if len(text) > MAX_NUMBER_LENGTH or not _NUMBER.fullmatch(text):
            raise ConversionError(_at(path, _("Enter a number.")))
        value = exact(text) if set(text) & set(".eE") else int(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConversionError(_at(path, _("Enter a number.")))
    if not math.isfinite(value):
        raise ConversionError(_at(path, _("This number is too large.")))
    # By its shortest text, because int(1e23) has digits that were not entered.
    whole = isinstance(value, float) and value == int(value)
    return int(Decimal(repr(value))) if whole else value


def boolean(value: object, path: str = "") -> bool:
    """Return a Boolean, given as a Boolean or as text. Raises ConversionError."""
    if isinstance(value, str):
        value = {"true": True, "1": True, "false": False, "0": False}.get(
            value.strip().lower()
        )
    if not isinstance(value, bool):
        raise ConversionError(_at(path, _("Choose true or false.")))
    return value


def as_text(value: object) -> str:
    """Return the text of a value in requests and comparisons; None is an empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Exact) or (isinstance(value, float) and math.isfinite(value)):
        return decimal_text(value)
    if isinstance(value, list | dict):
        return dumps(value, ensure_ascii=False)
    return str(value)


def canonical(value: object) -> str:
    """Return a text that is equal for equal JSON values only."""
    return dumps(value, sort_keys=True, ensure_ascii=False)


def type_text(kind: ParameterType) -> str:
    """Return a type in Terraform's notation, such as `list(string)`."""
    if isinstance(kind, str):
        return kind
    if kind[0] == "tuple":
        return f"tuple([{', '.join(map(type_text, kind[1]))}])"
    if kind[0] == "object":
        optional = kind[2] if len(kind) > 2 else {}
        inner = ", ".join(
            f"{name} = optional({type_text(item)})"
            if name in optional
            else f"{name} = {type_text(item)}"
            for name, item in kind[1].items()
        )
        return f"object({{{inner}}})"
    return f"{kind[0]}({type_text(kind[1])})"


def _at(path: str, sentence: str) -> str:
    return f"{path}: {sentence}" if path else sentence


def _string(value: object, path: str) -> str:
    if isinstance(value, list | dict):
        raise ConversionError(_at(path, _("Enter text, not a list or an object.")))
    return as_text(value)


def _elements(value: object, path: str) -> list[object]:
    if not isinstance(value, list):
        raise ConversionError(_at(path, _("Enter a list.")))
    return value


def _list(value: object, kind: list[Any], path: str) -> list[object]:
    return [
        convert(item, kind[1], f"{path}[{index}]")
        for index, item in enumerate(_elements(value, path))
    ]


def _set(value: object, kind: list[Any], path: str) -> list[object]:
    unique = {as_text([item]): item for item in _list(value, kind, path)}
    return list(unique.values())


def _tuple(value: object, kind: list[Any], path: str) -> list[object]:
    items = _elements(value, path)
    if len(items) != len(kind[1]):
        raise ConversionError(
            _at(path, _("Enter exactly %(count)d values.") % {"count": len(kind[1])})
        )
    return [
        convert(item, inner, f"{path}[{index}]")
        for index, (item, inner) in enumerate(zip(items, kind[1], strict=True))
    ]


def _map(value: object, kind: list[Any], path: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConversionError(_at(path, _("Enter key-value pairs.")))
    return {
        key: convert(item, kind[1], _join(path, key)) for key, item in value.items()
    }


def _object(value: object, kind: list[Any], path: str) -> dict[str, object]:
    """Drop unknown attributes; Terraform adds the optional ones that are missing."""
    if not isinstance(value, dict):
        raise ConversionError(_at(path, _("Enter an object with attributes.")))
    optional = kind[2] if len(kind) > 2 else {}
    made = {}
    for name, inner in kind[1].items():
        if name in value:
            made[name] = convert(value[name], inner, _join(path, name))
        elif name not in optional:
            raise ConversionError(
                _at(path, _("“%(name)s” is missing.") % {"name": name})
            )
    return made


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_SIMPLE: dict[str, Callable[[Any, str], Any]] = {
    "string": _string,
    "number": number,
    "bool": boolean,
}
_COMPLEX: dict[str, Callable[[Any, Any, str], Any]] = {
    "list": _list,
    "set": _set,
    "tuple": _tuple,
    "map": _map,
    "object": _object,
}
