"""Removes what killed workers left in the directory of the runs."""

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

# As long as a worker may sleep and still find that its run was given up.
TOMBSTONE_SECONDS = 24 * 60 * 60
# Holds a byte for each time that the run was asked to stop.
ASKED, MOST_ASKED = "asked", 2


def sweep_runs() -> None:
    """Remove each directory no work refers to, and stop what may still run there.

    A directory is named in its row before it is made, so none of these is about to be used.
    """
    runs = Path(settings.DATA_DIR) / "runs"
    # Listed before the rows are read, or a run that begins in between would be unknown.
    found = list(runs.iterdir()) if runs.is_dir() else []
    known: set[str] = set()
    for queue in (Task.objects, Plan.objects, Check.objects):
        known |= set(queue.running().values_list("run_directory", flat=True))
    for directory in found:
        if str(directory) not in known and directory.is_dir():
            # Workers that begin together sweep together: another may be faster.
            with contextlib.suppress(FileNotFoundError):
                _sweep(directory)


def _sweep(directory: Path) -> None:
    """Stop what runs in a directory, else remove it, unless it is kept for a while."""
    if processes.alive(directory):
        _stop(directory)
    elif not _tombstone(directory):
        shutil.rmtree(directory, ignore_errors=True)


def _stop(directory: Path) -> None:
    """Interrupt a run, again after its time to stop, and kill it after a second one."""
    with open(directory / ASKED, "ab") as asked:
        try:
            fcntl.flock(asked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another worker is at it
        age = time.time() - os.fstat(asked.fileno()).st_mtime
        times = asked.tell()
        if times and age <= settings.STOP_SECONDS:
            return
        asked.write(b".")
    force = times >= MOST_ASKED
    said = "killed" if force else "asked to stop"
    logger.warning("%s belongs to no work: it is %s", directory.name, said)
    (processes.kill if force else processes.interrupt)(directory)


def _tombstone(directory: Path) -> bool:
    """Whether a directory was given up not long ago, and is kept for that reason alone."""
    names = {path.name for path in directory.iterdir()}
    young = time.time() - directory.stat().st_mtime < TOMBSTONE_SECONDS
    return young and names <= {"lock", "events.jsonl"}
