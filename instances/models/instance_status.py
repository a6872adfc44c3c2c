"""The statuses of an instance, and the one that follows from its tasks and its state.

A status follows the tasks in the transaction that ends them, so the two can only differ
after a change by hand or a restored table. Nothing else may derive it: the pages, Django
admin and `manage.py reconcile` all call `Instance.reconcile_status`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.lib.errors import Text
from instances.models.task import Task

# From here on a run may have changed resources.
CHANGING_STAGES = {"apply", "destroy"}


class InstanceStatus(models.TextChoices):
    UNDER_CHANGE = "UnderChange", gettext_lazy("Under change")
    AVAILABLE = "Available", gettext_lazy("Available")
    ERROR = "Error", gettext_lazy("Error")


@dataclass(frozen=True)
class TrueStatus:
    """The status that follows from tasks and state. `ended_at` is set when terminated."""

    status: str
    message: Text = ""
    task: Task | None = None
    ended_at: datetime | None = None

    @classmethod
    def of(cls, task: Task | None, resources_left: int) -> Self:
        """Derive it from the newest task and the number of resources in the newest state."""
        if task is None:
            message = _(
                "No tasks are recorded for this instance, so its status cannot be determined."
            )
            return cls(InstanceStatus.ERROR, message)
        if task.active:
            return cls(InstanceStatus.UNDER_CHANGE, "", task)
        if task.status == Task.Status.FAILED:
            return cls._after_failure(task)
        if task.kind != Task.Kind.TERMINATE:
            return cls(InstanceStatus.AVAILABLE, "", task)
        if resources_left:
            message = _(
                "The instance was terminated, but its state still contains %(count)d "
                "resources."
            )
            return cls(InstanceStatus.ERROR, message % {"count": resources_left}, task)
        return cls(InstanceStatus.AVAILABLE, "", task, task.ended_at or now())

    @classmethod
    def _after_failure(cls, task: Task) -> Self:
        """Return the status after a failure: the one before, if the task changed nothing."""
        ran = CHANGING_STAGES & set(task.stages) or (
            Task.objects.filter(pk=task.pk, diagnostics__isnull=False).exists()
        )
        error = InstanceStatus.ERROR
        before = error if ran else task.instance_status_before or error
        message = "" if before == InstanceStatus.AVAILABLE else task.status_message
        return cls(before, message, task)
