"""Retries with growing pauses while the database cannot be reached."""

import threading
import time

from django.db import InterfaceError, InternalError, OperationalError, connection

# PostgreSQL ends a transaction that was idle too long with an InternalError.
CONNECTION_ERRORS = (OperationalError, InterfaceError, InternalError)
MAX_OUTAGE_SECONDS = 600
PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
# Failures further apart than this belong to different outages.
RESET_SECONDS = 60


class DatabaseRetry:
    """The consecutive failures of one thread, and the pauses between its attempts."""

    def __init__(self, stopping: threading.Event) -> None:
        self.stopping = stopping
        self.began = self.last = 0.0
        self.failures = 0

    def wait(self) -> bool:
        """Pause before the next attempt. Return False when the thread should give up.

        Closes the connection: it is unusable after a restart of the server.
        """
        moment = time.monotonic()
        if moment - self.last > RESET_SECONDS:
            self.began, self.failures = moment, 0
        pause = PAUSES[min(self.failures, len(PAUSES) - 1)]
        self.failures += 1
        connection.close()
        stopped = self.stopping.wait(pause)
        self.last = time.monotonic()
        return not stopped and self.last - self.began < MAX_OUTAGE_SECONDS
