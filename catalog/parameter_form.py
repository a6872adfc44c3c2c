"""The form a template asks for, made from its schema.

The fields only carry text; `Schema.clean` is the one judge, for this form and the API.
Labels, hints and choices are a template author's words: render them escaped, with
components/field.html and never with Django's own field template.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from catalog.parameter_choices import narrowed
from catalog.parameter_field import ParameterField, field_of, first_value
from catalog.parameter_rows import Rows, changed, rows_in, table_of
from catalog.rows_widget import RowsWidget
from catalog.schema.conditions import UNCHANGED, governing, visible
from catalog.schema.errors import InvalidParameters
from catalog.schema.parameter import Parameter
from catalog.schema.schema import Schema
from catalog.suggestions import Suggestions
from console.lib.line_breaks import received

CONFIRM = ":confirm"
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


class ParameterBoundField(BoundField):
    """Keys may hold spaces and dots, which an id must not: those get a number."""

    @property
    def auto_id(self) -> str:
        plain = self.name.removesuffix(CONFIRM)
        if _PLAIN_KEY.fullmatch(plain):
            return super().auto_id.replace(CONFIRM, ".confirm")
        number = list(self.form.fields).index(self.name)
        return f"id_{self.form.prefix}.{number}"


class ParameterForm(forms.Form):
    """One field per parameter on the form, named by its key; see `parameter_form`."""

    bound_field_class = ParameterBoundField

    def __init__(
        self,
        schema: Schema,
        *,
        secrets_kept: frozenset[str],
        language: str,
        data: Mapping[str, Any] | None,
        initial: Mapping[str, Any] | None,
        prefix: str,
        again: str,
        suggestions: Suggestions,
        allowed: Mapping[str, list[str]],
    ) -> None:
        super().__init__(data=data, prefix=prefix)
        self.schema = schema = narrowed(schema, allowed, initial or {})
        self.language = language
        self.secrets_kept = secrets_kept & {
            p.key for p in schema.parameters if p.secret
        }
        self.again, self.suggestions = again, suggestions
        self.governing = governing(schema)
        self._given = dict(initial or {})
        self._values: dict[str, Any] = {}
        for parameter in schema.parameters:
            if not parameter.hidden:
                self._add(parameter)

    def _add(self, parameter: Parameter) -> None:
        key = parameter.key
        kept = key in self.secrets_kept
        field = self._field(parameter, kept=kept)
        self.fields[key] = field
        if not parameter.secret:
            self.initial[key] = field.original
        if parameter.confirm:
            label = _("%(label)s (again)") % {"label": field.label}
            again = self._field(parameter, kept=kept)
            again.label, again.help_text = label, ""
            self.fields[key + CONFIRM] = again

    def _field(self, parameter: Parameter, *, kept: bool) -> ParameterField:
        original: str | Rows = ""
        if not parameter.secret:
            original = first_value(parameter, self._given)
        sent = self.data.get(self.add_prefix(parameter.key))
        field = field_of(
            parameter,
            language=self.language,
            kept=kept,
            suggestions=self.suggestions,
            shown=original if sent is None else str(sent),
        )
        field.original = original
        field.governs = parameter.key in self.governing
        if self.again and parameter.secret:
            # It is never sent back, so what was typed stays in the browser.
            field.widget.attrs["hx-preserve"] = "true"
        if isinstance(field.widget, RowsWidget):
            field.widget.focus_last = self.again == f"add:{parameter.key}"
        return field

    def clean(self) -> dict[str, Any]:
        """Let the schema judge; its refusals become errors of the fields."""
        raw = self._raw()
        for key in [name for name in self.fields if name.endswith(CONFIRM)]:
            first = key.removesuffix(CONFIRM)
            if self.cleaned_data.get(key) != self.cleaned_data.get(first):
                self.add_error(key, _("The two entries differ."))
        kept = dict.fromkeys(self.secrets_kept, UNCHANGED)
        try:
            self._values = self.schema.clean(raw, current_secrets=kept)
        except InvalidParameters as refusal:
            for key, messages in refusal.errors.items():
                if key in self.errors:
                    # Rows that contradict themselves were no value to be judged.
                    continue
                field = key if key in self.fields else None
                for message in messages:
                    self.add_error(field, message)
        return self.cleaned_data

    def _raw(self) -> dict[str, Any]:
        """What was entered; a parameter off the form keeps the value it has."""
        raw = {
            key: value
            for key, value in self.cleaned_data.items()
            if key in self.schema.by_key
        }
        for parameter in self.schema.parameters:
            if parameter.hidden and parameter.key in self._given:
                raw[parameter.key] = self._given[parameter.key]
        return raw

    def cleaned_values(self) -> dict[str, Any]:
        """Return typed values by key, without the secrets that are kept.

        Call it on a valid form; give the kept ones to `Schema.clean` as
        `current_secrets`.
        """
        return {
            key: value for key, value in self._values.items() if value is not UNCHANGED
        }

    def groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        """Yield each heading with its fields; fields of no group come last, under ""."""
        headings = {
            group.key: group.label_in(self.language) for group in self.schema.groups
        }
        members: dict[str, list[BoundField]] = {key: [] for key in [*headings, ""]}
        for name in self.fields:
            parameter = self.schema.by_key[name.removesuffix(CONFIRM)]
            members[parameter.group].append(self[name])
        for key, fields in members.items():
            if fields:
                yield headings.get(key, ""), fields

    def shown_groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        """The groups, with the fields whose Visible condition holds at this moment."""
        for label, fields in self.groups():
            seen = [f for f in fields if f.name.removesuffix(CONFIRM) in self.shown]
            if seen:
                yield label, seen

    @cached_property
    def shown(self) -> set[str]:
        """The keys whose Visible condition holds for what is entered at this moment."""
        entered = {
            name: _meant(field, self[name].value())
            for name, field in self.fields.items()
            if isinstance(field, ParameterField)
        }
        return visible(self.schema, self._given | entered)


def _meant(field: ParameterField, value: Any) -> Any:
    """What was entered, as a condition sees it; None when rows contradict themselves."""
    try:
        return field.clean(value)
    except ValidationError:
        return None


def typed_again(
    schema: Schema, data: Mapping[str, Any], *, prefix: str = "parameters"
) -> dict[str, Any]:
    """Return what was sent, unjudged, to show it again as `initial`; never a secret.

    The buttons of tables, sent as `change`, have had their effect on it.
    """
    typed: dict[str, Any] = {}
    for parameter in schema.parameters:
        name = f"{prefix}-{parameter.key}"
        if parameter.secret:
            continue
        table = table_of(parameter, "en")
        rows = rows_in(data, name, table) if table else None
        if rows is not None:
            typed[parameter.key] = changed(
                rows, str(data.get("change", "")), parameter.key
            )
        elif name in data:
            typed[parameter.key] = received(str(data[name]))
    return typed


def parameter_form(
    schema: Schema,
    *,
    data: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    secrets_kept: frozenset[str] = frozenset(),
    language: str = "en",
    prefix: str = "parameters",
    again: str = "",
    suggestions: Suggestions | None = None,
    allowed: Mapping[str, list[str]] | None = None,
) -> ParameterForm:
    """Return the form of a schema.

    `data` is judged. `initial` replaces the template's defaults, with typed values or
    with text to show again unjudged, such as that of another version's form.
    `secrets_kept` are the keys of secrets that exist already: left empty, they stay as
    they are. `again` is the `change` for which a form that is open in the browser is
    shown once more. `suggestions` are values by AssociationProperty. `allowed` are the
    texts that may be chosen, by parameter, where these are fewer than the template's.
    """
    return ParameterForm(
        schema,
        data=data,
        initial=initial,
        secrets_kept=frozenset(secrets_kept),
        language=language,
        prefix=prefix,
        again=again,
        suggestions=suggestions or {},
        allowed=allowed or {},
    )
