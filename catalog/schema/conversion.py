"""A JSON value made to fit a Terraform type, by Terraform's own conversion rules.

https://developer.hashicorp.com/terraform/language/expressions/types#type-conversion
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from console.lib.exact import Exact, decimal_text, dumps, exact

# More digits than Terraform itself keeps of a number.
MAX_NUMBER_LENGTH = 310
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?")


class ConversionError(ValueError):
    """The value does not fit; the text is a sentence for the person who gave it."""


def convert(value: Any, kind: Any, path: str = "") -> Any:
    """Return the value as the type has it; None stays None. Raises ConversionError."""
    if value is None or kind == "any":
        return value
    if isinstance(kind, str):
        return _SIMPLE[kind](value, path)
    return _COMPLEX[kind[0]](value, kind, path)


def number(value: Any, path: str = "") -> int | float:
    """Return a number, from a number or from its decimal text. Raises ConversionError.

    All its digits are kept. A whole number is an integer, however it is written.
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
    # As its shortest text says it: 1e23 is not quite what a float makes of it.
    whole = isinstance(value, float) and value == int(value)
    return int(Decimal(repr(value))) if whole else value


def boolean(value: Any, path: str = "") -> bool:
    """Return a truth value, from a bool or its text. Raises ConversionError."""
    if isinstance(value, str):
        value = {"true": True, "1": True, "false": False, "0": False}.get(
            value.strip().lower()
        )
    if not isinstance(value, bool):
        raise ConversionError(_at(path, _("Choose true or false.")))
    return value


def as_text(value: Any) -> str:
    """Return the text a value has on the wire and in comparisons; None is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Exact) or (isinstance(value, float) and math.isfinite(value)):
        return decimal_text(value)
    if isinstance(value, list | dict):
        return dumps(value, ensure_ascii=False)
    return str(value)


def canonical(value: Any) -> str:
    """Return a text that is the same for equal JSON values, and for no others."""
    return dumps(value, sort_keys=True, ensure_ascii=False)


def type_text(kind: Any) -> str:
    """Return a type as Terraform writes it, to show what is expected."""
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


def _string(value: Any, path: str) -> str:
    if isinstance(value, list | dict):
        raise ConversionError(_at(path, _("Enter text, not a list or an object.")))
    return as_text(value)


def _elements(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise ConversionError(_at(path, _("Enter a list.")))
    return value


def _list(value: Any, kind: Any, path: str) -> list[Any]:
    return [
        convert(item, kind[1], f"{path}[{index}]")
        for index, item in enumerate(_elements(value, path))
    ]


def _set(value: Any, kind: Any, path: str) -> list[Any]:
    unique = {as_text([item]): item for item in _list(value, kind, path)}
    return list(unique.values())


def _tuple(value: Any, kind: Any, path: str) -> list[Any]:
    items = _elements(value, path)
    if len(items) != len(kind[1]):
        raise ConversionError(
            _at(path, _("Enter exactly %(count)d values.") % {"count": len(kind[1])})
        )
    return [
        convert(item, inner, f"{path}[{index}]")
        for index, (item, inner) in enumerate(zip(items, kind[1], strict=True))
    ]


def _map(value: Any, kind: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConversionError(_at(path, _("Enter key-value pairs.")))
    return {
        key: convert(item, kind[1], _join(path, key)) for key, item in value.items()
    }


def _object(value: Any, kind: Any, path: str) -> dict[str, Any]:
    """Unknown attributes are dropped; Terraform fills in those that may be missing."""
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
