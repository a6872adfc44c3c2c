"""Wakes sleeping workers of this host through a named pipe each, so that a launch starts at once.

A lost wake-up costs the worker's poll interval and nothing else: the row is the queue.
"""

import contextlib
import os
import select
from pathlib import Path

from django.conf import settings


def _directory() -> Path:
    return Path(settings.DATA_DIR) / "wake"


def wake_workers() -> None:
    """Tell every worker of this host to look at the queue now."""
    for path in _directory().glob("*.pipe"):
        # A pipe nobody reads any more, or one that is full of wake-ups already.
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(descriptor, b"!")
            finally:
                os.close(descriptor)


class Bell:
    """What a worker sleeps on."""

    def __init__(self, name: str) -> None:
        _directory().mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = _directory() / f"{name}.pipe"
        self.path.unlink(missing_ok=True)
        os.mkfifo(self.path, 0o600)
        # Read and write: with a writer of our own, the pipe never reports end of file.
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def wait(self, seconds: float) -> None:
        """Sleep until somebody wakes us, at most so long."""
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._descriptor, 4096)

    def ring(self) -> None:
        """Wake this worker's own sleep, from another of its threads."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._descriptor, b"!")

    def close(self) -> None:
        os.close(self._descriptor)
        self.path.unlink(missing_ok=True)
