"""Background work: the row is the queue, the lease decides which worker runs it.

A broker must not decide that: measured, a redelivered message started a healthy change a
second time. Taking work is a conditional UPDATE. Every later write of the worker names the
epoch it was given (the fencing token); zero rows mean that another worker has taken over.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Self, cast

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Q, Subquery
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.models import Portfolio, Version
from catalog.schema.conversion import canonical
from console.lib.encryption import EncryptedJSONField
from console.lib.exact import ExactDecoder, ExactEncoder
from console.lib.masking import MASK
from instances.models.counter import Counter
from instances.models.provisioning_spec import ProvisioningSpec, secret_keys, wire_text


class LeaseLostError(Exception):
    """The fencing token is stale: another worker holds the lease, so this one must stop."""


class WorkStatus(models.TextChoices):
    """The result of a task or a check, in the words of the API."""

    IN_PROGRESS = "InProgress", _("In progress")
    SUCCEEDED = "Succeeded", _("Succeeded")
    FAILED = "Failed", _("Failed")


def clock() -> datetime:
    """Return the time by which leases are judged: the database's, for hosts that share one."""
    if connection.vendor == "sqlite":
        return now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cast(datetime, cursor.fetchone()[0])


class WorkQuerySet(models.QuerySet["Any"]):
    def queued(self) -> Self:
        """Return the work that waits for a worker."""
        return self.filter(state=Work.State.QUEUED)

    def running(self) -> Self:
        """Return the work that a worker holds."""
        return self.filter(state=Work.State.RUNNING)

    def startable(self) -> Self:
        """Return the work that no limit keeps waiting."""
        return self

    def needing_no_disk_space(self) -> Self:
        """Return the work that a host without free disk space can do."""
        return self.none()

    def in_turn(self) -> Self:
        """Order waiting work as it is taken: one item of each user, then the next of each."""
        return self.order_by("turn", "queued_at", "pk")

    def left_behind(self, host: str) -> Self:
        """Return the work with an expired lease that this host may take over.

        A run of this host may still be alive and is adopted at once. A run of another host
        is left alone for `HOST_GRACE` seconds after its missing heartbeat was noticed: an
        outage of the database must not count as the loss of a host.
        """
        moment = clock()
        grace = timedelta(seconds=settings.HOST_GRACE)
        adoptable = Q(host=host) | Q(suspected_at__lt=moment - grace)
        return self.running().filter(adoptable, lease_until__lt=moment)

    def suspect(self, host: str) -> None:
        """Mark the runs of other hosts whose lease has expired."""
        moment = clock()
        silent = self.running().filter(lease_until__lt=moment, suspected_at=None)
        silent = silent.exclude(host=host)
        # Check first: an UPDATE of no rows takes the write lock all the same.
        if silent.exists():
            silent.update(suspected_at=moment)

    def let_go(self, worker: str, host: str) -> None:
        """Expire the leases of a worker that is known to have ended."""
        self.running().filter(worker=worker, host=host).update(lease_until=clock())

    def claim(
        self, worker: str, host: str, *, free_disk_space: bool = True
    ) -> "Any | None":
        """Claim work for a worker: abandoned work first, else the next of the queue, or None.

        Without `free_disk_space` a worker claims only work that needs none: the rest waits
        for other hosts, or for space on this one.
        """
        waiting = self.queued().startable()
        if not free_disk_space:
            waiting = waiting.needing_no_disk_space()
        left = self.left_behind(host).order_by("lease_until")
        return left.take(worker, host) or waiting.in_turn().take(worker, host)

    def take(self, worker: str, host: str) -> "Any | None":
        """Claim the first of these rows, or return None.

        Safe with many workers: on SQLite the transaction is exclusive from its start, on
        PostgreSQL the row is locked and locked rows are skipped.
        """
        if not self.exists():
            return None
        skip = connection.features.has_select_for_update_skip_locked
        with transaction.atomic():
            work = self.select_for_update(skip_locked=skip, of=("self",)).first()
            if work is None or not work._may_start():
                return None
            work._take(worker, host)
        return work

    def next_turn(self, user: int | None) -> int:
        """Return the turn in the queue for the next work of this user.

        It comes after the waiting work of the same user, and on a level with the next work
        of the queue: thousands of tasks of one user do not delay a single task of another.
        """
        own = self.queued().filter(created_by=user).order_by("-turn")
        last = Subquery(own.values("turn")[:1])
        first = self.queued().order_by("turn").values_list("turn", last).first()
        if first is None:
            return 0
        next_in_queue, own_last = first
        return int(next_in_queue) if own_last is None else int(own_last) + 1


