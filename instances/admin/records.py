"""The records of tasks, plans, resources and states, which are read-only."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from catalog.schema.conversion import as_text
from console.lib.masking import MASK
from instances.admin.tables import RecordAdmin
from instances.models import (
    OperationRecord,
    Output,
    Plan,
    Resource,
    StateVersion,
    Tag,
    Task,
    TaskDiagnostics,
    TaskLog,
)

WORK_FIELDS = (
    "id",
    "version",
    "portfolio",
    "parameters",
    "tags",
    "created_by",
    "created_at",
    "updated_at",
    "state",
    "queued_at",
    "started_at",
    "ended_at",
    "worker",
    "host",
    "epoch",
    "attempt",
    "lease_until",
    "heartbeat_at",
    "cancel_requested_at",
    "offset",
    "stage",
    "resources_total",
    "resources_done",
)


@admin.register(Task)
class TaskAdmin(RecordAdmin):
    list_display = ("id", "kind", "status", "state", "instance", "worker", "created_at")
    list_select_related = ("instance",)
    list_filter = ("status", "kind")
    search_fields = ("=id", "=instance__id")
    heavy = ("parameters", "secrets", "tags")
    fields = ("instance", "kind", "status", "status_message", "plan", *WORK_FIELDS)


@admin.register(TaskDiagnostics)
class TaskDiagnosticsAdmin(RecordAdmin):
    list_display = ("task_id", "exit_code", "interrupted", "summary", "address")
    ordering = ("-task",)
    search_fields = ("=task__id", "address")
    fields = (
        "task",
        "exit_code",
        "ended_in",
        "interrupted",
        "in_flight",
        "error",
        "address",
        "file",
        "line",
        "parameter",
    )


@admin.register(Plan)
class PlanAdmin(RecordAdmin):
    list_display = (
        "id",
        "name",
        "operation",
        "status",
        "owner",
        "instance",
        "created_at",
    )
    list_select_related = ("owner", "instance")
    list_filter = ("status", "operation")
    search_fields = ("=id", "name", "=instance__id")
    heavy = ("file", "changes", "log", "parameters", "secrets", "tags")
    fields = (
        "name",
        "description",
        "draft",
        "operation",
        "status",
        "status_message",
        "owner",
        "region",
        "instance",
        "instance_name",
        "digest",
        "file_digest",
        "engine_version",
        "previewed_at",
        "expires_at",
        *WORK_FIELDS,
    )


@admin.register(OperationRecord)
class OperationRecordAdmin(RecordAdmin):
    list_display = ("plan_id", "action", "operator", "at")
    list_select_related = ("operator",)
    ordering = ("-id",)
    search_fields = ("=plan__id",)
    fields = ("plan", "action", "operator", "comment", "digest", "at")


@admin.register(TaskLog)
class TaskLogAdmin(RecordAdmin):
    list_display = ("task_id", "attempt", "offset", "command", "stream")
    ordering = ("-id",)
    search_fields = ("=task__id",)
    heavy = ("lines",)
    fields = ("task", "attempt", "offset", "command", "stream", "lines")


@admin.register(Output)
class OutputAdmin(RecordAdmin):
    list_display = ("key", "task_id", "sensitive")
    ordering = ("-task", "key")
    search_fields = ("=task__id", "key")
    heavy = ("secret_value",)
    fields = ("task", "key", "shown", "sensitive", "description")
    readonly_fields = ("shown",)

    @admin.display(description=_("value"))
    def shown(self, output: Output) -> str:
        return MASK if output.sensitive else as_text(output.value) or "–"


@admin.register(Resource)
class ResourceAdmin(RecordAdmin):
    list_display = (
        "address",
        "type",
        "status",
        "physical_id",
        "instance",
        "updated_at",
    )
    list_select_related = ("instance",)
    ordering = ("instance", "address")
    search_fields = ("=instance__id", "address", "=physical_id")
    fields = (
        "instance",
        "address",
        "name",
        "type",
        "physical_id",
        "status",
        "reason",
        "created_at",
        "updated_at",
    )


@admin.register(Tag)
class TagAdmin(RecordAdmin):
    list_display = ("key", "value", "instance")
    list_select_related = ("instance",)
    ordering = ("instance", "key")
    search_fields = ("=instance__id", "key", "value")
    fields = ("instance", "key", "value")


@admin.register(StateVersion)
class StateVersionAdmin(RecordAdmin):
    list_display = (
        "id",
        "instance_id",
        "serial",
        "resource_count",
        "task_id",
        "created_at",
    )
    ordering = ("-id",)
    search_fields = ("=id", "=instance__id")
    heavy = ("body",)
    fields = (
        "instance",
        "task",
        "lineage",
        "serial",
        "digest",
        "resource_count",
        "created_at",
    )
