"""Background work: the row is the queue, the lease decides who runs, the epoch fences.

A broker never decides who runs: measured, a redelivered message started a healthy change a
second time. Taking work is a conditional UPDATE; every later write of the worker names the
epoch it was given, and zero rows mean that somebody else has taken over.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.models import Portfolio, Version
from console.lib.encryption import EncryptedJSONField

HOST_GRACE = timedelta(minutes=5)


class Fenced(Exception):
    """Another worker holds this work now: stop writing, and stop the run if it is yours."""


class WorkQuerySet(models.QuerySet["Any"]):
    def claimable(self, host: str) -> Self:
        """Work nobody holds: queued, or left behind by a worker whose lease ran out.

        A run of this host may still be alive and is adopted at once. One of another host
        is left alone for a grace, in which that host's own workers may come back.
        """
        moment = now()
        lost = Q(state=Work.State.RUNNING, lease_until__lt=moment)
        adoptable = Q(host=host) | Q(lease_until__lt=moment - HOST_GRACE)
        return self.filter(Q(state=Work.State.QUEUED) | lost & adoptable)

    def claim(self, worker: str, host: str) -> "Any | None":
        """Take the oldest claimable work for a worker, or None.

        Safe with many workers: on SQLite the transaction is exclusive from its start, on
        PostgreSQL the row is locked and locked rows are skipped.
        """
        waiting = self.claimable(host)
        if not waiting.exists():
            return None
        skip = connection.features.has_select_for_update_skip_locked
        with transaction.atomic():
            oldest = waiting.order_by("queued_at", "pk").select_for_update(
                skip_locked=skip
            )
            work = oldest.first()
            if work is None:
                return None
            work._take(worker, host)
        return work

    def running(self) -> Self:
        """Work some worker holds."""
        return self.filter(state=Work.State.RUNNING)


class Work(models.Model):
    """What is asked for, and where the worker is with it. Abstract: a task or a plan."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting for a worker")
        RUNNING = "running", _("running")
        ENDED = "ended", _("ended")

    # What is asked for
    version = models.ForeignKey(
        Version, models.PROTECT, related_name="+", verbose_name=_("version")
    )
    portfolio = models.ForeignKey(
        Portfolio,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("portfolio"),
    )
    parameters = models.JSONField(_("parameters"), default=dict, editable=False)
    secrets = EncryptedJSONField(_("secret parameters"), default=dict)
    tags = models.JSONField(_("tags"), default=dict, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("requested by"),
    )
    created_at = models.DateTimeField(_("created"), default=now, editable=False)
    updated_at = models.DateTimeField(_("updated"), default=now, editable=False)

    # The queue
    state = models.CharField(
        max_length=8, choices=State, default=State.QUEUED, editable=False
    )
    queued_at = models.DateTimeField(default=now, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    worker = models.CharField(max_length=128, blank=True, editable=False)
    host = models.CharField(max_length=128, blank=True, editable=False)
    epoch = models.PositiveIntegerField(default=0, editable=False)
    attempt = models.PositiveIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, editable=False)
    cancel_requested_at = models.DateTimeField(null=True, editable=False)

    # The run
    run_directory = models.CharField(max_length=255, blank=True, editable=False)
    offset = models.PositiveBigIntegerField(default=0, editable=False)
    stage = models.CharField(max_length=16, blank=True, editable=False)
    stages = models.JSONField(default=dict, editable=False)
    resources_total = models.PositiveIntegerField(null=True, editable=False)
    resources_done = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        abstract = True

    @property
    def active(self) -> bool:
        """Whether a worker still has something to do with it."""
        return self.state != self.State.ENDED

    @property
    def values(self) -> dict[str, Any]:
        """Every parameter, secrets in clear: for the engine only."""
        return {**self.parameters, **self.secrets}

    @property
    def masked_parameters(self) -> dict[str, Any]:
        """Every parameter in the template's order, secrets as `******`."""
        known = {**self.parameters, **dict.fromkeys(self.secrets, "******")}
        order = [parameter.key for parameter in self.version.template.schema.parameters]
        rest = [key for key in known if key not in order]
        return {key: known[key] for key in [*order, *rest] if key in known}

    def _take(self, worker: str, host: str) -> None:
        moment = now()
        self.state = self.State.RUNNING
        self.worker, self.host = worker, host
        self.epoch += 1
        self.started_at = self.started_at or moment
        self.heartbeat_at = moment
        self.lease_until = moment + timedelta(seconds=settings.LEASE_SECONDS)
        self.save(
            update_fields=[
                "state",
                "worker",
                "host",
                "epoch",
                "started_at",
                "heartbeat_at",
                "lease_until",
            ]
        )

    def renew(self) -> None:
        """Prolong the lease. Raises Fenced when another worker took over."""
        moment = now()
        self.write(
            heartbeat_at=moment,
            lease_until=moment + timedelta(seconds=settings.LEASE_SECONDS),
        )

    def write(self, **values: Any) -> None:
        """Write columns as the holder of the lease. Raises Fenced when that is over."""
        held = type(self)._default_manager.filter(
            pk=self.pk, epoch=self.epoch, state=self.State.RUNNING
        )
        if not held.update(**values):
            raise Fenced(self.pk)
        for name, value in values.items():
            setattr(self, name, value)

    def release(self) -> None:
        """Let go of running work without ending it: the next worker may take it at once."""
        self.write(lease_until=now())

    def requeue(self) -> None:
        """Give unstarted work back to the queue: nothing was applied, so nothing is lost."""
        self.write(
            state=self.State.QUEUED,
            worker="",
            lease_until=None,
            run_directory="",
            offset=0,
            stage="",
            stages={},
            attempt=F("attempt") + 1,
        )

    def cancel_if_queued(self) -> bool:
        """End work no worker has taken yet. False when it is too late for that."""
        waiting = type(self)._default_manager.filter(
            pk=self.pk, state=self.State.QUEUED
        )
        moment = now()
        return bool(
            waiting.update(
                state=self.State.ENDED,
                ended_at=moment,
                updated_at=moment,
                cancel_requested_at=moment,
            )
        )

    def request_cancel(self) -> bool:
        """Ask the worker to stop a run. False when it has already ended."""
        held = type(self)._default_manager.filter(pk=self.pk, state=self.State.RUNNING)
        return bool(
            held.filter(cancel_requested_at=None).update(cancel_requested_at=now())
            or held.exists()
        )


def queue_indexes(name: str) -> Iterable[models.Index]:
    """Indexes the claim needs: the waiting by age, the running by lease."""
    return [
        models.Index(
            fields=["queued_at"],
            name=f"{name}_queued",
            condition=Q(state=Work.State.QUEUED.value),
        ),
        models.Index(
            fields=["lease_until"],
            name=f"{name}_running",
            condition=Q(state=Work.State.RUNNING.value),
        ),
    ]
