"""Lists, maps and objects as rows of cells in a table of a form.

A cell is text, as a browser sends it. A value is shown as rows only if reading the rows
gives exactly that value; otherwise its JSON is shown.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from catalog.schema.conversion import (
    ConversionError,
    ParameterType,
    as_text,
    boolean,
    convert,
    number,
    type_text,
)
from catalog.schema.errors import TemplateError
from catalog.schema.parameter import Parameter, text_in
from catalog.schema.safe_parsing import read_json
from console.lib.line_breaks import received, uniform

# Names of columns that no attribute can have: keys of a map, and elements that are no objects.
KEY, VALUE = "#", "="
MAX_ROWS = 100
SIMPLE = {"string", "number", "bool"}
_CELL = re.compile(r"([0-9]{1,4})\.(.{1,255})")
_ROS_TYPES: dict[str, ParameterType] = {
    "Number": "number",
    "Boolean": "bool",
    "Json": ["map", "any"],
}

Row = dict[str, str]


class Rows(list[Row]):
    """Cells as they were sent, without validation. Blank rows are ignored."""

    @property
    def filled(self) -> list[tuple[int, Row]]:
        """The rows that are not blank, with their numbers on the page, from 1."""
        return [
            (place, row)
            for place, row in enumerate(self, start=1)
            if any(cell.strip() for cell in row.values())
        ]


@dataclass(frozen=True)
class Column:
    """A column of the table. `type` is a Terraform type; `optional` cells can be empty."""

    name: str
    type: ParameterType
    label: str
    optional: bool = False
    default: Any = None
    choices: list[str] = field(default_factory=list)

    @property
    def nested(self) -> bool:
        """True if the cells have JSON, because the type is too deep for a table."""
        return not isinstance(self.type, str)

    @property
    def hint(self) -> str:
        """The placeholder of a cell: its default, or its type."""
        if self.optional and self.default not in (None, "", [], {}):
            return as_text(self.default)
        return type_text(self.type) if self.nested else ""

    def read(self, text: str) -> object:
        """Return the value of a cell, or its text if it is invalid, for the validation."""
        try:
            if self.nested:
                return read_json(text)
            if self.type == "number":
                return number(text)
            return boolean(text) if self.type == "bool" else text
        except (ConversionError, TemplateError):
            return text


@dataclass(frozen=True)
class Table:
    """The table of a parameter. `kind` is list, map or object (a single row)."""

    kind: str
    columns: list[Column]
    # The type of the values; None if the template does not declare it.
    type: ParameterType | None = None

    @property
    def attributes(self) -> list[Column]:
        return [column for column in self.columns if column.name not in (KEY, VALUE)]

    def read(self, rows: Rows) -> object:
        """Return the value of the rows. Raises ValidationError for missing or duplicate keys."""
        filled = rows.filled
        if self.kind == "object":
            return self._element(filled[0][1]) if filled else {}
        if self.kind == "list":
            return [self._element(row) for _place, row in filled]
        found: dict[str, Any] = {}
        for place, row in filled:
            key = row.get(KEY, "")
            if not key:
                raise ValidationError(_("Enter a key in row %(row)d.") % {"row": place})
            if key in found:
                raise ValidationError(
                    _("The key “%(key)s” is duplicated. Keep only one.") % {"key": key}
                )
            found[key] = self._element(row)
        return found

    def _element(self, row: Row) -> object:
        if not self.attributes:
            return self.columns[-1].read(row.get(VALUE, ""))
        made = {}
        for column in self.attributes:
            text = row.get(column.name, "")
            if text or (column.type == "string" and not column.optional):
                made[column.name] = column.read(text)
        return made

    def write(self, value: object) -> Rows | None:
        """Return the rows of a value, or None if rows cannot represent it exactly."""
        rows = self._rows(value)
        if rows is None or len(rows) > MAX_ROWS:
            return None
        try:
            again = self.read(rows)
            return rows if self._fitted(again) == self._fitted(value) else None
        except (ConversionError, ValidationError):
            return None

    def _fitted(self, value: object) -> object:
        return value if self.type is None else convert(value, self.type)

    def _rows(self, value: object) -> Rows | None:
        if value is None:
            return Rows()
        if self.kind == "list":
            items = value if isinstance(value, list) else None
            return None if items is None else self._made([(None, i) for i in items])
        if not isinstance(value, Mapping):
            return None
        return self._made(value.items() if self.kind == "map" else [(None, value)])

    def _made(self, items: Iterable[tuple[str | None, object]]) -> Rows | None:
        rows = Rows()
        for key, item in items:
            row = {} if key is None else {KEY: key}
            if not self.attributes:
                row[VALUE] = as_text(item)
            elif isinstance(item, Mapping):
                row |= {c.name: as_text(item.get(c.name)) for c in self.attributes}
            else:
                return None
            rows.append(row)
        return rows


def restored(sent: Rows, original: Rows) -> Rows:
    """Return the rows with the original line breaks in the cells that were not edited.

    A cell was not edited if it equals the original cell in its place or any other cell of
    its column, because rows move up when one before them is removed.
    """
    known = {
        (name, uniform(text)): text for row in original for name, text in row.items()
    }
    found = Rows()
    for at, row in enumerate(sent):
        here = original[at] if at < len(original) else {}
        cells = {}
        for name, text in row.items():
            same = uniform(text) == uniform(here.get(name, ""))
            cells[name] = (
                here.get(name, text) if same else known.get((name, uniform(text)), text)
            )
        found.append(cells)
    return found


def rows_in(data: Mapping[str, object], name: str, table: Table) -> Rows | None:
    """Return the rows that were sent for a field, or None without rows."""
    known = {column.name for column in table.columns}
    found: dict[int, Row] = {}
    for key in data:
        if not key.startswith(f"{name}:"):
            continue
        cell = _CELL.fullmatch(key, len(name) + 1)
        if cell and cell[2] in known:
            text = received(str(data[key]))
            found.setdefault(int(cell[1]), {})[cell[2]] = text
    return Rows(found[place] for place in sorted(found)) if found else None


def changed(rows: Rows, change: str, key: str) -> Rows:
    """Return the rows after a button of the table: `add:KEY` or `remove:KEY:ROW`."""
    verb, _colon, rest = change.partition(":")
    target, _colon, place = rest.partition(":")
    if target != key:
        return rows
    if verb == "add":
        return Rows([*rows, {}])
    if verb == "remove" and place.isdecimal():
        return Rows(row for at, row in enumerate(rows) if at != int(place))
    return rows


def table_of(parameter: Parameter, language: str) -> Table | None:
    """Return the table of a parameter, or None if it is entered as text."""
    if parameter.secret or parameter.type == "CommaDelimitedList":
        return None
    described = _described(parameter, language)
    if described is not None:
        return described
    kind = parameter.type
    if parameter.kind not in {"list", "map", "object"} or isinstance(kind, str):
        return None
    name, inner = kind[0], kind[1]
    if name == "object":
        columns = _attributes(kind)
        return Table("object", columns, kind) if columns else None
    if name not in {"list", "set", "map"}:
        return None
    columns = []
    if isinstance(inner, list) and inner[0] == "object":
        columns = _attributes(inner)
    if not columns and (inner in SIMPLE if isinstance(inner, str) else name == "map"):
        choices = [as_text(each) for each in parameter.allowed_values or []]
        columns = [Column(VALUE, inner, _("Value"), choices=choices)]
    if not columns:
        return None
    if name == "map":
        return Table("map", [Column(KEY, "string", _("Key")), *columns], kind)
    return Table("list", columns, kind)


def _attributes(kind: list[Any]) -> list[Column]:
    optional = kind[2] if len(kind) > 2 else {}
    return [
        Column(name, inner, name, name in optional, optional.get(name))
        for name, inner in kind[1].items()
    ]


def _described(parameter: Parameter, language: str) -> Table | None:
    """Return the table that a ROS document declares for a value of type Json."""
    declared = parameter.association_metadata
    if parameter.kind != "json":
        return None
    if parameter.association == "List[Parameter]":
        one = declared.get("Parameter")
        if isinstance(one, Mapping):
            return Table("list", [_ros_column(VALUE, one, language)])
    many = declared.get("Parameters")
    if parameter.association == "List[Parameters]" and isinstance(many, Mapping):
        columns = [
            _ros_column(str(name), each, language)
            for name, each in many.items()
            if isinstance(each, Mapping)
        ]
        return Table("list", columns) if columns else None
    return None


def _ros_column(name: str, declared: Mapping[str, object], language: str) -> Column:
    label, allowed = declared.get("Label"), declared.get("AllowedValues")
    words = text_in(label, language) if isinstance(label, Mapping) else as_text(label)
    return Column(
        name,
        _ROS_TYPES.get(str(declared.get("Type")), "string"),
        words or (_("Value") if name == VALUE else name),
        optional=not declared.get("Required"),
        default=declared.get("Default"),
        choices=[as_text(v) for v in allowed] if isinstance(allowed, list) else [],
    )
