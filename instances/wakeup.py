"""Wakeups for idle workers, so that queued work starts at once.

Each worker of this host waits on a named pipe; those of other hosts listen for PostgreSQL's
NOTIFY, or get a message from the broker if one is set. A lost wakeup delays the work by
the worker's poll interval and nothing else: the row is the queue.
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
# The pause before listening for NOTIFY again after the connection was lost.
RECONNECT_SECONDS = 5.0


def _directory() -> Path:
    return Path(settings.DATA_DIR) / "wake"


def announce(pk: str) -> None:
    """Wake the workers for a piece of work when the current transaction is committed."""
    transaction.on_commit(partial(wake_workers, pk))


def wake_workers(pk: str) -> None:
    """Wake every worker on every host. Errors are logged and ignored: workers also poll."""
    _write_to_pipes()
    if connection.vendor == "postgresql":
        _notify(pk)
    if settings.BROKER_URL:
        # By name: Celery is an optional extra.
        import_string("instances.worker.celery_dispatch.send")(pk)


def _write_to_pipes() -> None:
    for path in _directory().glob("*.pipe"):
        # The pipe has no reader any more, or is full of wakeups.
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


class NotifyListener:
    """A connection of its own that listens for NOTIFY; inactive on SQLite.

    After a lost connection it is inactive for RECONNECT_SECONDS.
    """

    def __init__(self) -> None:
        # The driver's connection: Django has no API for notifications.
        self._connection: Any = None
        supported = connection.vendor == "postgresql"
        self._inactive_until = 0.0 if supported else float("inf")

    def descriptors(self) -> list[int]:
        """Return the file descriptors to wait on, none while inactive."""
        if self._connection is None and time.monotonic() >= self._inactive_until:
            self._listen()
        return [] if self._connection is None else [self._connection.fileno()]

    def _listen(self) -> None:
        try:
            # A second connection to the same database, which Django does not close.
            own = connection.copy()
            own.connect()
            self._connection = own.connection
            self._connection.execute(f"LISTEN {CHANNEL}")
        except self._errors() as error:
            self._disconnect(error)

    def drain(self) -> None:
        """Discard the received notifications, so that they do not end the next wait."""
        if self._connection is None:
            return
        try:
            for _notice in self._connection.notifies(timeout=0):
                pass
        except self._errors() as error:
            self._disconnect(error)

    def _errors(self) -> tuple[type[Exception], ...]:
        """Return what may be raised: Django does not translate errors of the bare connection."""
        driver: Any = connection
        return (Error, driver.Database.Error, OSError)

    def _disconnect(self, error: Exception) -> None:
        logger.warning("NOTIFY connection lost, polling: %s", str(error).strip())
        self.close()
        self._inactive_until = time.monotonic() + RECONNECT_SECONDS

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None


class Wakeup:
    """The pipe and the listener on which one idle worker waits."""

    def __init__(self, name: str) -> None:
        _directory().mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = _directory() / f"{name}.pipe"
        self.path.unlink(missing_ok=True)
        os.mkfifo(self.path, 0o600)
        # Read and write: with a writer of our own, the pipe never reports end of file.
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self._listener = NotifyListener()

    def wait(self, seconds: float) -> None:
        """Wait for a wakeup, at most `seconds`."""
        sources = [self._descriptor, *self._listener.descriptors()]
        ready, _, _ = select.select(sources, [], [], seconds)
        if self._descriptor in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._descriptor, 4096)
        if len(ready) > (self._descriptor in ready):
            self._listener.drain()

    def wake(self) -> None:
        """End the wait of this worker, from another of its threads."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._descriptor, b"!")

    def close(self) -> None:
        self._listener.close()
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)
