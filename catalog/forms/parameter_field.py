"""The form field of a parameter: its widget, its texts, and the conversion of values."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from catalog.forms.multiline_input import MultilineInput, SecretInput
from catalog.forms.parameter_choices import is_withdrawn, own_choices
from catalog.forms.rows_widget import RowsWidget
from catalog.forms.table_rows import Rows, restored, table_of
from catalog.schema.conversion import as_text, type_text
from catalog.schema.parameter import Parameter, text_in
from catalog.schema.patterns import allows_line_break
from catalog.schema.random_name import ASSOCIATION, random_name
from catalog.suggestions import SuggestionInput, Suggestions, canonical
from console.lib.exact import dumps
from console.lib.line_breaks import received
from console.lib.masking import is_mask

_ROWS = 4
_BREAK = re.compile(r"[\r\n]")


class ParameterField(forms.Field):
    """A field that passes its input to the schema, which validates it."""

    # True if the Visible condition of another parameter refers to this one.
    governs = False
    # True if a value is required while the field is visible.
    needed = False
    # The initial text of the control; an equal text was not edited.
    original: str | Rows = ""

    def __init__(self, parameter: Parameter, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.parameter = parameter

    def clean(self, value: object) -> object:
        """Return the input for `Schema.clean`: the text, or the value of lines or rows.

        Raises ValidationError for rows without a key, or with the same key twice.
        """
        original = self.original
        if isinstance(value, Rows):
            return self._read(value)
        if not isinstance(value, str):
            return value
        value = received(value, original if isinstance(original, str) else None)
        parameter = self.parameter
        if by_line(parameter) and not _is_json_list(value) and not is_mask(value):
            lines = [line.strip() for line in value.split("\n") if line.strip()]
            return lines if lines or (self._may_empty and not parameter.secret) else ""
        return value

    def initial_value(self, given: Mapping[str, object]) -> object:
        """Return the result of `clean` for the field's initial text with these values."""
        first = first_value(self.parameter, given)
        if isinstance(self.widget, RowsWidget) and not isinstance(first, Rows):
            first = self.widget.rows_of(first) or first
        return self.clean(first)

    @property
    def _may_empty(self) -> bool:
        """True if an empty field is an empty value, and not a missing one."""
        return not self.parameter.required and self.parameter.default is not None

    def _read(self, rows: Rows) -> object:
        assert isinstance(self.widget, RowsWidget)  # the only widget with rows
        table = self.widget.table
        rows = restored(rows, self._original_rows())
        if rows.filled:
            return table.read(rows)
        whole = table.kind != "object" or all(c.optional for c in table.columns)
        wanted = self._may_empty or (self.parameter.required and table.kind == "object")
        return table.read(rows) if whole and wanted else ""

    def _original_rows(self) -> Rows:
        assert isinstance(self.widget, RowsWidget)
        if isinstance(self.original, Rows):
            return self.original
        return self.widget.rows_of(self.original) or Rows()


def field_of(
    parameter: Parameter,
    *,
    language: str,
    kept: bool,
    suggestions: Suggestions | None = None,
    shown: str | Rows = "",
) -> ParameterField:
    """Return the field of a parameter.

    With `kept`, an empty field keeps the current secret. `shown` is the text of the control.
    """
    always = parameter.required and parameter.visible is None
    field = ParameterField(
        parameter,
        label=parameter.label_in(language),
        help_text=_hint(parameter, language, kept=kept, shown=shown),
        required=always and not kept,
        widget=_with_line_breaks(
            _suggesting(parameter, _widget(parameter, language), suggestions or {}),
            shown,
        ),
    )
    field.needed = parameter.required and not kept
    return field


def first_value(parameter: Parameter, given: Mapping[str, object]) -> str | Rows:
    """Return the initial text of a field: the given value, or the default."""
    if parameter.key in given:
        return text_of(parameter, given[parameter.key])
    if parameter.default is None and parameter.association == ASSOCIATION:
        return random_name(parameter)
    return text_of(parameter, parameter.default)


