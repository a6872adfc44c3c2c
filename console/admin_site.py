"""Django admin, entered through the console's own sign-in page; what is done there is audited."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from allauth.account.decorators import secure_admin_login
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextInputWidget, ManyToManyRawIdWidget
from django.db import models
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import (
    UNKNOWN,
    EditConflictError,
    EditFormMixin,
    digest,
    plain,
)
from console.lib.encryption import EncryptedField
from console.lib.users import User

CHANGED = "changed"
REASON_LENGTH = 500
REASON_MISSING = _("Enter a reason. The reason is recorded in the audit trail.")
DELETION = "delete_selected"


class ReasonField(forms.CharField):
    """Why something is corrected. It is no part of the record."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Reason"),
            max_length=REASON_LENGTH,
            help_text=_("The reason for this correction. Recorded in the audit trail."),
            widget=AdminTextInputWidget(),
            error_messages={"required": REASON_MISSING},
        )

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class DataFixForm(EditFormMixin, forms.ModelForm):
    """A correction by hand: with a reason, and only of what the page has shown."""

    reason = ReasonField()
    # Rows of other tables on the same page belong to what was shown.
    inlines: ClassVar[tuple[type[models.Model], ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, record=kwargs["instance"], **kwargs)

    def initial_of(self, record: Any) -> dict[str, Any]:
        found = forms.model_to_dict(record)
        return {name: found[name] for name in self.base_fields if name in found}

    def entry_names(self) -> list[str]:
        return [name for name in super().entry_names() if name != "reason"]

    def stamp_of(self, record: Any) -> str:
        values = {n: plain(value) for n, value in self.initial_of(record).items()}
        return digest([values, [self._rows(record, model) for model in self.inlines]])

    @staticmethod
    def _rows(record: Any, model: type[models.Model]) -> list[Any]:
        keys = [
            field.name
            for field in model._meta.concrete_fields
            if field.related_model is type(record)
        ]
        rows = model._default_manager.filter(**{keys[0]: record}) if keys else []
        return [forms.model_to_dict(row) for row in rows]

    def put(self, data: Any, name: str, record: Any) -> None:
        super().put(data, name, record)
        if isinstance(self.fields[name].widget, ManyToManyRawIdWidget):
            data[name] = ",".join(self.stored(name, record))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        # The record is locked, and not yet touched: see `Audited.get_object`.
        seen = cleaned.get("seen", UNKNOWN)
        if seen.partition(" ")[0] != self.stamp_of(self.instance):
            self.tell_conflict(EditConflictError(self.instance, seen))
        return cleaned


class Audited(admin.ModelAdmin):
    """Puts every addition, change and deletion made by hand into the audit trail.

    A change and a deletion ask for a reason. A change is refused when another person has
    changed the record since the page was opened, and writes the changed columns alone.
    """

    def get_object(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        """The record; locked for the transaction of a change."""
        found = super().get_object(request, *args, **options)
        if found is None or request.method != "POST":
            return found
        rows = self.model._base_manager.select_for_update()
        if not rows.filter(pk=found.pk).values_list("pk", flat=True).first():
            return None
        return super().get_object(request, *args, **options)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if change and self._fixes(request, obj):
            base = kwargs.get("form") or self.form
            inlines = tuple(each.model for each in self.inlines)
            name = f"{self.model.__name__}FixForm"
            bases = (DataFixForm,) if base is forms.ModelForm else (base, DataFixForm)
            kwargs["form"] = type(name, bases, {"inlines": inlines})
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        found = super().get_fieldsets(request, obj)
        if not self._fixes(request, obj):
            return found
        return [*found, (_("This correction"), {"fields": ("reason", "seen")})]

    def _fixes(self, request: HttpRequest, obj: Any) -> bool:
        return obj is not None and self.has_change_permission(request, obj)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        """Write the corrected columns alone: others may be writing the rest.

        A table with a verb of its own has it in `correct`.
        """
        correct: Any = getattr(self, "correct", None)
        if not change:
            super().save_model(request, obj, form, change)
            return
        if correct is not None:
            correct(obj, form, by=person_of(request))
            return
        columns = {field.name for field in obj._meta.concrete_fields}
        if changed := [name for name in form.changed_data if name in columns]:
            obj.save(update_fields=changed)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        if request.method == "POST" and not _reason_in(request):
            messages.error(request, REASON_MISSING)
            request.POST = QueryDict()
        return super().delete_view(request, object_id, extra_context)

    def response_action(
        self, request: HttpRequest, queryset: Any, *args: Any, **options: Any
    ) -> Any:
        if "post" in request.POST and not _reason_in(request):
            messages.error(request, REASON_MISSING)
            sent = request.POST.copy()
            del sent["post"]
            request.POST = sent  # type: ignore[assignment]
        return super().response_action(request, queryset, *args, **options)

    def facts_before_deletion(self, row: Any) -> dict[str, Any]:
        """Return what the audit trail keeps of a deleted record; no secret.

        A table adds what its columns do not say in `further_facts`.
        """
        further: Any = getattr(self, "further_facts", None)
        names = [field.name for field in row._meta.concrete_fields]
        told = [name for name in names if _tellable(type(row), name)]
        facts = {each: _plain(getattr(row, each)) for each in told}
        return {"name": str(row), **facts, **(further(row) if further else {})}

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """The one place where admin knows form, inlines and record at once: within its transaction."""
        target = getattr(form, "instance", None) or form.user
        before, after = form_facts(form)
        for formset in formsets or ():
            if facts := formset_facts(formset):
                after[formset.model._meta.model_name] = facts
        if add or after:
            action = f"{'Create' if add else 'Update'}{target._meta.object_name}"
            AuditEntry.objects.record(
                action,
                target,
                by=person_of(request),
                before=before,
                after=after,
                reason=form.cleaned_data.get("reason", ""),
            )
        return super().construct_change_message(request, form, formsets, add)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Only the deletion of rows: another action would leave no trace."""
        found = super().get_actions(request)
        return {name: each for name, each in found.items() if name == DELETION}

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        rows = list(queryset)
        for row in rows:
            action = f"Delete{row._meta.object_name}"
            AuditEntry.objects.record(
                action,
                row,
                by=person_of(request),
                before=self.facts_before_deletion(row),
                reason=_reason_in(request),
            )
        return super().log_deletions(request, rows)  # type: ignore[arg-type]


def _reason_in(request: HttpRequest) -> str:
    """The reason of a deletion; empty when none is given."""
    return request.POST.get("reason", "").strip()[:REASON_LENGTH]


def person_of(request: HttpRequest) -> User | None:
    """Who is at work in admin."""
    return request.user if isinstance(request.user, User) else None


def form_facts(form: BaseForm) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a form has changed, before and after; of what may be secret, only that it has."""
    model = getattr(getattr(form, "_meta", None), "model", None)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name in form.changed_data:
        if _tellable(model, name):
            before[name] = _plain(form.get_initial_for_field(form.fields[name], name))
            after[name] = _plain(form.cleaned_data.get(name))
        else:
            after[name] = CHANGED
    return before, after


def formset_facts(formset: Any) -> dict[str, list[str]]:
    """What the inline rows of a page have become."""
    facts = {
        "added": [str(each) for each in formset.new_objects],
        "changed": [str(each) for each, _fields in formset.changed_objects],
        "removed": [str(each) for each in formset.deleted_objects],
    }
    return {name: rows for name, rows in facts.items() if rows}


def _tellable(model: type[models.Model] | None, name: str) -> bool:
    """Whether a field is a column or relation of the model that holds no secret."""
    fields = {field.name: field for field in model._meta.get_fields()} if model else {}
    field = fields.get(name)
    if field is None or isinstance(field, EncryptedField):
        return False
    return "password" not in name and "secret" not in name


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, models.Model):
        return str(value.pk)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [_plain(item) for item in value]
    return str(value)


class ConsoleAdminSite(admin.AdminSite):
    site_header = _("Service Catalog data fixes")
    site_title = _("Service Catalog")
    index_title = _("Data fixes")

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send whoever is not signed in to the console's own page."""
        enter: Callable[..., HttpResponse] = secure_admin_login(super().login)
        return enter(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """There is one page for it."""
        return redirect("account_change_password")

    def register(
        self, model_or_iterable: Any, admin_class: Any = None, **options: Any
    ) -> None:
        """Register with auditing mixed in: a table cannot be changed here without a trace."""
        given = model_or_iterable
        models_ = [given] if isinstance(given, type) else list(given)
        # What allauth stores is changed on its own pages, which ask again who it is.
        ours = [each for each in models_ if not each.__module__.startswith("allauth.")]
        base = admin_class or admin.ModelAdmin
        audited = type(base.__name__, (Audited, base), {"__module__": base.__module__})
        super().register(ours, audited, **options)

    def logout(
        self, request: HttpRequest, extra_context: Any = None
    ) -> TemplateResponse:
        if person := person_of(request):
            AuditEntry.objects.record("SignOut", person, by=person)
        return super().logout(request, extra_context)
