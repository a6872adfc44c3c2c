"""The Django admin site: signs in through the console's page and writes to the audit log."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from allauth.account.decorators import secure_admin_login
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.widgets import AdminTextInputWidget, ManyToManyRawIdWidget
from django.db import models
from django.db.models import QuerySet
from django.forms import BaseForm, BaseModelFormSet
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
REASON_MISSING = _("Enter a reason. The reason is recorded in the audit log.")
DELETION = "delete_selected"


class ReasonField(forms.CharField):
    """The reason of a correction. It is not part of the record."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Reason"),
            max_length=REASON_LENGTH,
            help_text=_("The reason for this correction. Recorded in the audit log."),
            widget=AdminTextInputWidget(),
            error_messages={"required": REASON_MISSING},
        )

    def has_changed(self, initial: object, data: object) -> bool:
        return False


class DataFixForm(EditFormMixin, forms.ModelForm):
    """A form for a manual correction: it requires a reason and detects edit conflicts."""

    reason = ReasonField()
    # Models of the inlines: their rows are part of what the page has shown.
    inlines: ClassVar[tuple[type[models.Model], ...]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, record=kwargs["instance"], **kwargs)

    def initial_of(self, record: models.Model) -> dict[str, object]:
        found = forms.model_to_dict(record)
        return {name: found[name] for name in self.base_fields if name in found}

    def entry_names(self) -> list[str]:
        return [name for name in super().entry_names() if name != "reason"]

    def stamp_of(self, record: models.Model) -> str:
        values = {n: plain(value) for n, value in self.initial_of(record).items()}
        rows = [self._rows(record, model) for model in self.inlines]
        return digest([values, rows])

    @staticmethod
    def _rows(
        record: models.Model, model: type[models.Model]
    ) -> list[dict[str, object]]:
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
            value = self.stored(name, record)
            data[name] = ",".join(value) if isinstance(value, list) else value

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        # The record is locked but not changed yet: see `Audited.get_object`.
        seen = cleaned.get("seen", UNKNOWN)
        if seen.partition(" ")[0] != self.stamp_of(self.instance):
            self.show_conflict(EditConflictError(self.instance, seen))
        return cleaned


