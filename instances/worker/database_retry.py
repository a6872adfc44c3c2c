"""What a worker does while its database cannot be reached: waits, longer each time."""

import threading
import time

from django.db import InterfaceError, InternalError, OperationalError, connection

# The last is what PostgreSQL says to who slept too long in a transaction.
UNREACHABLE = (OperationalError, InterfaceError, InternalError)
LONGEST_SECONDS = 600
PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
# Failures that lie further apart than this belong to different outages.
APART_SECONDS = 60


class Outage:
    """The failures of one thread, and the pauses between its attempts."""

    def __init__(self, stopping: threading.Event) -> None:
        self.stopping = stopping
        self.began = self.last = 0.0
        self.failures = 0

    def wait(self) -> bool:
        """Pause before the next attempt; False when it is time to give up.

        The connection is closed: after a restart of the server it is good for nothing.
        """
        moment = time.monotonic()
        if moment - self.last > APART_SECONDS:
            self.began, self.failures = moment, 0
        pause = PAUSES[min(self.failures, len(PAUSES) - 1)]
        self.failures += 1
        connection.close()
        stopped = self.stopping.wait(pause)
        self.last = time.monotonic()
        return not stopped and self.last - self.began < LONGEST_SECONDS
