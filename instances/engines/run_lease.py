"""What workers leave in the directory of a run: that they follow it, that it is given up.

Both keep a change from running twice. A run that nobody follows any more stops before other
hosts take it for dead; and a worker that slept through its lease cannot start a run that
another has given up meanwhile.
"""

import fcntl
import os
import shutil
import time
from pathlib import Path

WATCHED = "watched"


def uptime() -> float:
    """Seconds since boot, sleep included: no change of the wall clock moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def age(directory: Path) -> float:
    """Seconds since the launcher of a run began; 0 when it has not."""
    try:
        _pid, began = (directory / "pid").read_text().split()
        return max(0.0, uptime() - int(began) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError):
        return 0.0


def watch(directory: Path, at: float) -> None:
    """Tell the run that the lease of its worker was good at this `uptime`."""
    new = directory / f"{WATCHED}.tmp"
    try:
        new.touch(mode=0o600)
        new.write_text(f"{at:.3f}")
        new.rename(directory / WATCHED)
    except OSError:
        # Gone, or no space: silence is safe, it only stops the run earlier.
        return


def abandon(directory: Path) -> bool:
    """Make sure that no run can begin in this directory; False when one lives there.

    The log stays behind, empty: a directory that has one already holds a run.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(directory / "lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open(directory / "events.jsonl", "wb"):
            pass
        for path in directory.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name not in ("lock", "events.jsonl"):
                path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
