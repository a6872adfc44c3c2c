"""The widget of lists, maps and objects: a table with rows, or a group of inputs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.renderers import BaseRenderer
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from catalog.forms.multiline_input import MultilineInput
from catalog.forms.table_rows import VALUE, Column, Rows, Table, rows_in
from catalog.schema.conversion import as_text, type_text
from catalog.schema.errors import TemplateError
from catalog.schema.safe_parsing import read_json

TEMPLATE = "components/parameter_rows.html"


@dataclass(frozen=True)
class Cell:
    """One input of the table."""

    column: Column
    name: str
    id: str
    value: str
    label: str
    focus: bool = False
    # A cell of a table has no visible label.
    labelled: bool = False
    invalid: bool = False

    @property
    def kind(self) -> str:
        """The control: select, area, number or text, which takes several lines."""
        if self.column.choices or self.column.type == "bool":
            return "select"
        if self.column.nested:
            return "area"
        return "number" if self.column.type == "number" else "text"

    @property
    def control(self) -> SafeString:
        """The text control, without a label."""
        attrs: dict[str, Any] = {
            "id": self.id,
            "placeholder": self.column.hint,
            "autocomplete": "off",
        }
        if self.labelled:
            attrs["aria-label"] = self.label
        if self.invalid:
            attrs["aria-invalid"] = "true"
        if self.focus:
            attrs["autofocus"] = True
        return MultilineInput(attrs).render(self.name, self.value)

    @property
    def options(self) -> list[str]:
        choices = self.column.choices or ["true", "false"]
        return choices if self.value in ("", *choices) else [*choices, self.value]


class RowsWidget(forms.Widget):
    """A table of rows, or a text area for a value that rows cannot represent.

    Its buttons submit `change`; the page responds with the changed form. They work without
    JavaScript.
    """

    use_fieldset = True

    def __init__(
        self, table: Table, key: str, label: str, attrs: dict[str, object]
    ) -> None:
        super().__init__(attrs)
        self.table, self.key, self.label = table, key, label
        # Set in the response to "Add row", to put the focus into the new row.
        self.focus_last = False

    def value_from_datadict(
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> Rows | str | None:
        rows = rows_in(data, name, self.table)
        text: str | None = data.get(name)
        return text if rows is None else rows

    def value_omitted_from_data(
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> bool:
        return self.value_from_datadict(data, files, name) is None

    def render(
        self,
        name: str,
        value: object,
        attrs: dict[str, object] | None = None,
        renderer: BaseRenderer | None = None,
    ) -> SafeString:
        final = self.build_attrs(self.attrs, attrs)
        rows = value if isinstance(value, Rows) else self.rows_of(as_text(value))
        if rows is None:
            return self._as_text(name, value, final)
        context = {
            "id": final.get("id", name),
            "key": self.key,
            "label": self.label,
            "single": self.table.kind == "object",
            "columns": self.table.columns,
            "lines": list(self._lines(name, rows or Rows([{}]), final)),
        }
        return render_to_string(TEMPLATE, context)

    def rows_of(self, text: str | None) -> Rows | None:
        """Return the rows of a text, which is JSON or lines; None if rows cannot represent it."""
        if not text:
            return Rows()
        try:
            return self.table.write(read_json(text))
        except TemplateError:
            plain = self.table.kind == "list" and not self.table.attributes
            if not plain or text.lstrip().startswith("["):
                return None
            return Rows({VALUE: line} for line in text.split("\n"))

    def _as_text(
        self, name: str, value: object, attrs: dict[str, object]
    ) -> SafeString:
        area = forms.Textarea(attrs | {"rows": 4, "spellcheck": "false"})
        context = {
            "id": attrs.get("id", name),
            "text": area.render(name, value),
            "shape": type_text(self.table.type) if self.table.type else "",
        }
        return render_to_string(TEMPLATE, context)

    def _lines(
        self, name: str, rows: Rows, attrs: Mapping[str, object]
    ) -> Iterator[list[Cell]]:
        own = attrs.get("id", name)
        for at, row in enumerate(rows):
            last = self.focus_last and at == len(rows) - 1
            yield [
                Cell(
                    column,
                    f"{name}:{at}.{column.name}",
                    f"{own}.{at}.{place}",
                    row.get(column.name, ""),
                    self._label(column, at),
                    focus=last and place == 0,
                    labelled=self.table.kind != "object",
                    invalid="aria-invalid" in attrs,
                )
                for place, column in enumerate(self.table.columns)
            ]

    def _label(self, column: Column, at: int) -> str:
        if self.table.kind == "object":
            return column.label
        return _("%(column)s, row %(row)d") % {"column": column.label, "row": at + 1}