class Work(models.Model):
    """A request and the progress of its run. Abstract: a task, a plan or a check."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting for a worker")
        RUNNING = "running", _("running")
        ENDED = "ended", _("ended")

    class Stop(models.IntegerChoices):
        """The step of the cancellation of a run that was reached last."""

        NONE = 0, ""
        ASKED = 1, _("Stop requested. The operations in progress are being completed.")
        PRESSED = (
            2,
            _("Stop requested again. The operations in progress are being abandoned."),
        )
        KILLED = (
            3,
            _("The run did not stop after two requests, so it was forcibly ended."),
        )

    # The request
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
    parameters = models.JSONField(
        _("parameters"),
        default=dict,
        editable=False,
        encoder=ExactEncoder,
        decoder=ExactDecoder,
    )
    secrets = EncryptedJSONField(_("secret parameters"), default=dict)
    # The text of each parameter that was entered and may be shown. None in rows of
    # version 0.1.0, which stored the defaults among the parameters.
    entered = models.JSONField(null=True, editable=False)
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
    # Fair between users: see `next_turn`.
    turn = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    # When another host first found the lease expired; a heartbeat resets it.
    suspected_at = models.DateTimeField(null=True, editable=False)

    # The run
    run_directory = models.CharField(max_length=255, blank=True, editable=False)
    offset = models.PositiveBigIntegerField(default=0, editable=False)
    stage = models.CharField(max_length=16, blank=True, editable=False)
    stages = models.JSONField(default=dict, editable=False)
    resources_total = models.PositiveIntegerField(null=True, editable=False)
    resources_done = models.PositiveIntegerField(default=0, editable=False)
    # The last step of the cancellation, kept for a worker that adopts the run.
    stop_step = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False
    )
    stop_step_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and not self.turn:
            self.turn = self.next_turn()
        super().save(*args, **kwargs)

    def next_turn(self) -> int:
        """Return its turn in the queue, if it were put there now."""
        queue = cast(WorkQuerySet, type(self)._default_manager.all())
        return queue.next_turn(self.created_by_id)

    # The database's time when the row was read, where the query has asked for it.
    read_at: datetime | None = None

    @property
    def as_of(self) -> datetime:
        """The database's time, by which lease, heartbeat and duration are judged."""
        if self.read_at is None:
            self.read_at = clock()
        return self.read_at

    @property
    def active(self) -> bool:
        """Return True until a worker has ended it."""
        return self.state != self.State.ENDED

    @property
    def spec(self) -> ProvisioningSpec:
        """The requested version, launch option, parameters and tags, secrets included."""
        return ProvisioningSpec(
            self.version,
            self.portfolio,
            self.entries,
            self.tags,
            texts=self.entered or {},
            hidden=frozenset(self.secrets),
        )

    @property
    def values(self) -> dict[str, object]:
        """All stored parameters with secrets in clear text: for the engine only."""
        return {**self.parameters, **self.secrets}

    @property
    def entries(self) -> dict[str, object]:
        """The parameters that were entered, with secrets in clear text.

        In rows of version 0.1.0 these are the values that differ from the default.
        """
        return {k: v for k, v in self.values.items() if k in self._entered_keys}

    @property
    def secret_values(self) -> list[object]:
        """All secrets that the run may print, defaults of the template included."""
        if self.version_id is None:
            return []
        schema = self.version.template.schema
        defaults = [p.default for p in schema.parameters if p.secret]
        return [*self.secrets.values(), *defaults]

    @property
    def masked_parameters(self) -> dict[str, object]:
        """All parameters in the order of the template, defaults included, secrets masked."""
        known = {**self.version.template.schema.defaults, **self.parameters}
        return self._ordered(
            {**known, **dict.fromkeys(self._secret_keys & known.keys(), MASK)}
            | dict.fromkeys(self.secrets, MASK)
        )

    @property
    def masked_entries(self) -> dict[str, str]:
        """The texts of the entered parameters as they were typed, secrets masked."""
        return self._masked_texts(lambda key: key in self._entered_keys)

    @property
    def masked_defaults(self) -> dict[str, str]:
        """The texts of the parameters that have their default, secrets masked."""
        return self._masked_texts(lambda key: key not in self._entered_keys)

    def _masked_texts(self, wanted: Callable[[str], bool]) -> dict[str, str]:
        by_key = self.version.template.schema.by_key
        texts = self.entered or {}
        return {
            key: MASK
            if key in self._secret_keys
            else texts.get(key, wire_text(by_key.get(key), value))
            for key, value in self.masked_parameters.items()
            if wanted(key)
        }

    @property
    def _entered_keys(self) -> set[str]:
        known = {**self.parameters, **self.secrets}
        if self.entered is not None:
            return set(known)
        defaults = self.version.template.schema.defaults
        return {
            key
            for key, value in known.items()
            if key not in defaults or canonical(value) != canonical(defaults[key])
        }

    @property
    def _secret_keys(self) -> frozenset[str]:
        hidden = frozenset(self.secrets)
        return secret_keys(self.version, self.parameters, hidden)

    def _ordered(self, known: dict[str, object]) -> dict[str, object]:
        order = [parameter.key for parameter in self.version.template.schema.parameters]
        rest = [key for key in known if key not in order]
        return {key: known[key] for key in [*order, *rest] if key in known}

    def _may_start(self) -> bool:
        """Return False when a limit keeps it waiting; called with the row locked."""
        return True

    def _take(self, worker: str, host: str) -> None:
        lease = self._lease()
        running = self.state == self.State.RUNNING
        if running and self.lease_until != self.heartbeat_at:
            Counter.objects.add(Counter.LEASE_LOST)
        self.state = self.State.RUNNING
        self.worker, self.host = worker, host
        self.epoch += 1
        self.started_at = self.started_at or lease["heartbeat_at"]
        for name, value in lease.items():
            setattr(self, name, value)
        self.save(
            update_fields=["state", "worker", "host", "epoch", "started_at", *lease]
        )

    @staticmethod
    def _lease() -> dict[str, datetime | None]:
        """Return the columns of a heartbeat."""
        moment = clock()
        return {
            "heartbeat_at": moment,
            "lease_until": moment + timedelta(seconds=settings.LEASE_SECONDS),
            "suspected_at": None,
        }

    def renew(self, **values: object) -> None:
        """Prolong the lease and write columns. Raises LeaseLostError after a takeover."""
        self.write(**self._lease(), **values)

    def write(self, **values: object) -> None:
        """Write columns as the holder of the lease. Raises LeaseLostError after a takeover."""
        held = type(self)._default_manager.filter(
            pk=self.pk, epoch=self.epoch, state=self.State.RUNNING
        )
        if not held.update(**values):
            raise LeaseLostError(self.pk)
        for name, value in values.items():
            setattr(self, name, value)

    def release(self) -> None:
        """Release running work without ending it: another worker may take it at once."""
        # Both times are equal, which they never are after an expiry: see `_take`.
        moment = clock()
        self.write(heartbeat_at=moment, lease_until=moment)

    def put_back(self) -> None:
        """Put work that has not begun back into the queue: this worker lacks disk space."""
        self.write(
            state=self.State.QUEUED,
            worker="",
            lease_until=None,
            started_at=self.started_at if self.attempt else None,
        )

    def requeue(self) -> None:
        """Put work back into the queue for another attempt: nothing was applied yet."""
        self.write(
            state=self.State.QUEUED,
            worker="",
            lease_until=None,
            run_directory="",
            offset=0,
            stage="",
            stages={},
            stop_step=self.Stop.NONE,
            attempt=F("attempt") + 1,
        )

    def cancel_if_queued(self) -> bool:
        """End work that no worker has taken yet. Return False when it is too late."""
        waiting = type(self)._default_manager.filter(
            pk=self.pk, state=self.State.QUEUED
        )
        moment = clock()
        return bool(
            waiting.update(
                state=self.State.ENDED,
                ended_at=moment,
                updated_at=moment,
                cancel_requested_at=moment,
            )
        )

    def request_cancel(self) -> bool:
        """Ask the worker to stop the run. Return False when it has already ended."""
        held = type(self)._default_manager.filter(pk=self.pk, state=self.State.RUNNING)
        return bool(
            held.filter(cancel_requested_at=None).update(cancel_requested_at=clock())
            or held.exists()
        )


def queue_indexes(name: str) -> Iterable[models.Index]:
    """Return the indexes of a queue: waiting work by turn and user, running by lease."""
    waiting = Q(state=Work.State.QUEUED.value)
    return [
        models.Index(
            fields=["turn", "queued_at"], name=f"{name}_queued", condition=waiting
        ),
        models.Index(
            fields=["created_by", "turn"], name=f"{name}_waits", condition=waiting
        ),
        models.Index(
            fields=["lease_until"],
            name=f"{name}_running",
            condition=Q(state=Work.State.RUNNING.value),
        ),
    ]
