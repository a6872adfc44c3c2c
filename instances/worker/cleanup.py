"""Cleanup of run directories that killed workers left behind."""

import contextlib
import fcntl
import logging
import os
import shutil
import time
from pathlib import Path

from django.conf import settings

from instances.engines import processes
from instances.models import Check, Plan, Task

logger = logging.getLogger(__name__)

# As long as a suspended worker may sleep and still find that its run was abandoned.
TOMBSTONE_SECONDS = 24 * 60 * 60
# A file with one byte for each time that the run was asked to stop.
STOP_REQUESTS, MAX_STOP_REQUESTS = "asked", 2


def remove_orphaned_runs() -> None:
    """Remove each run directory that belongs to no running work, and stop its processes.

    A row stores the name of its directory before the directory is made, so that a
    directory without a row is not about to be used.
    """
    runs = Path(settings.DATA_DIR) / "runs"
    # Listed before the rows are read: otherwise a run that starts in between looks orphaned.
    found = list(runs.iterdir()) if runs.is_dir() else []
    known: set[str] = set()
    for queue in (Task.objects, Plan.objects, Check.objects):
        known |= set(queue.running().values_list("run_directory", flat=True))
    for directory in found:
        if str(directory) not in known and directory.is_dir():
            # Another worker may clean up at the same time and be faster.
            with contextlib.suppress(FileNotFoundError):
                _remove(directory)


def _remove(directory: Path) -> None:
    """Stop the processes of a directory, or remove it if it has none and is no tombstone."""
    if processes.alive(directory):
        _stop(directory)
    elif not _is_tombstone(directory):
        shutil.rmtree(directory, ignore_errors=True)


def _stop(directory: Path) -> None:
    """Send the run an interrupt, then a second one, then kill it, STOP_SECONDS apart."""
    with open(directory / STOP_REQUESTS, "ab") as requests:
        try:
            fcntl.flock(requests, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another worker is stopping it
        age = time.time() - os.fstat(requests.fileno()).st_mtime
        sent = requests.tell()
        if sent and age <= settings.STOP_SECONDS:
            return
        requests.write(b".")
    force = sent >= MAX_STOP_REQUESTS
    action = "killed" if force else "interrupted"
    logger.warning("orphaned run %s: %s", directory.name, action)
    (processes.kill if force else processes.interrupt)(directory)


def _is_tombstone(directory: Path) -> bool:
    """Return True for an abandoned run whose lock must stay until no worker can start it."""
    names = {path.name for path in directory.iterdir()}
    young = time.time() - directory.stat().st_mtime < TOMBSTONE_SECONDS
    return young and names <= {"lock", "events.jsonl"}
