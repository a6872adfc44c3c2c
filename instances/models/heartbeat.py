"""Heartbeats of the workers of all hosts, which `/readyz` and `/metrics` report."""

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now

# A worker without a heartbeat for so long is not counted as running.
SILENCE = timedelta(seconds=30)
FORGOTTEN = timedelta(days=1)


class HeartbeatQuerySet(models.QuerySet["Heartbeat"]):
    """All times are those of the database: the clocks of hosts may differ."""

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
        """Remove the rows of workers that were killed long ago."""
        self.filter(at__lt=Now() - FORGOTTEN).delete()


class Heartbeat(models.Model):
    """A worker process, from its start until its orderly end."""

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
