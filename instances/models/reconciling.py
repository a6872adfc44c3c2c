"""An administrator's way to have a run settled that nobody follows, without waiting.

Nothing is decided here: the verb lets a worker take the run up at once, and that worker
finds out by state, lock and process what is true. A healthy worker cannot lose its run by
it, because its next sign of life renews the lease, and every write names its epoch.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext as _

from console.lib.audit import AuditEntry
from console.lib.errors import Conflict, Text
from console.lib.users import User
from instances.models.heartbeat import Heartbeat
from instances.models.work import clock
from instances.wakeup import announce

if TYPE_CHECKING:
    from instances.models.task import Task


class Standing(models.TextChoices):
    """How it stands with a run: who could settle it now."""

    WAITING = "waiting"
    HELD = "held"
    HOST_LIVES = "host-lives"
    HOST_SILENT = "host-silent"
    NOBODY = "nobody"
    OVER = "over"


class Reconcilable(models.Model):
    """Abstract: a task whose worker may have fallen silent."""

    class Meta:
        abstract = True

    @property
    def standing(self) -> Standing:
        """Who holds the run, or else who could take it up."""
        me = cast("Task", self)
        if me.state != me.State.RUNNING:
            waits = me.state == me.State.QUEUED
            return Standing.WAITING if waits else Standing.OVER
        if not self._silent:
            return Standing.HELD
        if Heartbeat.objects.alive().filter(host=me.host).exists():
            return Standing.HOST_LIVES
        alive = Heartbeat.objects.alive().exists()
        return Standing.HOST_SILENT if alive else Standing.NOBODY

    @property
    def _silent(self) -> bool:
        """Whether the worker has missed a sign of life: one is due every third of a lease."""
        me, moment = cast("Task", self), clock()
        if me.lease_until is None or me.lease_until < moment:
            return True
        half = timedelta(seconds=settings.LEASE_SECONDS / 2)
        return me.heartbeat_at is None or moment - me.heartbeat_at > half

    @transaction.atomic
    def reconcile(self, *, by: User, host_lost: bool = False, reason: str = "") -> None:
        """Let a worker settle the run now: follow it on, commit its end, or say it was killed.

        With `host_lost` the run is given to another host, on the word of whoever calls that
        the first one is gone for good. Raises Conflict when a worker is heard, or when no
        worker could settle it.
        """
        me = cast("Task", self)
        target = self._check(host_lost)
        moment = clock()
        rows: Any = type(me)._default_manager.filter(pk=me.pk, state=me.State.RUNNING)
        same = rows.filter(epoch=me.epoch, heartbeat_at=me.heartbeat_at)
        over = min(me.lease_until or moment, moment)
        if not same.update(host=target, lease_until=over):
            raise _refusal(_("Its worker has been heard at this very moment."))
        AuditEntry.objects.record(
            "ReconcileTask",
            me,
            by=by,
            before={"worker": me.worker, "host": me.host, "epoch": me.epoch},
            after={"host": target, "host_lost": host_lost},
            reason=reason,
        )
        announce(me.pk)

    def _check(self, host_lost: bool) -> str:
        """Return the host that is to settle the run. Raises Conflict when there is none."""
        me, standing = cast("Task", self), self.standing
        if host_lost and standing == Standing.HOST_LIVES:
            raise _refusal(
                _("A worker of %(host)s lives, so the host is not lost.")
                % {"host": me.host}
            )
        if host_lost and standing == Standing.HOST_SILENT:
            alive = Heartbeat.objects.alive().order_by("busy", "name")
            if other := alive.values_list("host", flat=True).first():
                return other
        if standing != Standing.HOST_LIVES:
            raise _refusal(why_not(me))
        return me.host


def why_not(task: "Task") -> Text:
    """Why a run cannot be settled now by a worker of its own host; empty when it can."""
    sentences: dict[Standing, Text] = {
        Standing.WAITING: _(
            "It waits for a worker: nothing has run that could be lost."
        ),
        Standing.OVER: _("It has ended: its status is final."),
        Standing.HELD: _("Its worker is heard and holds it: nothing is uncertain."),
        Standing.NOBODY: _(
            "No worker is running anywhere. Start one: it settles the run by itself."
        ),
        Standing.HOST_SILENT: _(
            "No worker is running on %(host)s, where the run was started. Start one there: "
            "it settles the run by itself."
        )
        % {"host": task.host},
    }
    return sentences.get(task.standing, "")


def _refusal(why: Text) -> Conflict:
    return Conflict(why, code="IncorrectStatus.Task")
