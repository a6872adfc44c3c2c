"""Removes what killed workers left in the directory of the runs."""

import contextlib
import logging
import shutil
import time
from pathlib import Path

from django.conf import settings

from instances.engines import processes
from instances.models import Check, Plan, Task

logger = logging.getLogger(__name__)

# As long as a worker may sleep and still find that its run was given up.
TOMBSTONE_SECONDS = 24 * 60 * 60


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
        logger.warning("%s belongs to no work: it is asked to stop", directory.name)
        processes.interrupt(directory)
    elif not _tombstone(directory):
        shutil.rmtree(directory, ignore_errors=True)


def _tombstone(directory: Path) -> bool:
    """Whether a directory was given up not long ago, and is kept for that reason alone."""
    names = {path.name for path in directory.iterdir()}
    young = time.time() - directory.stat().st_mtime < TOMBSTONE_SECONDS
    return young and names <= {"lock", "events.jsonl"}
