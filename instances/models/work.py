"""Background work: the row is the queue, the lease decides who runs, the epoch fences.

A broker never decides who runs: measured, a redelivered message started a healthy change a
second time. Taking work is a conditional UPDATE; every later write of the worker names the
epoch it was given, and zero rows mean that somebody else has taken over.
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
from instances.models.provisioning_spec import secret_keys, wire_text


class LeaseLostError(Exception):
    """Another worker holds this work now: stop writing, and stop the run if it is yours."""


class WorkStatus(models.TextChoices):
    """The result of a task or a check, in the words of the API."""

    IN_PROGRESS = "InProgress", _("In progress")
    SUCCEEDED = "Succeeded", _("Succeeded")
    FAILED = "Failed", _("Failed")


def clock() -> datetime:
    """The time leases are measured in: the database's, where several hosts share one."""
    if connection.vendor == "sqlite":
        return now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cast(datetime, cursor.fetchone()[0])


class WorkQuerySet(models.QuerySet["Any"]):
    def queued(self) -> Self:
        """Work that waits for a worker."""
        return self.filter(state=Work.State.QUEUED)

    def running(self) -> Self:
        """Work some worker holds."""
        return self.filter(state=Work.State.RUNNING)

    def startable(self) -> Self:
        """What no limit keeps waiting."""
        return self

    def needing_no_disk_space(self) -> Self:
        """Work that can be done on a host without free disk space."""
        return self.none()

    def in_turn(self) -> Self:
        """The order in which waiting work is taken: one of each person, then the next."""
        return self.order_by("turn", "queued_at", "pk")

    def left_behind(self, host: str) -> Self:
        """Work whose worker's lease ran out and which this host may take over.

        A run of this host may still be alive and is adopted at once. One of another host
        is left alone for a grace, counted from when its silence was noticed: an outage of
        the database is nobody's silence.
        """
        moment = clock()
        grace = timedelta(seconds=settings.HOST_GRACE)
        adoptable = Q(host=host) | Q(suspected_at__lt=moment - grace)
        return self.running().filter(adoptable, lease_until__lt=moment)

    def suspect(self, host: str) -> None:
        """Note which runs of other hosts have fallen silent."""
        moment = clock()
        silent = self.running().filter(lease_until__lt=moment, suspected_at=None)
        silent = silent.exclude(host=host)
        # Looked for first: an UPDATE of nothing takes the write lock all the same.
        if silent.exists():
            silent.update(suspected_at=moment)

    def let_go(self, worker: str, host: str) -> None:
        """End the leases of a worker that is known to be dead."""
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
        """Take the first of these rows, or None.

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

    def next_turn(self, person: int | None) -> int:
        """The place in the queue of this person's next piece of work.

        Behind what they are waiting for already, and on a level with whoever is next: so
        thousands of one person's tasks do not keep the single task of another waiting.
        """
        own = self.queued().filter(created_by=person).order_by("-turn")
        last = Subquery(own.values("turn")[:1])
        first = self.queued().order_by("turn").values_list("turn", last).first()
        if first is None:
            return 0
        level, mine = first
        return int(level) if mine is None else int(mine) + 1


class Work(models.Model):
    """What is asked for, and where the worker is with it. Abstract: a task or a plan."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting for a worker")
        RUNNING = "running", _("running")
        ENDED = "ended", _("ended")

    class Stop(models.IntegerChoices):
        """How a run has been asked to stop. `cancel_requested_at` says only that it should."""

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
    # Fair between people: see `next_turn`.
    turn = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    # When another host first found the lease run out; a sign of life takes it back.
    suspected_at = models.DateTimeField(null=True, editable=False)

    # The run
    run_directory = models.CharField(max_length=255, blank=True, editable=False)
    offset = models.PositiveBigIntegerField(default=0, editable=False)
    stage = models.CharField(max_length=16, blank=True, editable=False)
    stages = models.JSONField(default=dict, editable=False)
    resources_total = models.PositiveIntegerField(null=True, editable=False)
    resources_done = models.PositiveIntegerField(default=0, editable=False)
    # How far the ladder of asking it to stop has been climbed, kept for who adopts it.
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
        """Its place in the queue, if it were put there now."""
        queue = cast(WorkQuerySet, type(self)._default_manager.all())
        return queue.next_turn(self.created_by_id)

    # The database's time when it was read, where the query asked for that too.
    read_at: datetime | None = None

    @property
    def as_of(self) -> datetime:
        """The time by which its lease, heartbeat and duration are judged: the database's."""
        if self.read_at is None:
            self.read_at = clock()
        return self.read_at

    @property
    def active(self) -> bool:
        """Whether a worker still has something to do with it."""
        return self.state != self.State.ENDED

    @property
    def values(self) -> dict[str, Any]:
        """Every stored parameter, secrets in clear: for the engine only."""
        return {**self.parameters, **self.secrets}

    @property
    def entries(self) -> dict[str, Any]:
        """The parameters that were entered, secrets in clear.

        In rows of version 0.1.0 these are the values that are not the default.
        """
        return {k: v for k, v in self.values.items() if k in self._entered_keys}

    @property
    def secret_values(self) -> list[Any]:
        """All secrets that a run of it may print: defaults of the template too."""
        if self.version_id is None:
            return []
        schema = self.version.template.schema
        defaults = [p.default for p in schema.parameters if p.secret]
        return [*self.secrets.values(), *defaults]

    @property
    def masked_parameters(self) -> dict[str, Any]:
        """Every parameter in the template's order, defaults included, secrets masked."""
        known = {**self.version.template.schema.defaults, **self.parameters}
        return self._ordered(
            {**known, **dict.fromkeys(self._secret_keys & known.keys(), MASK)}
            | dict.fromkeys(self.secrets, MASK)
        )

    @property
    def masked_entries(self) -> dict[str, str]:
        """The text of each parameter that was entered, as it was typed, secrets masked."""
        return self._masked_texts(lambda key: key in self._entered_keys)

    @property
    def masked_defaults(self) -> dict[str, str]:
        """The text of each parameter for which a default holds, secrets masked."""
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

    def _ordered(self, known: dict[str, Any]) -> dict[str, Any]:
        order = [parameter.key for parameter in self.version.template.schema.parameters]
        rest = [key for key in known if key not in order]
        return {key: known[key] for key in [*order, *rest] if key in known}

    def _may_start(self) -> bool:
        """Whether a limit leaves room for it; asked with the row locked."""
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
    def _lease() -> dict[str, Any]:
        """The columns of a sign of life."""
        moment = clock()
        return {
            "heartbeat_at": moment,
            "lease_until": moment + timedelta(seconds=settings.LEASE_SECONDS),
            "suspected_at": None,
        }

    def renew(self, **values: Any) -> None:
        """Prolong the lease, and write these columns. Raises LeaseLostError when another took over."""
        self.write(**self._lease(), **values)

    def write(self, **values: Any) -> None:
        """Write columns as the holder of the lease. Raises LeaseLostError when that is over."""
        held = type(self)._default_manager.filter(
            pk=self.pk, epoch=self.epoch, state=self.State.RUNNING
        )
        if not held.update(**values):
            raise LeaseLostError(self.pk)
        for name, value in values.items():
            setattr(self, name, value)

    def release(self) -> None:
        """Let go of running work without ending it: the next worker may take it at once."""
        # Equal, which an expired lease never is: see `_take`.
        moment = clock()
        self.write(heartbeat_at=moment, lease_until=moment)

    def put_back(self) -> None:
        """Give work back to the queue that this worker has no room for: it has not begun."""
        self.write(
            state=self.State.QUEUED,
            worker="",
            lease_until=None,
            started_at=self.started_at if self.attempt else None,
        )

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
            stop_step=self.Stop.NONE,
            attempt=F("attempt") + 1,
        )

    def cancel_if_queued(self) -> bool:
        """End work no worker has taken yet. False when it is too late for that."""
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
        """Ask the worker to stop a run. False when it has already ended."""
        held = type(self)._default_manager.filter(pk=self.pk, state=self.State.RUNNING)
        return bool(
            held.filter(cancel_requested_at=None).update(cancel_requested_at=clock())
            or held.exists()
        )


def queue_indexes(name: str) -> Iterable[models.Index]:
    """Indexes the queue needs: the waiting by turn, also of one person, the running by lease."""
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
