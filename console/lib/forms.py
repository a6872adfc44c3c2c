"""Forms for verbs, and the errors of verbs shown beside the fields they concern."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from console.lib.edit_conflicts import UNKNOWN, EditConflictError, EditFormMixin
from console.lib.errors import DomainError, InvalidInputError
from console.lib.http import Request
from console.lib.line_breaks import received, uniform

DEFAULT_REQUIRED = forms.Field.default_error_messages["required"]


def _missing(field: forms.Field) -> str:
    """Return the message for an empty required field, by the kind of field."""
    if isinstance(field, forms.FileField):
        return _("Choose a file.")
    if isinstance(field, forms.ChoiceField):
        return _("Choose an option.")
    if isinstance(field, forms.BooleanField):
        return _("Select the check box.")
    return _("Enter a value.")


class VerbForm(forms.Form):
    """A form in front of a verb: `verb_values` are the keyword arguments of its call.

    A text that the browser sent back unchanged keeps its stored line breaks.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if field.error_messages.get("required") == DEFAULT_REQUIRED:
                field.error_messages["required"] = _missing(field)
            if type(field.widget) is forms.TextInput and self._has_lines(name):
                # A single-line input would drop the line breaks.
                field.widget = forms.Textarea({**field.widget.attrs, "rows": 4})
                field.widget.is_required = field.required

    def verb_values(self) -> Mapping[str, Any]:
        """Return the keyword arguments of the verb. Call it on a valid form."""
        return self.cleaned_data

    def _has_lines(self, name: str) -> bool:
        value = self.get_initial_for_field(self.fields[name], name)
        return isinstance(value, str) and "\n" in uniform(value)

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]  # not in the stubs
        for name, field in self.fields.items():
            if type(field) is forms.CharField and name in self.cleaned_data:
                self.cleaned_data[name] = self._text(name, self.cleaned_data[name])

    def _text(self, name: str, cleaned: object) -> object:
        if not isinstance(cleaned, str):
            return cleaned
        stored, sent = self[name].initial, self[name].data
        shown = isinstance(stored, str) and isinstance(sent, str)
        if shown and uniform(sent) == uniform(stored):
            return stored
        return received(cleaned)


class EditForm(EditFormMixin, VerbForm):
    """A form for `edit` if it has a `record`, otherwise for the verb that creates one."""


@contextmanager
def refusals_on(form: forms.BaseForm) -> Iterator[None]:
    """Add a DomainError raised in the block to the form, and continue after the block."""
    try:
        yield
    except InvalidInputError as error:
        for name, messages in error.errors.items():
            for message in messages:
                form.add_error(name if name in form.fields else None, message)
    except EditConflictError as error:
        if not isinstance(form, EditFormMixin):
            raise
        form.show_conflict(error)
    except DomainError as error:
        problems = getattr(error, "problems", None) or [error]
        for problem in problems:
            form.add_error(None, str(problem))


def seen_in(request: Request) -> str:
    """Return the stamp that a button sent, or one that matches no record."""
    return request.POST.get("seen") or UNKNOWN


def render_form(
    request: Request, template: str, context: Mapping[str, Any]
) -> HttpResponse:
    """Render a page with `context["form"]`: status 422 if the form has errors.

    The status is 409 if another user has changed the record since the form was opened.
    """
    form = context["form"]
    refused = 409 if getattr(form, "conflict", None) else 422
    status = refused if form.errors else 200
    return render(request, template, context, status=status)