class Audited(admin.ModelAdmin):
    """Mixin that writes every addition, change and deletion to the audit log.

    A change and a deletion require a reason. A change is refused if another user has
    changed the record since the page was opened, and updates only the changed columns.
    """

    def get_object(
        self, request: HttpRequest, *args: Any, **options: Any
    ) -> models.Model | None:
        """Return the record, locked until the end of the transaction of a POST."""
        found = super().get_object(request, *args, **options)
        if found is None or request.method != "POST":
            return found
        rows = self.model._base_manager.select_for_update()
        if not rows.filter(pk=found.pk).values_list("pk", flat=True).first():
            return None
        return super().get_object(request, *args, **options)

    def get_form(
        self,
        request: HttpRequest,
        obj: models.Model | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[forms.ModelForm]:
        if change and self._fixes(request, obj):
            base = kwargs.get("form") or self.form
            inlines = tuple(each.model for each in self.inlines)
            name = f"{self.model.__name__}FixForm"
            bases = (DataFixForm,) if base is forms.ModelForm else (base, DataFixForm)
            kwargs["form"] = type(name, bases, {"inlines": inlines})
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(
        self, request: HttpRequest, obj: models.Model | None = None
    ) -> Any:
        found = super().get_fieldsets(request, obj)
        if not self._fixes(request, obj):
            return found
        return [*found, (_("This correction"), {"fields": ("reason", "seen")})]

    def _fixes(self, request: HttpRequest, obj: models.Model | None) -> bool:
        return obj is not None and self.has_change_permission(request, obj)

    def save_model(
        self,
        request: HttpRequest,
        obj: models.Model,
        form: forms.ModelForm,
        change: bool,
    ) -> None:
        """Update only the corrected columns, because workers can update the others.

        A model admin can define `correct` for tables whose corrections need a verb.
        """
        correct: Any = getattr(self, "correct", None)
        if not change:
            super().save_model(request, obj, form, change)
            return
        if correct is not None:
            correct(obj, form, by=user_of(request))
            return
        columns = {field.name for field in obj._meta.concrete_fields}
        if changed := [name for name in form.changed_data if name in columns]:
            obj.save(update_fields=changed)

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method == "POST" and not _reason_in(request):
            messages.error(request, REASON_MISSING)
            request.POST = QueryDict()
        return super().delete_view(request, object_id, extra_context)

    def response_action(
        self,
        request: HttpRequest,
        queryset: QuerySet[models.Model],
        *args: Any,
        **options: Any,
    ) -> HttpResponse | None:
        if "post" in request.POST and not _reason_in(request):
            messages.error(request, REASON_MISSING)
            sent = request.POST.copy()
            del sent["post"]
            request.POST = sent  # type: ignore[assignment]
        return super().response_action(request, queryset, *args, **options)

    def facts_before_deletion(self, row: models.Model) -> dict[str, object]:
        """Return the values of a deleted record for the audit log, without secrets.

        A model admin can add values that are not columns in `further_facts`.
        """
        further: Any = getattr(self, "further_facts", None)
        names = [field.name for field in row._meta.concrete_fields]
        told = [name for name in names if _is_loggable(type(row), name)]
        facts = {each: _plain(getattr(row, each)) for each in told}
        return {"name": str(row), **facts, **(further(row) if further else {})}

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, dict[str, list[str]]]]:
        """Record the change: the only hook with form, inlines and record in the transaction."""
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
                by=user_of(request),
                before=before,
                after=after,
                reason=form.cleaned_data.get("reason", ""),
            )
        return super().construct_change_message(request, form, formsets, add)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Allow only the deletion of rows; other actions would not be audited."""
        found = super().get_actions(request)
        return {name: each for name, each in found.items() if name == DELETION}

    def log_deletions(
        self, request: HttpRequest, queryset: QuerySet[models.Model]
    ) -> list[LogEntry]:
        rows = list(queryset)
        for row in rows:
            action = f"Delete{row._meta.object_name}"
            AuditEntry.objects.record(
                action,
                row,
                by=user_of(request),
                before=self.facts_before_deletion(row),
                reason=_reason_in(request),
            )
        return super().log_deletions(request, rows)  # type: ignore[arg-type]


def _reason_in(request: HttpRequest) -> str:
    """Return the reason of a deletion, or ""."""
    return request.POST.get("reason", "").strip()[:REASON_LENGTH]


def user_of(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def form_facts(form: BaseForm) -> tuple[dict[str, object], dict[str, object]]:
    """Return the values changed by a form, before and after. Secrets become "changed"."""
    model = getattr(getattr(form, "_meta", None), "model", None)
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    for name in form.changed_data:
        if _is_loggable(model, name):
            before[name] = _plain(form.get_initial_for_field(form.fields[name], name))
            after[name] = _plain(form.cleaned_data.get(name))
        else:
            after[name] = CHANGED
    return before, after


def formset_facts(formset: BaseModelFormSet) -> dict[str, list[str]]:
    """Return the rows added, changed and removed by an inline formset."""
    facts = {
        "added": [str(each) for each in formset.new_objects],
        "changed": [str(each) for each, _fields in formset.changed_objects],
        "removed": [str(each) for each in formset.deleted_objects],
    }
    return {name: rows for name, rows in facts.items() if rows}


def _is_loggable(model: type[models.Model] | None, name: str) -> bool:
    """Return True for a column or relation of the model that contains no secret."""
    fields = {field.name: field for field in model._meta.get_fields()} if model else {}
    field = fields.get(name)
    if field is None or isinstance(field, EncryptedField):
        return False
    return "password" not in name and "secret" not in name


def _plain(value: object) -> object:
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
        """Redirect to the sign-in page of the console."""
        enter: Callable[..., HttpResponse] = secure_admin_login(super().login)
        return enter(request, extra_context)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Redirect to the password page of the console."""
        return redirect("account_change_password")

    def register(
        self, model_or_iterable: Any, admin_class: Any = None, **options: Any
    ) -> None:
        """Register with `Audited` mixed in, so that all changes are recorded."""
        given = model_or_iterable
        models_ = [given] if isinstance(given, type) else list(given)
        # Data of allauth is changed on its own pages, which require reauthentication.
        ours = [each for each in models_ if not each.__module__.startswith("allauth.")]
        base = admin_class or admin.ModelAdmin
        audited = type(base.__name__, (Audited, base), {"__module__": base.__module__})
        super().register(ours, audited, **options)

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        if user := user_of(request):
            AuditEntry.objects.record("SignOut", user, by=user)
        return super().logout(request, extra_context)