def entered_text_or_value(
    parameter: Parameter, value: object, text: str | None
) -> object:
    """Return the text that was entered for a value, if its field shows such texts.

    Lists that are entered in lines or rows, and choices, are shown by their value.
    """
    shows_text = parameter.kind not in {"string", "boolean"} and not by_line(parameter)
    if text is None or not shows_text or table_of(parameter, "en") is not None:
        return value
    return text


def is_untouched(
    parameter: Parameter, typed: object, given: Mapping[str, object]
) -> bool:
    """Return True if the sent text or rows are the initial ones of a field."""
    field = field_of(parameter, language="en", kept=False)
    try:
        return bool(field.clean(typed) == field.initial_value(given))
    except ValidationError:
        return False


def text_of(parameter: Parameter, value: object) -> str | Rows:
    """Return a typed value as the text or rows of its widget."""
    if isinstance(value, Rows):
        return value
    if value is None:
        return ""
    if isinstance(value, list) and parameter.type == "CommaDelimitedList":
        return ",".join(map(as_text, value))
    if isinstance(value, list) and by_line(parameter):
        lines = [as_text(item) for item in value]
        plain = all(line == line.strip() != "" and "\n" not in line for line in lines)
        if plain and not (lines and lines[0].startswith("[")):
            return "\n".join(lines)
    if parameter.kind in {"list", "map", "object", "json"}:
        if isinstance(value, str):
            return value
        return dumps(value, ensure_ascii=False, indent=2)
    return as_text(value)


def by_line(parameter: Parameter) -> bool:
    """Return True if a list is entered with one value per line."""
    return bool(parameter.element_type) and parameter.type != "CommaDelimitedList"


def _is_json_list(text: str) -> bool:
    """Return True for a list in JSON, which allows values with line breaks."""
    return text.lstrip().startswith("[") and text.rstrip().endswith("]")


def _hint(parameter: Parameter, language: str, *, kept: bool, shown: str | Rows) -> str:
    description = text_in(parameter.description, language) or text_in(
        parameter.constraint_description, language
    )
    sentences = [description] if description else []
    table = table_of(parameter, language)
    if table is not None:
        if table.kind != "object":
            sentences.append(_("Empty rows are ignored."))
    elif by_line(parameter):
        sentences.append(_("One value per line."))
    elif parameter.type == "CommaDelimitedList":
        sentences.append(_("Values separated by commas."))
    elif parameter.kind in {"list", "map", "object"}:
        sentences.append(
            _("Enter JSON in this format: %(shape)s")
            % {"shape": type_text(parameter.type)}
        )
    elif parameter.kind == "json":
        sentences.append(_("A JSON list or object."))
    if not parameter.secret and is_withdrawn(parameter, shown):
        sentences.append(
            _("The value %(value)s is no longer available. Choose another value.")
            % {"value": shown}
        )
    if parameter.default_unknown:
        sentences.append(
            _(
                "Leave this field empty to use the default value that Terraform calculates."
            )
        )
    if parameter.visible is not None:
        sentences.append(_("Applies only to certain choices above."))
    if kept:
        sentences.append(_("Leave this field empty to keep the current value."))
    if parameter.secret_before:
        sentences.append(
            _(
                "The current value is secret, but this version does not mark the parameter "
                "as secret. A new value will be visible."
            )
        )
    # A description of several lines can end in a list, so a paragraph is added.
    return ("\n\n" if "\n" in description else " ").join(sentences)


def _widget(parameter: Parameter, language: str) -> forms.Widget:
    attrs: dict[str, Any] = {}
    if parameter.placeholder:
        attrs["placeholder"] = parameter.placeholder
    if parameter.read_only:
        attrs["readonly"] = True
    make = _WIDGETS[parameter.kind]
    table = table_of(parameter, language)
    if table is not None:
        label = parameter.label_in(language)
        return RowsWidget(table, parameter.key, label, attrs)
    if parameter.secret:
        make = _secret
    elif parameter.kind in {"string", "number"}:
        make = make if parameter.allowed_values is None else _select
    return make(parameter, attrs, language)


