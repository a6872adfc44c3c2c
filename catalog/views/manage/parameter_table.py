"""Table of the parameters of a template, for administrators."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from catalog.schema import Parameter, Schema, text_in
from catalog.schema.conversion import as_text, type_text
from console.lib.masking import MASK


@dataclass(frozen=True)
class Row:
    """A row of the table: a parameter, and the rules for its values."""

    key: str
    label: str
    type: str
    required: bool
    secret: bool
    default: str
    rules: list[str]
    description: str


def rows_of(schema: Schema) -> list[Row]:
    """Return the rows in the order of the form."""
    return [row_of(parameter) for parameter in schema.parameters]


def row_of(parameter: Parameter) -> Row:
    """Return the row of a parameter. The default of a secret is masked."""
    default = "–" if parameter.default is None else as_text(parameter.default)
    if parameter.default_unknown:
        default = _("(calculated by Terraform)")
    return Row(
        parameter.key,
        parameter.label_in(),
        type_text(parameter.type),
        parameter.required,
        parameter.secret,
        MASK if parameter.secret and parameter.default is not None else default,
        list(_rules(parameter)),
        text_in(parameter.description),
    )


def _rules(parameter: Parameter) -> Iterator[str]:
    if parameter.allowed_values is not None:
        values = ", ".join(map(as_text, parameter.allowed_values))
        yield _("One of: %(values)s") % {"values": values}
    if parameter.allowed_pattern:
        yield _("Matches %(pattern)s") % {"pattern": parameter.allowed_pattern}
    if length := _range(parameter.min_length, parameter.max_length):
        yield _("Length %(range)s") % {"range": length}
    if value := _range(parameter.min_value, parameter.max_value):
        yield _("Value %(range)s") % {"range": value}
    if parameter.confirm:
        yield _("Must be entered twice")
    if parameter.hidden:
        yield _("Hidden on the form")
    if parameter.visible is not None:
        yield _("Shown conditionally")
    yield from parameter.validations


def _range(least: float | None, most: float | None) -> str:
    if least is None and most is None:
        return ""
    return (
        f"{'' if least is None else f'{least:g}'}–{'' if most is None else f'{most:g}'}"
    )
