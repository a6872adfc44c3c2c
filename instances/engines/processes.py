"""The processes of a run: starts the launcher, finds out what is running, sends signals."""

import contextlib
import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from instances.engines import signals
from instances.engines.base import EngineError

# Without site packages, which it does not use and which take time to load.
LAUNCHER = ("-I", "-S", str(Path(__file__).with_name("launcher.py")))
PID_SECONDS = 2.0

# The launchers that this process started, which it has to wait for when they have ended.
_started: dict[int, subprocess.Popen[bytes]] = {}


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program with its signals reset; options are those of `subprocess.Popen`."""
    return subprocess.Popen(signals.fresh(command), **options)


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess:
    """Run a program with its signals reset; options are those of `subprocess.run`.

    A program that cannot be started returns code 127, with the reason on its stderr.
    """
    return subprocess.run(signals.fresh(command), **options)


def launch(
    directory: Path,
    environment: Mapping[str, str],
    program: Sequence[str] = LAUNCHER,
    *,
    again: bool = False,
) -> subprocess.Popen[bytes]:
    """Start the launcher of a run in a session of its own.

    It inherits the lock of the directory, taken here before it exists, so that the run is
    alive as soon as this returns. It resets its own signals and those of its children.
    Raises EngineError when a run is alive in the directory, and when one was started there
    before, unless it is started `again`.
    """
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new = os.O_CREAT | (0 if again else os.O_EXCL)
        log = os.open(
            directory / "events.jsonl",
            os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | new,
            0o600,
        )
        try:
            return subprocess.Popen(
                [sys.executable, *program, str(directory), str(lock)],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),
            )
        finally:
            os.close(log)
    except (BlockingIOError, FileExistsError) as error:
        raise EngineError("This directory already contains a run.") from error
    except (OSError, ValueError) as error:
        raise EngineError(f"The run could not be started: {error}.") from error
    finally:
        os.close(lock)


def keep(process: subprocess.Popen[bytes]) -> None:
    """Keep a launcher that goes on detached, and wait for those that have ended."""
    for pid, known in list(_started.items()):
        if known.poll() is not None:
            _started.pop(pid, None)
    _started[process.pid] = process


def alive(directory: Path) -> bool:
    """Return whether any process of the run is alive: each has inherited the lock."""
    for process in list(_started.values()):
        if process.poll() is not None:
            _started.pop(process.pid, None)
    try:
        lock = os.open(directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two callers at the same time do not see each other as the run.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def interrupt(directory: Path) -> bool:
    """Interrupt the run, which then stops; return False when none of it is alive."""
    leader = _leader(directory)
    if leader is None:
        return False
    pid, living = leader
    # The children of a dead launcher have to be interrupted directly.
    targets = [pid] if living else list(_session(pid))
    return _signal(targets, signal.SIGINT)


def kill(directory: Path) -> bool:
    """Kill every process of the run; return False when there was none."""
    leader = _leader(directory)
    targets = list(_holders(directory))
    if leader is not None:
        # The launcher first, or it would see its child end and record that.
        pid, living = leader
        targets = [*([pid] if living else []), *_session(pid), *targets]
    return _signal(list(dict.fromkeys(targets)), signal.SIGKILL)


def start_time(pid: int | str) -> str | None:
    """Return the start time of a process in clock ticks since boot; None for a dead one."""
    facts = _facts(pid)
    return None if facts is None or facts[0] in "ZX" else facts[19]


def _leader(directory: Path) -> tuple[int, bool] | None:
    """Return the launcher's process ID and whether it is alive; None when the run has ended.

    Its ID may have been given to another process since, which has another start time.
    """
    until = time.monotonic() + PID_SECONDS
    while alive(directory):
        try:
            pid, began = (directory / "pid").read_text().split()
        except (FileNotFoundError, ValueError):
            if time.monotonic() > until:
                return None
            time.sleep(0.01)  # the launcher is starting
            continue
        now = start_time(pid)
        return None if now not in (began, None) else (int(pid), now == began)
    return None


def _session(leader: int) -> Iterator[int]:
    """Yield the living processes of a session, which has the ID of its leader."""
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        facts = _facts(pid)
        if facts is not None and facts[3] == str(leader) and facts[0] not in "ZX":
            yield pid


def _holders(directory: Path) -> Iterator[int]:
    """Yield the processes that inherited the run's lock, also those that left its session.

    A worker may have the file open too, but only to read, or since before the launcher began.
    """
    try:
        lock = os.stat(directory / "lock")
        _, began = (directory / "pid").read_text().split()
    except (OSError, ValueError):
        return
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        facts = None if pid == os.getpid() else _facts(pid)
        young = facts is not None and int(facts[19]) >= int(began)
        if young and _inherited(pid, (lock.st_dev, lock.st_ino)):
            yield pid


def _inherited(pid: int, file: tuple[int, int]) -> bool:
    """Return whether a process has a file open to write; False when that is not visible."""
    try:
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                path = f"/proc/{pid}/fd/{descriptor}"
                found = os.stat(path)
                # The link's own mode tells how the descriptor was opened.
                writes = os.lstat(path).st_mode & stat.S_IWUSR
                if writes and (found.st_dev, found.st_ino) == file:
                    return True
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    return False


def _facts(pid: int | str) -> list[str] | None:
    """Return the fields of /proc/PID/stat after the name: state, parent, group, session, ..."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _signal(targets: list[int], number: signal.Signals) -> bool:
    """Send a signal; return True when any process got it."""
    reached = False
    for pid in targets:
        try:
            os.kill(pid, number)
            reached = True
        except ProcessLookupError:
            continue
    return reached
