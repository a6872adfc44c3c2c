"""Who is here: the name of this host, and which of its workers live."""

import contextlib
import fcntl
import os
import secrets
import socket
from pathlib import Path

from django.conf import settings

# A run has some dozens of files, a provider some more.
FREE_FILES = 1000


def host_name() -> str:
    """The name of the host whose runs are in our data directory.

    It is kept there: whoever shares the directory can see the runs, whatever the machine
    or the container is called today, and a second machine of the same name cannot.
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


class Presence:
    """A file a worker holds locked while it lives: its host knows at once when it is dead."""

    def __init__(self, worker: str) -> None:
        self.path = _path(worker)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = open(self.path, "w")  # noqa: SIM115 - locked until the process ends
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def show(self) -> None:
        """Leave a sign of life: the loop of this worker turns."""
        self.path.touch()

    def end(self) -> None:
        """This worker ends in good order."""
        self.path.unlink(missing_ok=True)
        self._file.close()

    @staticmethod
    def of(worker: str) -> bool:
        """Whether a worker of this host lives; what a dead one left is removed."""
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


def room_for_runs() -> bool:
    """Whether the disk of the runs is above its floor, in bytes and in files."""
    disk = os.statvfs(settings.DATA_DIR)
    # A file system that makes its inodes as they are needed counts none.
    files = disk.f_favail >= FREE_FILES or not disk.f_files
    return files and disk.f_bavail * disk.f_frsize >= settings.FREE_BYTES
