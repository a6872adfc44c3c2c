"""Django admin, entered through the console's own sign-in page; what is done there is audited."""

from collections.abc import Callable, Iterable
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.db import models
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from console.lib.audit import AuditEntry
from console.lib.encryption import EncryptedField
from console.lib.people import User

CHANGED = "changed"
DELETION = "delete_selected"


class Audited(admin.ModelAdmin):
    """Puts every addition, change and deletion made by hand into the audit trail."""

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
                action, target, by=person_of(request), before=before, after=after
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
            before = {"name": str(row)}
            AuditEntry.objects.record(action, row, by=person_of(request), before=before)
        return super().log_deletions(request, rows)  # type: ignore[arg-type]


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
