"""The processes of a run: starting the launcher, knowing that any still lives, signals."""

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

# Without site packages, which it does without and every launch would wait for.
LAUNCHER = ("-I", "-S", str(Path(__file__).with_name("launcher.py")))
PID_SECONDS = 2.0

# Launchers this process started, kept to take their exit status when they have ended.
_started: dict[int, subprocess.Popen[bytes]] = {}


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program with every signal reset; options are those of `subprocess.Popen`."""
    return subprocess.Popen(signals.fresh(command), **options)


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
    """Run a program with every signal reset; options are those of `subprocess.run`.

    A program that cannot be started ends with code 127 and says why on its stderr.
    """
    return subprocess.run(signals.fresh(command), **options)


def launch(
    directory: Path,
    environment: Mapping[str, str],
    program: Sequence[str] = LAUNCHER,
    *,
    again: bool = False,
) -> subprocess.Popen[bytes]:
    """Start the launcher in a session of its own, with the lock of the directory.

    The launcher resets its signals itself, and those of what it starts.
    It is locked here, before the launcher exists, so that a run is alive from the
    moment this returns. Raises EngineError when the directory is in use, and when it
    was used before, unless it is to be `again`.
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
        raise EngineError("This directory already holds a run.") from error
    except (OSError, ValueError) as error:
        raise EngineError(f"The run could not be started: {error}.") from error
    finally:
        os.close(lock)


def keep(process: subprocess.Popen[bytes]) -> None:
    """Remember a launcher that is left on its own, and forget those that have ended."""
    for pid, known in list(_started.items()):
        if known.poll() is not None:
            _started.pop(pid, None)
    _started[process.pid] = process


def alive(directory: Path) -> bool:
    """Whether any process of the run lives: each has inherited the lock."""
    for process in list(_started.values()):
        if process.poll() is not None:
            _started.pop(process.pid, None)
    try:
        lock = os.open(directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who ask at once do not take each other for the run.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def interrupt(directory: Path) -> bool:
    """Ask the run to stop; False when nothing of it is left to ask."""
    leader = _leader(directory)
    if leader is None:
        return False
    pid, living = leader
    # Without its launcher, what the launcher started has to be asked directly.
    targets = [pid] if living else list(_session(pid))
    return _signal(targets, signal.SIGINT)


def kill(directory: Path) -> bool:
    """End every process of the run at once; False when there was none."""
    leader = _leader(directory)
    targets = list(_holders(directory))
    if leader is not None:
        # First of all: a launcher must not see its child die and go on to record that.
        pid, living = leader
        targets = [*([pid] if living else []), *_session(pid), *targets]
    return _signal(list(dict.fromkeys(targets)), signal.SIGKILL)


def start_time(pid: int | str) -> str | None:
    """When a process began, in clock ticks since boot; None when it is gone or a zombie."""
    facts = _facts(pid)
    return None if facts is None or facts[0] in "ZX" else facts[19]


def _leader(directory: Path) -> tuple[int, bool] | None:
    """The launcher's process ID and whether it lives; None when the run is over.

    Its number may belong to another process by now: the time it began tells.
    """
    until = time.monotonic() + PID_SECONDS
    while alive(directory):
        try:
            pid, began = (directory / "pid").read_text().split()
        except (FileNotFoundError, ValueError):
            if time.monotonic() > until:
                return None
            time.sleep(0.01)  # the launcher is only just starting
            continue
        now = start_time(pid)
        return None if now not in (began, None) else (int(pid), now == began)
    return None


def _session(leader: int) -> Iterator[int]:
    """The living processes of a session, by the ID of its leader."""
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        facts = _facts(pid)
        if facts is not None and facts[3] == str(leader) and facts[0] not in "ZX":
            yield pid


def _holders(directory: Path) -> Iterator[int]:
    """The processes that inherited the run's lock, also those that left its session.

    A worker may have the same file open to look at the lock: but only to read, or from
    before the launcher began.
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
    """Whether a process has this file open to write. One we may not look into has not."""
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
    """The fields of /proc/PID/stat after the name: state, parent, group, session, ..."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _signal(targets: list[int], number: signal.Signals) -> bool:
    """Send a signal; True when it reached anybody."""
    reached = False
    for pid in targets:
        try:
            os.kill(pid, number)
            reached = True
        except ProcessLookupError:
            continue
    return reached
