"""Trying again what the last task of an instance asked for and did not reach."""

from typing import TYPE_CHECKING, cast

from django.db import models, transaction
from django.utils.translation import gettext as _

from console.lib.audit import AuditEntry
from console.lib.errors import Conflict
from console.lib.users import User
from instances.models.task import Task
from instances.models.wish import Wish

if TYPE_CHECKING:
    from instances.models.instance import Instance


class Retryable(models.Model):
    """Abstract: an instance whose last task may have failed."""

    class Meta:
        abstract = True

    @property
    def failed_task(self) -> Task | None:
        """The last task, when it has failed and the instance can still be changed."""
        me = cast("Instance", self)
        task = me.last_task
        failed = task is not None and task.status == Task.Status.FAILED
        return task if failed and me.terminated_at is None else None

    @transaction.atomic
    def retry(self, *, by: User, task: str) -> Task:
        """Ask once more for what the failed task of this ID asked for, in a new task.

        A termination is terminated again; a launch or update goes on as an update, from
        what is there by now. Raises Conflict when that task is not the last one or has
        not failed, or while another runs, ApprovalRequired when only a plan may do it.
        """
        failed = self.failed_task
        if failed is None or failed.pk != task:
            raise self._nothing_to_retry()
        try:
            new = self._again(failed, by)
        except Conflict:
            self._check_still_last(failed)
            raise
        AuditEntry.objects.record(
            "RetryTask", failed, by=by, after={"task": new.pk, "kind": new.kind}
        )
        return new

    def _again(self, failed: Task, by: User) -> Task:
        """The new task; that the failed one is still the last is compared by its ID."""
        me = cast("Instance", self)
        if failed.kind == Task.Kind.TERMINATE:
            return me.terminate(by=by, after=failed)
        return me.update_to(Wish.of(failed), by=by, after=failed)

    def _check_still_last(self, failed: Task) -> None:
        """Raise Conflict when the instance has gone on, and rests, since it was read."""
        fresh = type(cast("Instance", self)).objects.get(pk=self.pk)
        if not fresh.changing and fresh.last_task_id != failed.pk:
            raise self._nothing_to_retry()

    def _nothing_to_retry(self) -> Conflict:
        return Conflict(
            _(
                "There is nothing to retry: the last task of the instance is another one."
            ),
            code="IncorrectStatus.Task",
        )
