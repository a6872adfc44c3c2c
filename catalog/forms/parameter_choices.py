"""The choices of a parameter on a form: those of the template, or fewer."""

from collections.abc import Mapping
from dataclasses import replace

from catalog.schema.conversion import as_text
from catalog.schema.parameter import Parameter
from catalog.schema.validation import Schema

_SINGLE = {"string", "number", "boolean"}


def own_choices(parameter: Parameter) -> list[str] | None:
    """Return the values that the template lists, as texts, or None."""
    if parameter.allowed_values is not None:
        return list(dict.fromkeys(map(as_text, parameter.allowed_values)))
    return ["true", "false"] if parameter.kind == "boolean" else None


def narrowed(
    schema: Schema, allowed: Mapping[str, list[str]], given: Mapping[str, object]
) -> Schema:
    """Return the schema with only the `allowed` texts as choices, by parameter.

    A default that is not allowed is dropped. So is one that would replace a given value
    which is no longer allowed, so that the user has to choose.
    """
    return replace(
        schema,
        parameters=[
            _narrowed(each, allowed.get(each.key), given) for each in schema.parameters
        ],
    )


def _narrowed(
    parameter: Parameter, allowed: list[str] | None, given: Mapping[str, object]
) -> Parameter:
    if parameter.secret or parameter.hidden or parameter.read_only:
        return parameter
    own = own_choices(parameter)
    if allowed is not None and (parameter.kind in _SINGLE or _lists_texts(parameter)):
        listed = allowed if own is None else [each for each in own if each in allowed]
        parameter = replace(parameter, allowed_values=listed)
        if not _among(parameter.default, listed):
            parameter = replace(parameter, default=None, required=True)
    if is_withdrawn(parameter, given.get(parameter.key)):
        parameter = replace(parameter, default=None, required=True)
    return parameter


def _lists_texts(parameter: Parameter) -> bool:
    return parameter.kind == "list" and bool(parameter.element_type)


def _among(value: object, listed: list[str]) -> bool:
    items = value if isinstance(value, list) else [value]
    return value is None or all(as_text(each) in listed for each in items)


def is_withdrawn(parameter: Parameter, value: object) -> bool:
    """Return True if a value is no longer among the choices."""
    listed = own_choices(parameter)
    if parameter.kind not in _SINGLE or listed is None or value in (None, ""):
        return False
    return as_text(value) not in {*listed, as_text(parameter.default)}
