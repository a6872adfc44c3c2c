"""Conversion of request parameters: flat names and texts to the values of a `Parameter` table."""

import re
from collections.abc import Callable, Mapping

from django.utils.translation import gettext as _

from catalog.schema.errors import TemplateError
from catalog.schema.safe_parsing import read_json
from console.lib.errors import DomainError
from console.lib.operation import Parameter, Values

INTEGER = re.compile(r"-?[0-9]{1,10}")
ENTRY = re.compile(r"([1-9][0-9]{0,4})(?:\.(.+))?")
BOOLEANS = {"true": True, "false": False}


def read(parameters: tuple[Parameter, ...], sent: Mapping[str, str]) -> Values:
    """Return the values of an operation's parameters, with defaults.

    An optional parameter that was not sent and has no default is absent. Unknown names
    are ignored, as the vendor's API does. Raises DomainError with code Missing… or
    Invalid….
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
    """Return the error for an invalid value; `path` is its name in the request."""
    return DomainError(f"{path}: {problem}", code=f"Invalid{parameter.name}")


def _missing(parameter: Parameter, path: str) -> DomainError:
    return DomainError(
        _("%(path)s is mandatory for this action.") % {"path": path},
        code=f"Missing{parameter.name}",
    )


def _single(parameter: Parameter, text: str | None, path: str) -> Values:
    """Return the value of a parameter as a dict, empty if it was not sent."""
    # An empty text is no choice.
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
    """Parse the JSON of an object parameter. Unknown fields are refused."""
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
    # Some clients send null for a field that is not set.
    texts = {
        name: _as_text(value, parameter, f"{path}.{name}")
        for name, value in found.items()
        if value is not None
    }
    return _fields(parameter, texts, path)


def _as_text(value: object, parameter: Parameter, path: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    raise invalid(parameter, path, _("must be text, a number, true, or false."))


READERS: Mapping[str, Callable[[Parameter, str, str], object]] = {
    "text": _text,
    "integer": _integer,
    "boolean": _boolean,
    "object": _object,
}


def _clearable(parameter: Parameter, sent: Mapping[str, str]) -> Values:
    """Return the entries of a clearable list, or an empty dict if it was not sent.

    The SDK leaves an empty list out, so a single blank entry counts as an empty list.
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
    """Return the entries sent as `Name.N.Field`, in numerical order."""
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
