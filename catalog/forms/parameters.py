"""The form for the parameters of a template, generated from its schema.

The fields only carry text; `Schema.clean` validates it, for this form and for the API.
Labels, hints and choices are texts of template authors: render them escaped, with
components/field.html, and never with Django's own field template.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.functional import cached_property
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from catalog.forms.parameter_choices import narrowed
from catalog.forms.parameter_field import ParameterField, field_of, first_value
from catalog.forms.rows_widget import RowsWidget
from catalog.forms.table_rows import Rows, changed, rows_in, table_of
from catalog.schema.conditions import UNCHANGED, governing, visible
from catalog.schema.conversion import as_text
from catalog.schema.errors import InvalidParametersError
from catalog.schema.parameter import Parameter
from catalog.schema.validation import Schema
from catalog.suggestions import Suggestions
from console.lib.line_breaks import received

CONFIRM = ":confirm"
TAKE_DEFAULT = ":default"
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


class ParameterBoundField(BoundField):
    """A bound field with a valid id: keys with other characters get a number."""

    @property
    def auto_id(self) -> str:
        plain = _key_of(self.name)
        if _PLAIN_KEY.fullmatch(plain):
            return super().auto_id.replace(":", ".")
        number = list(self.form.fields).index(self.name)
        return f"id_{self.form.prefix}.{number}"


class ParameterForm(forms.Form):
    """A form with one field per visible parameter, named by its key.

    `parameter_form` creates it.
    """

    bound_field_class = ParameterBoundField

    def __init__(
        self,
        schema: Schema,
        *,
        secrets_kept: frozenset[str],
        language: str,
        data: Mapping[str, object] | None,
        initial: Mapping[str, object] | None,
        prefix: str,
        change: str,
        unvalidated: Mapping[str, object],
        former_defaults: Collection[str],
        suggestions: Suggestions,
        allowed: Mapping[str, list[str]],
    ) -> None:
        super().__init__(data=data, prefix=prefix)
        self.schema = schema = narrowed(schema, allowed, initial or {})
        self.language = language
        self.secrets_kept = secrets_kept & {
            p.key for p in schema.parameters if p.secret
        }
        self.change, self.suggestions = change, suggestions
        self.governing = governing(schema.parameters)
        self._known = dict(initial or {})
        self._given = {**self._known, **unvalidated}
        self._former_defaults = former_defaults
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
            label = _("%(label)s (enter again)") % {"label": field.label}
            again = self._field(parameter, kept=kept)
            again.label, again.help_text = label, ""
            self.fields[key + CONFIRM] = again
        if key in self._former_defaults:
            self.fields[key + TAKE_DEFAULT] = new_default_field(parameter)
            self.initial[key + TAKE_DEFAULT] = key + TAKE_DEFAULT in self._given

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
        if parameter.key in self._former_defaults:
            said = str(field.help_text)
            between = "\n\n" if "\n" in said else " "
            field.help_text = f"{said}{between}{former_default_hint()}".strip()
        if self.change and parameter.secret:
            # Secrets are never sent back, so the entered text stays in the browser.
            field.widget.attrs["hx-preserve"] = "true"
        if isinstance(field.widget, RowsWidget):
            field.widget.focus_last = self.change == f"add:{parameter.key}"
        return field

    def clean(self) -> dict[str, object]:
        """Validate the values by the schema; its errors become errors of the fields."""
        raw = self._raw()
        for key in [name for name in self.fields if name.endswith(CONFIRM)]:
            first = key.removesuffix(CONFIRM)
            if self.cleaned_data.get(key) != self.cleaned_data.get(first):
                self.add_error(
                    key, _("The two values do not match. Enter the same value twice.")
                )
        kept = dict.fromkeys(self.secrets_kept, UNCHANGED) | {
            parameter.key: self._known[parameter.key]
            for parameter in self.schema.parameters
            if parameter.hidden and parameter.key in self._known
        }
        try:
            self._values = self.schema.clean(raw, current_secrets=kept)
        except InvalidParametersError as refusal:
            for key, messages in refusal.errors.items():
                if key in self.errors or key in self._defaults_taken:
                    # Rows with errors have no value that could be validated.
                    continue
                field = key if key in self.fields else None
                for message in messages:
                    self.add_error(field, message)
        return self.cleaned_data

    def _raw(self) -> dict[str, object]:
        """Return the values of the fields for which the default was not chosen."""
        return {
            key: value
            for key, value in self.cleaned_data.items()
            if key in self.schema.by_key and key not in self._defaults_taken
        }

    @property
    def _defaults_taken(self) -> set[str]:
        """The keys for which the new default was chosen."""
        return {
            key
            for key in self._former_defaults
            if self.cleaned_data.get(key + TAKE_DEFAULT)
        }

    def cleaned_values(self) -> dict[str, object]:
        """Return the typed values by key, without secrets that are kept.

        Call it on a valid form. An empty field has no value in most cases.
        """
        return {
            key: value for key, value in self._values.items() if value is not UNCHANGED
        }

    def entered_values(self) -> dict[str, object]:
        """Return the typed values of the fields that the user changed, by key.

        An unchanged field keeps the current value or the default of the template, which
        is not an entered value. Call it on a valid form.
        """
        return {
            key: value
            for key, value in self.cleaned_values().items()
            if key in self.fields and self._is_entered(key)
        }

    def entered_texts(self) -> dict[str, str]:
        """Return the texts of the entered values that were entered as text."""
        texts = {key: self.cleaned_data[key] for key in self.entered_values()}
        return {
            key: text.strip() if self.schema.by_key[key].kind == "number" else text
            for key, text in texts.items()
            if isinstance(text, str)
        }

    def reset_keys(self) -> frozenset[str]:
        """Return the keys of the fields that were changed back to the default."""
        back = {
            key
            for key in self._known
            if key in self.fields
            and not self._equals(key, self._known)
            and self._equals(key, {})
        }
        return frozenset(back | self._defaults_taken)

    def _is_entered(self, key: str) -> bool:
        secret = self.schema.by_key[key].secret
        return secret or not (self._equals(key, self._known) or self._equals(key, {}))

    def _equals(self, key: str, given: Mapping[str, object]) -> bool:
        """Return True if a field has its initial value for these given values."""
        field = self.fields[key]
        assert isinstance(field, ParameterField)
        return bool(self.cleaned_data.get(key) == field.initial_value(given))

    def groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        """Yield each heading with its fields; those without a group are last, under ""."""
        headings = {
            group.key: group.label_in(self.language) for group in self.schema.groups
        }
        members: dict[str, list[BoundField]] = {key: [] for key in [*headings, ""]}
        for name in self.fields:
            parameter = self.schema.by_key[_key_of(name)]
            members[parameter.group].append(self[name])
        for key, fields in members.items():
            if fields:
                yield headings.get(key, ""), fields

    def shown_groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        """Yield the groups with the fields whose Visible condition holds."""
        for label, fields in self.groups():
            seen = [f for f in fields if _key_of(f.name) in self.shown]
            if seen:
                yield label, seen

    @cached_property
    def shown(self) -> set[str]:
        """The keys whose Visible condition holds for the entered values."""
        entered = {
            name: _condition_value(field, self[name].value())
            for name, field in self.fields.items()
            if isinstance(field, ParameterField)
        }
        return visible(self.schema.parameters, self._given | entered)


def _key_of(name: str) -> str:
    """Return the key of the parameter of a field."""
    return name.removesuffix(CONFIRM).removesuffix(TAKE_DEFAULT)


def former_default_hint() -> str:
    return _(
        "This version has a different default value. The instance keeps its current "
        "value."
    )


def new_default_field(parameter: Parameter) -> forms.BooleanField:
    """Return the field to choose the default of a version instead of the current value."""
    known = not parameter.secret and not parameter.default_unknown
    label = (
        _("Use the new default value: %(value)s")
        % {"value": Truncator(as_text(parameter.default) or _("(empty)")).chars(80)}
        if known
        else _("Use the new default value")
    )
    return forms.BooleanField(label=label, required=False)


def _condition_value(field: ParameterField, value: object) -> object:
    """Return an entered value for conditions; None for rows with errors."""
    try:
        return field.clean(value)
    except ValidationError:
        return None


def unvalidated_values(
    schema: Schema, data: Mapping[str, object], *, prefix: str = "parameters"
) -> dict[str, object]:
    """Return the sent values without validation, to show them again; without secrets.

    The buttons of tables, sent as `change`, are applied.
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
        if name + TAKE_DEFAULT in data:
            typed[parameter.key + TAKE_DEFAULT] = True
    return typed


