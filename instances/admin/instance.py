"""Instances: who owns one may be corrected; one whose resources exist is not deleted."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from instances.admin.tables import BigTable
from instances.models import Instance


@admin.register(Instance)
class InstanceAdmin(BigTable):
    list_display = (
        "id",
        "name",
        "status",
        "product",
        "version",
        "principal",
        "region",
        "created_at",
    )
    list_select_related = ("product", "version", "owner", "owner_role", "region")
    list_filter = ("status",)
    search_fields = ("=id", "name")
    raw_id_fields = ("owner", "owner_role")
    readonly_fields = (
        "id",
        "name",
        "status",
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
    fields = ("owner", "owner_role", *readonly_fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Instance, form: Any, change: bool
    ) -> None:
        """Write the corrected columns alone: the worker may be writing the others."""
        changed = list(form.changed_data)
        if not changed:
            return
        obj.save(update_fields=changed)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[Any], list[str]]:
        """What would go; an instance whose resources still exist is protected, with the reason."""
        instances = list(objs)
        to_delete, count, missing, protected = super().get_deleted_objects(
            instances, request
        )
        # Its history goes with an instance, though nobody may delete history alone.
        missing &= {self.opts.verbose_name}
        reasons = [reason for instance in instances if (reason := why_kept(instance))]
        return to_delete, count, missing, [*protected, *reasons]


def why_kept(instance: Instance) -> str:
    """Why an instance must not be deleted, or nothing."""
    if instance.changing:
        return _("%(name)s: a task is running on it. Wait until it has ended.") % {
            "name": instance.name
        }
    state = instance.latest_state()
    count = instance.resources.count() or (state.resource_count if state else 0)
    if not count:
        return ""
    return ngettext(
        "%(name)s: %(count)d resource still exists. Terminate the instance instead.",
        "%(name)s: %(count)d resources still exist. Terminate the instance instead.",
        count,
    ) % {"name": instance.name, "count": count}
