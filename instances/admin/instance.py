"""Data fixes of instances: owner, tags and a contradictory status."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from catalog.models.tag_option import key_rule, value_rule
from catalog.tags import MAX_TAG_LENGTH, MAX_TAGS
from console.lib.errors import ConflictError
from console.lib.users import User
from instances.admin.tables import LargeTableAdmin
from instances.models import Instance, StateVersion
from instances.models.owner import owner_columns, owner_name


class TagsField(forms.CharField):
    """Tags as lines of key=value."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Tags"),
            required=False,
            help_text=gettext_lazy("One tag per line, as key=value."),
            widget=AdminTextareaWidget(attrs={"rows": 4}),
        )

    def clean(self, value: Any) -> dict[str, str]:
        lines = [line for line in super().clean(value).splitlines() if line.strip()]
        if len(lines) > MAX_TAGS:
            raise ValidationError(
                _("An instance can have up to %(most)d tags."),
                params={"most": MAX_TAGS},
            )
        tags: dict[str, str] = {}
        for line in lines:
            key, equals, text = (part.strip() for part in line.partition("="))
            if not equals or not key or max(len(key), len(text)) > MAX_TAG_LENGTH:
                raise ValidationError(
                    _(
                        "Enter each tag in the format key=value. The key and the value can each be "
                        "up to %(most)d characters long."
                    ),
                    params={"most": MAX_TAG_LENGTH},
                )
            if key in tags:
                raise ValidationError(
                    _("The key %(key)s is duplicated. Keep only one."),
                    params={"key": key},
                )
            key_rule(key)
            value_rule(text)
            tags[key] = text
        return tags


class InstanceForm(forms.ModelForm):
    """One active owner, the tags, and the choice to reconcile the status."""

    tags = TagsField()
    reconcile = forms.BooleanField(
        label=gettext_lazy("Set the status according to the tasks and the state"),
        required=False,
    )

    def initial_of(self, record: Instance) -> dict[str, Any]:
        return {
            "owner": record.owner_id,
            "owner_role": record.owner_role_id,
            "tags": "\n".join(
                str(tag) for tag in (record.tags.all() if record.pk else ())
            ),
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        owner, role = cleaned.get("owner"), cleaned.get("owner_role")
        if {"owner", "owner_role"} & set(self.errors):
            return cleaned
        if bool(owner) == bool(role):
            self.add_error(
                "owner",
                _(
                    "An instance has exactly one owner. Enter either a user or a group, and "
                    "clear the other field."
                ),
            )
        elif isinstance(owner, User) and not owner.is_active and self._changes_owner:
            self.add_error(
                "owner",
                _("%(name)s is not active. Choose another owner.")
                % {"name": owner.get_username()},
            )
        return cleaned

    @property
    def _changes_owner(self) -> bool:
        return bool({"owner", "owner_role"} & set(self.changed_data))


@admin.register(Instance)
class InstanceAdmin(LargeTableAdmin):
    form = InstanceForm
    list_display = (
        "id",
        "name",
        "status_text",
        "product",
        "version",
        "principal",
        "region",
        "created_at",
    )
    list_select_related = ("product", "version", "owner", "owner_role", "region")
    list_filter = ("status", ("terminated_at", admin.EmptyFieldListFilter))
    search_fields = ("=id", "name")
    raw_id_fields = ("owner", "owner_role")
    readonly_fields = (
        "id",
        "name",
        "status_text",
        "status_message",
        "product",
        "version",
        "portfolio",
        "region",
        "stack_id",
        "last_task",
        "last_successful_task",
        "created_at",
        "terminated_at",
    )

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def status_text(self, instance: Instance) -> str:
        """Return the status, or that the instance is terminated."""
        if instance.terminated_at:
            return _("Terminated")
        return instance.get_status_display()

    @admin.display(description=gettext_lazy("tags"))
    def tags_text(self, instance: Instance) -> str:
        return ", ".join(str(tag) for tag in instance.tags.all()) or "–"

    def get_fields(self, request: HttpRequest, obj: Instance | None = None) -> Any:
        if obj is None or not self.has_change_permission(request, obj):
            return ("owner", "owner_role", "tags_text", *self.readonly_fields)
        wrong = ("reconcile",) if obj.contradicts else ()
        return ("owner", "owner_role", "tags", *wrong, *self.readonly_fields)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Instance | None = None
    ) -> Any:
        return (*self.readonly_fields, "tags_text")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Instance | None = None
    ) -> bool:
        """Forbid changes of a terminated instance, which can only be removed."""
        if obj is not None and obj.terminated_at is not None:
            return False
        return super().has_change_permission(request, obj)

    def correct(self, obj: Instance, form: Any, *, by: User | None) -> None:
        """Change only the corrected fields, by the verbs of the pages: a worker may write the others."""
        data, changed = form.cleaned_data, set(form.changed_data)
        if {"owner", "owner_role"} & changed:
            rows: Any = Instance.objects.filter(pk=obj.pk)
            [transfer] = rows.change_owner(data["owner"] or data["owner_role"])
            if not transfer.done:
                raise ConflictError(
                    transfer.refusal, code="IncorrectStatus.ProvisionedProduct"
                )
        if "tags" in changed:
            obj.replace_tags(data["tags"])
        if data.get("reconcile"):
            stored = Instance.objects.get(pk=obj.pk)
            stored.reconcile_status(by=by, reason=data["reason"])

    def further_facts(self, row: Instance) -> dict[str, Any]:
        """Return the facts for the audit log that are not columns of the removed instance."""
        return {
            "owner": owner_name(owner_columns(row.principal)),
            "product_name": row.product.name,
            "version_name": row.version.name,
            "tags": dict(row.tags.values_list("key", "value")),
            "tasks": row.tasks.count(),
        }

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[Any], list[str]]:
        """Return the objects to delete; protect instances that must not be deleted."""
        instances = list(objs)
        to_delete, count, missing, protected = super().get_deleted_objects(
            instances, request
        )
        # The records of an instance are deleted with it, although not on their own.
        missing &= {self.opts.verbose_name}
        reasons = [
            reason for instance in instances if (reason := deletion_refusal(instance))
        ]
        return to_delete, count, missing, [*protected, *reasons]


def deletion_refusal(instance: Instance) -> str:
    """Return why the instance must not be deleted; empty if it can be."""
    if instance.contradicts:
        return _(
            "The status of %(name)s does not match its tasks. Reconcile the status first."
        ) % {"name": instance.name}
    if instance.changing:
        return _("A task is running on %(name)s. Wait for the task to end.") % {
            "name": instance.name
        }
    state = StateVersion.objects.latest_of(instance)
    count = instance.resources.count() or (state.resource_count if state else 0)
    if not count:
        return ""
    return ngettext(
        "%(name)s still has %(count)d resource. Terminate the instance instead.",
        "%(name)s still has %(count)d resources. Terminate the instance instead.",
        count,
    ) % {"name": instance.name, "count": count}
