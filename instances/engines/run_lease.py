"""The lease of a run in its directory, which keeps a change from running twice.

The worker renews it. A run whose lease is not renewed stops before other hosts take it for
dead, and a worker that slept through its lease cannot start a run that another worker has
abandoned meanwhile.
"""

import fcntl
import os
import shutil
import time
from pathlib import Path

LEASE = "watched"


def uptime() -> float:
    """Return seconds since boot, sleep included, which the wall clock does not affect."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def age(directory: Path) -> float:
    """Return seconds since the launcher of a run started; 0 when it has not."""
    try:
        _pid, began = (directory / "pid").read_text().split()
        return max(0.0, uptime() - int(began) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError):
        return 0.0


def renew(directory: Path, at: float) -> None:
    """Tell the run that the lease of its worker was valid at this `uptime`."""
    new = directory / f"{LEASE}.tmp"
    try:
        new.touch(mode=0o600)
        new.write_text(f"{at:.3f}")
        new.rename(directory / LEASE)
    except OSError:
        # No directory or no space. A lease that is not renewed stops the run: that is safe.
        return


def abandon(directory: Path) -> bool:
    """Prevent that a run starts in this directory; return False when one is running there.

    An empty log stays: a run never starts in a directory that has a log.
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
