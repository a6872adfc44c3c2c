"""Signs of life of the workers, of whichever host: what `/readyz` and `/metrics` go by."""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now

# A worker that is quiet for so long is not counted as alive.
SILENCE = timedelta(seconds=30)
FORGOTTEN = timedelta(days=1)


class HeartbeatQuerySet(models.QuerySet["Heartbeat"]):
    """By the database's clock throughout: the hosts' own may differ."""

    def beat(
        self, name: str, *, host: str, capacity: int, busy: int, room: bool = True
    ) -> None:
        """Store a heartbeat: the worker follows `busy` runs of at most `capacity`.

        `room` is True while its host has the free disk space to start a run.
        """
        values = {"host": host, "capacity": capacity, "busy": busy, "room": room}
        self.update_or_create(pk=name, defaults={**values, "at": Now()})

    def alive(self) -> "HeartbeatQuerySet":
        return self.filter(at__gt=Now() - SILENCE)

    def free_disk_space(self) -> set[bool]:
        """Return each answer of a live worker to whether its host has free disk space.

        Empty when no worker is running.
        """
        return set(self.alive().values_list("room", flat=True))

    def forget_old(self) -> None:
        """Remove what workers left behind that were killed long ago."""
        self.filter(at__lt=Now() - FORGOTTEN).delete()


class Heartbeat(models.Model):
    """One worker process, from its start until it stops in good order."""

    name = models.CharField(primary_key=True, max_length=128)
    host = models.CharField(max_length=128)
    capacity = models.PositiveIntegerField(default=1)
    busy = models.PositiveIntegerField(default=0)
    room = models.BooleanField(default=True, db_default=True)
    started_at = models.DateTimeField(db_default=Now())
    at = models.DateTimeField()

    objects = HeartbeatQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
