"""The status of an instance against its tasks and its state, and the verb that corrects it.

A status follows the tasks in the transaction that ends them, so the two can only differ
after a change by hand or a restored table. Nothing else may guess: the pages, Django admin
and `manage.py reconcile` all call `reconcile_status`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, cast

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from console.lib.audit import AuditEntry
from console.lib.errors import Conflict, Text
from console.lib.users import User
from instances.models.task import Task

if TYPE_CHECKING:
    from instances.models.instance import Instance

UNDER_CHANGE, AVAILABLE, ERROR = "UnderChange", "Available", "Error"
# From here on a run may have changed resources.
CHANGING_STAGES = {"apply", "destroy"}


@dataclass(frozen=True)
class TrueStatus:
    """The status that follows from tasks and state. `ended_at` is set when terminated."""

    status: str
    message: Text = ""
    task: Task | None = None
    ended_at: datetime | None = None


class StatusQuerySet(models.QuerySet[Any]):
    """Abstract: the part of the instances' queryset that is about a wrong status."""

    def contradicting(self) -> Self:
        """Living instances under change without an active task, or the other way round."""
        tasks = Task.objects.filter(instance=OuterRef("pk"))
        active = Exists(tasks.exclude(state=Task.State.ENDED))
        under_change = Q(status=UNDER_CHANGE)
        return self.filter(
            under_change & ~active | ~under_change & active, terminated_at=None
        )


class StatusChecked(models.Model):
    """Abstract: an instance whose status can be compared with its tasks."""

    class Meta:
        abstract = True

    @property
    def contradicts(self) -> bool:
        """Return True if status and last task cannot both be true. Makes no query."""
        me = cast("Instance", self)
        if me.terminated_at is not None:
            return False
        active = me.last_task is not None and me.last_task.active
        return (me.status == UNDER_CHANGE) != active

    def true_status(self) -> TrueStatus:
        """Return what the newest task and the newest state say."""
        me = cast("Instance", self)
        task = me.tasks.newest_first().first()
        state = me.latest_state()
        left = state.resource_count if state else 0
        if task is None:
            message = _("No task of this instance is recorded, so nothing is certain.")
            return TrueStatus(ERROR, message)
        if task.active:
            return TrueStatus(UNDER_CHANGE, "", task)
        if task.status == Task.Status.FAILED:
            return self._after_failure(task)
        if task.kind != Task.Kind.TERMINATE:
            return TrueStatus(AVAILABLE, "", task)
        if left:
            message = _(
                "It was terminated, but its state still has %(count)d resources."
            )
            return TrueStatus(ERROR, message % {"count": left}, task)
        return TrueStatus(AVAILABLE, "", task, task.ended_at or now())

    def _after_failure(self, task: Task) -> TrueStatus:
        """A run that changed nothing leaves the instance as it was before."""
        ran = CHANGING_STAGES & set(task.stages) or (
            Task.objects.filter(pk=task.pk, evidence__isnull=False).exists()
        )
        before = ERROR if ran else task.instance_status_before or ERROR
        message = "" if before == AVAILABLE else task.status_message
        return TrueStatus(before, message, task)

    @transaction.atomic
    def reconcile_status(self, *, by: User | None, reason: str = "") -> None:
        """Set the status to what tasks and state say. `by` is None for the system.

        Raises Conflict when the status agrees with them already.
        """
        me = cast("Instance", self)
        true = self.true_status()
        columns: dict[str, Any] = {
            "status": true.status,
            "status_message": str(true.message),
            "last_task": true.task,
        }
        if true.ended_at is not None:
            columns |= {
                "terminated_at": true.ended_at,
                "last_successful_task": true.task,
            }
        rows = type(me).objects.filter(pk=me.pk).contradicting()
        before = rows.values_list("status", flat=True).first()
        # The UPDATE looks once more: a task may begin at this moment.
        if before is None or not rows.filter(status=before).update(**columns):
            raise Conflict(
                _("The status agrees with the tasks: there is nothing to reconcile."),
                code="IncorrectStatus.ProvisionedProduct",
            )
        if true.ended_at is not None:
            me.resources.all().delete()
        AuditEntry.objects.record(
            "ReconcileInstance",
            me,
            by=by,
            before={"status": before},
            after={
                "status": true.status,
                "task": true.task.pk if true.task else "",
                "terminated": true.ended_at is not None,
            },
            reason=reason,
        )
        me.refresh_from_db(fields=[*columns, "terminated_at"])
