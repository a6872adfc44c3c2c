"""A task: one launch, update or termination of an instance, its log and its outputs."""

from datetime import timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from catalog.models import Region
from console.lib.audit import AuditEntry
from console.lib.encryption import EncryptedJSONField
from console.lib.errors import ConflictError, Text
from console.lib.exact import ExactDecoder, ExactEncoder
from console.lib.ids import id_field
from console.lib.users import User
from instances.models.heartbeat import Heartbeat
from instances.models.work import Work, WorkQuerySet, WorkStatus, clock, queue_indexes
from instances.wakeup import announce


class LeaseStatus(models.TextChoices):
    """The lease of a task, and which worker could take over its run."""

    QUEUED = "queued"
    HELD = "held"
    HOST_ALIVE = "host-alive"
    HOST_SILENT = "host-silent"
    NO_WORKER = "no-worker"
    ENDED = "ended"


class TaskQuerySet(WorkQuerySet):
    def startable(self) -> "TaskQuerySet":
        """Return the waiting tasks of regions that run fewer than `REGION_CONCURRENCY`."""
        limit = settings.REGION_CONCURRENCY
        if not limit:
            return self
        busy = Task.objects.running().order_by().values("instance__region")
        full = busy.annotate(running=Count("pk")).filter(running__gte=limit)
        return self.exclude(instance__region__in=full.values("instance__region"))

    def needing_no_disk_space(self) -> "TaskQuerySet":
        """Terminations of instances without resources, which need no run."""
        made = self.filter(kind=Task.Kind.TERMINATE)
        return made.exclude(instance__states__resource_count__gt=0)

    def newest_first(self) -> "TaskQuerySet":
        return self.order_by("-created_at", "-pk")


class Task(Work):
    """A change of one instance. `kind` and `status` have the values of the API."""

    class Kind(models.TextChoices):
        LAUNCH = "LaunchProduct", _("Launch product")
        UPDATE = "UpdateProvisionedProduct", _("Update instance")
        TERMINATE = "TerminateProvisionedProduct", _("Terminate instance")

    Status = WorkStatus

    id = id_field("task")
    instance = models.ForeignKey(
        "instances.Instance",
        models.CASCADE,
        related_name="tasks",
        verbose_name=_("instance"),
    )
    plan = models.OneToOneField(
        "instances.Plan",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="task",
        verbose_name=_("plan"),
    )
    kind = models.CharField(_("task type"), max_length=32, choices=Kind)
    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.IN_PROGRESS
    )
    status_message = models.TextField(_("status message"), blank=True)
    instance_status_before = models.CharField(max_length=16, blank=True, editable=False)

    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["instance"],
                condition=~Q(state="ended"),
                name="task_one_active_per_instance",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["InProgress", "Succeeded", "Failed"]),
                name="task_status_known",
            ),
            models.CheckConstraint(
                condition=Q(status="InProgress") & ~Q(state="ended")
                | ~Q(status="InProgress") & Q(state="ended"),
                name="task_status_agrees_with_queue",
            ),
        ]
        indexes = [
            *queue_indexes("task"),
            models.Index(
                fields=["instance", "-created_at", "-id"], name="task_of_instance"
            ),
        ]

    def __str__(self) -> str:
        return self.pk

    def get_absolute_url(self) -> str:
        return reverse("instances:task-detail", args=[self.instance_id, self.pk])

    def _may_start(self) -> bool:
        """Return True if its region has a free place, or it has one from a former worker."""
        limit = settings.REGION_CONCURRENCY
        if not limit or self.state == self.State.RUNNING:
            return True
        # The row of the region is the lock: two workers must not both take the last place.
        region = self.instance.region_id
        Region.objects.select_for_update().get(pk=region)
        running = Task.objects.running().filter(instance__region=region)
        return running.count() < limit

    @transaction.atomic
    def cancel(self, *, by: User) -> None:
        """Cancel the task: at once while it waits, through its worker while it runs.

        Canceling twice is harmless. Raises ConflictError when it has already ended.
        """
        waiting = Task.objects.filter(pk=self.pk, state=self.State.QUEUED)
        moment = clock()
        stopped = waiting.update(
            state=self.State.ENDED,
            status=self.Status.FAILED,
            status_message=_("Canceled before it started. Nothing was changed."),
            ended_at=moment,
            updated_at=moment,
            cancel_requested_at=moment,
        )
        if stopped:
            self.refresh_from_db()
            self.instance.restore_status(self)
            if self.plan is not None:
                self.plan.end_execution(ok=False, message=self.status_message)
        elif not self.request_cancel():
            raise _refusal(_("The task has already ended and cannot be canceled."))
        AuditEntry.objects.record("CancelTask", self, by=by)

    @property
    def lease_status(self) -> LeaseStatus:
        """Which worker holds the lease, or else could take over the run."""
        if self.state != self.State.RUNNING:
            waits = self.state == self.State.QUEUED
            return LeaseStatus.QUEUED if waits else LeaseStatus.ENDED
        if not self._silent:
            return LeaseStatus.HELD
        if Heartbeat.objects.alive().filter(host=self.host).exists():
            return LeaseStatus.HOST_ALIVE
        alive = Heartbeat.objects.alive().exists()
        return LeaseStatus.HOST_SILENT if alive else LeaseStatus.NO_WORKER

    @property
    def _silent(self) -> bool:
        """Return True if a heartbeat is missing: one is due every third of a lease."""
        moment = clock()
        if self.lease_until is None or self.lease_until < moment:
            return True
        half = timedelta(seconds=settings.LEASE_SECONDS / 2)
        return self.heartbeat_at is None or moment - self.heartbeat_at > half

    @transaction.atomic
    def reconcile(self, *, by: User, host_lost: bool = False, reason: str = "") -> None:
        """Expire the lease of a silent worker, so that another takes over the run at once.

        The worker that takes it over decides by state, lock and process whether the run
        goes on, has ended or was killed. A healthy worker cannot lose its run: its next
        heartbeat renews the lease, and every write names its epoch.

        With `host_lost` the run is given to another host, because the caller states that
        the first one is gone for good. Raises ConflictError when the worker holds its lease, or
        when no worker could take over.
        """
        target = self._reconciling_host(host_lost)
        moment = clock()
        rows = Task.objects.filter(pk=self.pk, state=self.State.RUNNING)
        same = rows.filter(epoch=self.epoch, heartbeat_at=self.heartbeat_at)
        over = min(self.lease_until or moment, moment)
        if not same.update(host=target, lease_until=over):
            raise _refusal(
                _("The worker just sent a heartbeat, so the task is still running.")
            )
        AuditEntry.objects.record(
            "ReconcileTask",
            self,
            by=by,
            before={"worker": self.worker, "host": self.host, "epoch": self.epoch},
            after={"host": target, "host_lost": host_lost},
            reason=reason,
        )
        announce(self.pk)

    def _reconciling_host(self, host_lost: bool) -> str:
        """Return the host that is to take over the run. Raises ConflictError when there is none."""
        lease_status = self.lease_status
        if host_lost and lease_status == LeaseStatus.HOST_ALIVE:
            raise _refusal(
                _(
                    "A worker is running on %(host)s, so the host cannot be declared lost."
                )
                % {"host": self.host}
            )
        if host_lost and lease_status == LeaseStatus.HOST_SILENT:
            alive = Heartbeat.objects.alive().order_by("busy", "name")
            if other := alive.values_list("host", flat=True).first():
                return other
        if lease_status != LeaseStatus.HOST_ALIVE:
            raise _refusal(reconcile_refusal(self))
        return self.host

    @property
    def progress_percent(self) -> int:
        """The finished part of the planned change, 0 to 100."""
        if not self.resources_total:
            return 0
        return min(100, self.resources_done * 100 // self.resources_total)

    @property
    def seconds(self) -> float:
        """The duration of the run so far, or of the ended run."""
        if self.started_at is None:
            return 0.0
        ran = (self.ended_at or self.as_of) - self.started_at
        # The clocks of hosts differ, and a clock may be set.
        return max(0.0, ran.total_seconds())


class TaskLog(models.Model):
    """A part of the log of a task, as it was read in one batch.

    `offset` is where it begins in the run's events file: draining again stores nothing
    twice. `lines` are `[time, level, text]`, secrets already masked.
    """

    task = models.ForeignKey(Task, models.CASCADE, related_name="logs")
    attempt = models.PositiveIntegerField(default=0)
    offset = models.PositiveBigIntegerField()
    command = models.CharField(max_length=16)
    stream = models.CharField(max_length=8, default="stdout")
    lines = models.JSONField(default=list)

    class Meta:
        verbose_name = _("task log")
        ordering = ["attempt", "offset"]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "attempt", "offset"], name="task_log_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.task_id} {self.command} @{self.offset}"


