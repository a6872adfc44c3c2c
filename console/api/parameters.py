"""From the wire to Python: flat names and texts become the values a table describes."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from catalog.schema.errors import TemplateError
from catalog.schema.safe_parsing import read_json
from console.lib.errors import DomainError
from console.lib.operation import Parameter, Values

INTEGER = re.compile(r"-?[0-9]{1,10}")
ENTRY = re.compile(r"([1-9][0-9]{0,4})(?:\.(.+))?")
BOOLEANS = {"true": True, "false": False}


def read(parameters: tuple[Parameter, ...], sent: Mapping[str, str]) -> Values:
    """Return the values an operation asks for: what was sent, and the defaults.

    An optional parameter that was not sent and has no default is absent. A name no table
    knows is ignored, as the vendor does. Raises DomainError, Missing… or Invalid….
    """
    values: Values = {}
    for parameter in parameters:
        if parameter.clearable:
            values |= _clearable(parameter, sent)
        elif parameter.kind == "list":
            values[parameter.name] = _entries(parameter, sent)
        else:
            values |= _single(parameter, sent.get(parameter.name), parameter.name)
    return values


def invalid(parameter: Parameter, path: str, problem: str) -> DomainError:
    """Return the refusal of a value; `path` says where it is."""
    return DomainError(f"{path}: {problem}", code=f"Invalid{parameter.name}")


def _missing(parameter: Parameter, path: str) -> DomainError:
    return DomainError(
        _("%(path)s is mandatory for this action.") % {"path": path},
        code=f"Missing{parameter.name}",
    )


def _single(parameter: Parameter, text: str | None, path: str) -> Values:
    """Read what was sent under one name: a value, or nothing."""
    # An empty choice is one that was not made.
    if text is None or (not text and parameter.choices):
        if parameter.required:
            raise _missing(parameter, path)
        default = parameter.default
        return {} if default is None else {parameter.name: default}
    return {parameter.name: READERS[parameter.kind](parameter, text, path)}


def _text(parameter: Parameter, text: str, path: str) -> str:
    if parameter.required and not parameter.blank and not text.strip():
        raise _missing(parameter, path)
    if len(text) > parameter.most:
        raise invalid(
            parameter,
            path,
            _("must be up to %(most)d characters long.") % {"most": parameter.most},
        )
    return _choice(parameter, text, path) if parameter.choices else text


def _choice(parameter: Parameter, text: str, path: str) -> str:
    for choice in parameter.choices:
        same = text.lower() == choice.lower() if parameter.any_case else text == choice
        if same:
            return choice
    raise invalid(
        parameter,
        path,
        _("must be one of %(choices)s.") % {"choices": ", ".join(parameter.choices)},
    )


def _integer(parameter: Parameter, text: str, path: str) -> int:
    number = int(text) if INTEGER.fullmatch(text) else None
    if number is None or not parameter.least <= number <= parameter.most:
        raise invalid(
            parameter,
            path,
            _("must be an integer from %(least)d to %(most)d.")
            % {"least": parameter.least, "most": parameter.most},
        )
    return number


def _boolean(parameter: Parameter, text: str, path: str) -> bool:
    if text.lower() not in BOOLEANS:
        raise invalid(parameter, path, _("must be true or false."))
    return BOOLEANS[text.lower()]


def _object(parameter: Parameter, text: str, path: str) -> Values:
    """Read JSON in a field: strict, bounded, and with the fields of the table only."""
    try:
        found = read_json(text)
    except TemplateError as error:
        raise invalid(parameter, path, str(error)) from error
    if not isinstance(found, dict):
        raise invalid(parameter, path, _("must be a JSON object."))
    known = {each.name for each in parameter.fields}
    if unknown := sorted(found.keys() - known):
        raise invalid(
            parameter,
            path,
            _("contains unknown fields: %(names)s.") % {"names": unknown[0]},
        )
    # JSON's null is how some clients write a field they do not set.
    texts = {
        name: _as_text(value, parameter, f"{path}.{name}")
        for name, value in found.items()
        if value is not None
    }
    return _fields(parameter, texts, path)


def _as_text(value: Any, parameter: Parameter, path: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    raise invalid(parameter, path, _("must be text, a number, true, or false."))


READERS: Mapping[str, Callable[[Parameter, str, str], Any]] = {
    "text": _text,
    "integer": _integer,
    "boolean": _boolean,
    "object": _object,
}


def _clearable(parameter: Parameter, sent: Mapping[str, str]) -> Values:
    """Read a list that may be emptied; it is absent when nothing of it was sent.

    The SDK leaves an empty list out, so one entry with nothing in it is one, too.
    """
    name = parameter.name
    entries = {k: v for k, v in sent.items() if k.startswith(f"{name}.")}
    if not entries and name not in sent:
        return {}
    blank = {f"{name}.1.{each.name}" for each in parameter.fields}
    emptied = entries and entries.keys() <= blank and not any(entries.values())
    if emptied or (not entries and sent[name].strip() in ("", "[]")):
        return {name: []}
    return {name: _entries(parameter, sent)}


def _entries(parameter: Parameter, sent: Mapping[str, str]) -> list[Values]:
    """Read `Name.N.Field`, ordered by number: sorted as text, 10 comes before 2."""
    prefix = f"{parameter.name}."
    known = {each.name for each in parameter.fields}
    found: dict[int, dict[str, str]] = {}
    for name, text in sent.items():
        if name == parameter.name and text:
            raise invalid(
                parameter, name, _("must be sent as %(name)s.1.… .") % {"name": name}
            )
        if not name.startswith(prefix):
            continue
        match = ENTRY.fullmatch(name.removeprefix(prefix))
        if match is None or match[2] not in known:
            raise invalid(parameter, name[:120], _("is not a known field."))
        found.setdefault(int(match[1]), {})[match[2]] = text
    if len(found) > parameter.most:
        raise invalid(
            parameter,
            parameter.name,
            _("can have up to %(most)d entries.") % {"most": parameter.most},
        )
    return [
        _fields(parameter, found[number], f"{prefix}{number}")
        for number in sorted(found)
    ]


def _fields(parameter: Parameter, texts: Mapping[str, str], path: str) -> Values:
    values: Values = {}
    for each in parameter.fields:
        values |= _single(each, texts.get(each.name), f"{path}.{each.name}")
    return values