def _suggesting(
    parameter: Parameter, widget: forms.Widget, suggestions: Suggestions
) -> forms.Widget:
    """Add the suggestions for the association of a parameter to its widget."""
    values = suggestions.get(canonical(parameter.association))
    plain = type(widget) in {forms.TextInput, MultilineInput}
    if values and plain and not parameter.multiline and parameter.kind == "string":
        return SuggestionInput(widget.attrs, values)
    return widget


def _secret(
    parameter: Parameter, attrs: dict[str, object], _language: str
) -> forms.Widget:
    if parameter.multiline or parameter.kind not in {"string", "number", "boolean"}:
        return SecretInput(attrs, rows=_ROWS)
    if parameter.kind == "string" and _takes_lines(parameter):
        return SecretInput(attrs)
    return forms.PasswordInput(
        attrs | {"autocomplete": "new-password"}, render_value=False
    )


def _text(
    parameter: Parameter, attrs: dict[str, object], _language: str
) -> forms.Widget:
    if parameter.multiline:
        return MultilineInput(attrs, rows=_ROWS)
    if _takes_lines(parameter):
        return MultilineInput(attrs)
    return forms.TextInput(attrs)


def _takes_lines(parameter: Parameter) -> bool:
    """Return True if the template allows line breaks in a text."""
    pattern = parameter.allowed_pattern
    return parameter.allowed_values is None and (
        not pattern or allows_line_break(pattern)
    )


def _with_line_breaks(widget: forms.Widget, shown: str | Rows) -> forms.Widget:
    """Replace an input by a text area for a text with line breaks.

    An input would drop the line breaks.
    """
    one_line = isinstance(widget, forms.TextInput)
    if one_line and isinstance(shown, str) and _BREAK.search(shown):
        return MultilineInput(widget.attrs)
    return widget


def _number(
    parameter: Parameter, attrs: dict[str, object], _language: str
) -> forms.Widget:
    attrs["step"] = "any"
    for name, bound in (("min", parameter.min_value), ("max", parameter.max_value)):
        if bound is not None:
            attrs[name] = as_text(bound)
    return forms.NumberInput(attrs)


def _boolean(
    parameter: Parameter, attrs: dict[str, object], language: str
) -> forms.Widget:
    """Return a selection, because an unchecked box is the same as a missing value."""
    choices = [
        (text, _value_label(parameter, text, language))
        for text in ("true", "false")
        if text in (own_choices(parameter) or ())
    ]
    return forms.Select(attrs, choices=_with_blank(parameter, choices))


def _select(
    parameter: Parameter, attrs: dict[str, object], language: str
) -> forms.Widget:
    values = [as_text(value) for value in parameter.allowed_values or []]
    default = as_text(parameter.default)
    if parameter.default is not None and default not in values:
        values.insert(0, default)
    choices = [
        (value, _value_label(parameter, value, language))
        for value in dict.fromkeys(values)
        if value != ""
    ]
    blank = "" in values
    return forms.Select(attrs, choices=_with_blank(parameter, choices, blank=blank))


def _with_blank(
    parameter: Parameter, choices: list[tuple[str, str]], *, blank: bool = False
) -> list[tuple[str, str]]:
    if parameter.default is not None and not blank:
        return choices
    return [("", _("Choose…") if parameter.required else "—"), *choices]


def _value_label(parameter: Parameter, value: str, language: str) -> str:
    return text_in(parameter.value_labels.get(value, {}), language) or value


def _list(
    parameter: Parameter, attrs: dict[str, object], language: str
) -> forms.Widget:
    if parameter.type == "CommaDelimitedList":
        return MultilineInput(attrs)
    return _area(parameter, attrs, language)


def _area(
    _parameter: Parameter, attrs: dict[str, object], _language: str
) -> forms.Widget:
    return forms.Textarea(attrs | {"rows": _ROWS, "spellcheck": "false"})


# For values that a table cannot represent: see `table_of`.
_WIDGETS: dict[str, Callable[[Parameter, dict[str, Any], str], forms.Widget]] = {
    "string": _text,
    "number": _number,
    "boolean": _boolean,
    "list": _list,
    "map": _area,
    "object": _area,
    "json": _area,
}