class Output(models.Model):
    """An output of a task. A sensitive value is stored in the encrypted column alone."""

    id = id_field("out")
    task = models.ForeignKey(Task, models.CASCADE, related_name="outputs")
    key = models.CharField(_("key"), max_length=255)
    value = models.JSONField(
        _("value"), null=True, encoder=ExactEncoder, decoder=ExactDecoder
    )
    sensitive = models.BooleanField(_("sensitive"), default=False)
    secret_value = EncryptedJSONField(null=True)
    description = models.TextField(_("description"), blank=True)

    class Meta:
        verbose_name = _("output")
        verbose_name_plural = _("outputs")
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(fields=["task", "key"], name="output_once"),
            models.CheckConstraint(
                condition=Q(sensitive=False) | Q(value=None),
                name="output_secret_not_in_clear",
            ),
        ]

    def __str__(self) -> str:
        return self.key


def reconcile_refusal(task: Task) -> Text:
    """Return why no worker of its own host can take over a run now; empty when one can."""
    sentences: dict[LeaseStatus, Text] = {
        LeaseStatus.QUEUED: _(
            "The task is waiting for a worker and has not started. There is nothing to "
            "reconcile."
        ),
        LeaseStatus.ENDED: _("The task has ended. Its status is final."),
        LeaseStatus.HELD: _(
            "A worker is running this task and sending heartbeats. There is nothing to "
            "reconcile."
        ),
        LeaseStatus.NO_WORKER: _(
            "No worker is running. Start a worker. It reconciles the task automatically."
        ),
        LeaseStatus.HOST_SILENT: _(
            "No worker is running on %(host)s, where the task was started. Start a "
            "worker there. It reconciles the task automatically."
        )
        % {"host": task.host},
    }
    return sentences.get(task.lease_status, "")


def _refusal(reason: Text) -> ConflictError:
    return ConflictError(reason, code="IncorrectStatus.Task")