def parameter_form(
    schema: Schema,
    *,
    data: Mapping[str, object] | None = None,
    initial: Mapping[str, object] | None = None,
    secrets_kept: frozenset[str] = frozenset(),
    language: str = "en",
    prefix: str = "parameters",
    change: str = "",
    unvalidated: Mapping[str, object] | None = None,
    former_defaults: Collection[str] = (),
    suggestions: Suggestions | None = None,
    allowed: Mapping[str, list[str]] | None = None,
) -> ParameterForm:
    """Return the form for the parameters of a schema.

    Arguments:
        data: the sent values, to be validated.
        initial: the current values, which stay if their field is unchanged.
        secrets_kept: keys of secrets that exist, and are kept if their field is empty.
        change: the button or field for which an open form is rendered again.
        unvalidated: values to show again without validation, of another version's form.
        former_defaults: keys of values that are the default of a former version; next to
            their fields the new default can be chosen.
        suggestions: suggested values by AssociationProperty.
        allowed: the texts that can be chosen, if they are fewer than the template's.
    """
    return ParameterForm(
        schema,
        data=data,
        initial=initial,
        secrets_kept=frozenset(secrets_kept),
        language=language,
        prefix=prefix,
        change=change,
        unvalidated=unvalidated or {},
        former_defaults=former_defaults,
        suggestions=suggestions or {},
        allowed=allowed or {},
    )
