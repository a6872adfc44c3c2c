"""The worker's host: its name, the locks of its workers, and its free disk space."""

import contextlib
import fcntl
import os
import secrets
import socket
from pathlib import Path

from django.conf import settings

# A run has some dozens of files, a provider some more.
MIN_FREE_FILES = 1000


def host_name() -> str:
    """Return the name of the host whose runs are in the data directory.

    The name is stored in the data directory: all processes that share the directory can see
    the runs, even when the machine or container gets another name, and another machine of
    the same name has another directory.
    """
    path = Path(settings.DATA_DIR) / "host"
    name = f"{socket.gethostname()[:80]}-{secrets.token_hex(4)}"
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    if not path.exists():
        draft.write_text(name)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()


class WorkerLock:
    """A file that a worker locks until its process ends, so that a crash shows at once."""

    def __init__(self, worker: str) -> None:
        self.path = _path(worker)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = open(self.path, "w")  # noqa: SIM115 - locked until the process ends
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def touch(self) -> None:
        """Update the modification time, which shows that the worker's loop is not stuck."""
        self.path.touch()

    def release(self) -> None:
        self.path.unlink(missing_ok=True)
        self._file.close()

    @staticmethod
    def is_held(worker: str) -> bool:
        """Return True if a worker of this host is running; remove the files of one that is not."""
        path = _path(worker)
        try:
            with open(path) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        path.unlink(missing_ok=True)
        path.with_suffix(".pipe").unlink(missing_ok=True)
        return False


def _path(worker: str) -> Path:
    return Path(settings.DATA_DIR) / "wake" / f"{worker}.alive"


def has_free_disk_space() -> bool:
    """Return True if a run may start: the disk has FREE_BYTES bytes and 1000 files left.

    With a full disk, Terraform loses the record of resources that it has just created.
    Below the limit no run starts and none fails: the queue is left to hosts with space.
    """
    disk = os.statvfs(settings.DATA_DIR)
    # A file system that creates inodes on demand reports none.
    files = disk.f_favail >= MIN_FREE_FILES or not disk.f_files
    return files and disk.f_bavail * disk.f_frsize >= settings.FREE_BYTES
