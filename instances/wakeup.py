"""Wakes sleeping workers, so that a launch starts at once.

Those of this host sleep on a named pipe each; those of other hosts hear PostgreSQL's NOTIFY,
or a message of the broker where one is set. A lost wake-up costs the worker's poll interval
and nothing else: the row is the queue.
"""

import contextlib
import logging
import os
import select
import time
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error, connection, transaction
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

CHANNEL = "catalog_work"
# How long a worker that lost its ear for NOTIFY goes without: it polls meanwhile.
DEAF_SECONDS = 5.0


def _directory() -> Path:
    return Path(settings.DATA_DIR) / "wake"


def announce(pk: str) -> None:
    """Wake the workers for a piece of work, once the transaction that queued it is through."""
    transaction.on_commit(partial(wake_workers, pk))


def wake_workers(pk: str) -> None:
    """Tell every worker to look at the queue now. Never fails: they would look anyway."""
    _ring_pipes()
    if connection.vendor == "postgresql":
        _notify(pk)
    if settings.BROKER_URL:
        # By name: Celery is an extra that few installations have.
        import_string("instances.worker.celery_dispatch.send")(pk)


def _ring_pipes() -> None:
    for path in _directory().glob("*.pipe"):
        # A pipe nobody reads any more, or one that is full of wake-ups already.
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(descriptor, b"!")
            finally:
                os.close(descriptor)


def _notify(pk: str) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, pk])
    except Error as error:
        logger.warning("%s is queued, but NOTIFY failed: %s", pk, error)


class Ear:
    """Hears NOTIFY through a connection of its own; deaf on SQLite, and while that is down."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._deaf_until = 0.0 if connection.vendor == "postgresql" else float("inf")

    def descriptors(self) -> list[int]:
        """What to sleep on: nothing while deaf."""
        if self._connection is None and time.monotonic() >= self._deaf_until:
            self._listen()
        return [] if self._connection is None else [self._connection.fileno()]

    def _listen(self) -> None:
        try:
            # A second connection to the same database, outside of what Django closes.
            own = connection.copy()
            own.connect()
            self._connection = own.connection
            self._connection.execute(f"LISTEN {CHANNEL}")
        except self._broken() as error:
            self._lose(error)

    def hear(self) -> None:
        """Take what has come in, so that the next sleep is not ended by it again."""
        if self._connection is None:
            return
        try:
            for _notice in self._connection.notifies(timeout=0):
                pass
        except self._broken() as error:
            self._lose(error)

    def _broken(self) -> tuple[type[Exception], ...]:
        """Also the driver's own errors, which nothing translates on a bare connection."""
        driver: Any = connection
        return (Error, driver.Database.Error, OSError)

    def _lose(self, error: Exception) -> None:
        logger.warning("not listening, polling instead: %s", str(error).strip())
        self.close()
        self._deaf_until = time.monotonic() + DEAF_SECONDS

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None


class Bell:
    """What a worker sleeps on."""

    def __init__(self, name: str) -> None:
        _directory().mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = _directory() / f"{name}.pipe"
        self.path.unlink(missing_ok=True)
        os.mkfifo(self.path, 0o600)
        # Read and write: with a writer of our own, the pipe never reports end of file.
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self._ear = Ear()

    def wait(self, seconds: float) -> None:
        """Sleep until somebody wakes us, at most so long."""
        sources = [self._descriptor, *self._ear.descriptors()]
        ready, _, _ = select.select(sources, [], [], seconds)
        if self._descriptor in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._descriptor, 4096)
        if len(ready) > (self._descriptor in ready):
            self._ear.hear()

    def ring(self) -> None:
        """Wake this worker's own sleep, from another of its threads."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._descriptor, b"!")

    def close(self) -> None:
        self._ear.close()
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)
