"""Durations of requests, summed over the web processes of this host.

Each process counts in its own memory-mapped file: requests need neither a lock nor a
disk write. A scrape adds up the files and keeps the sums of processes that have ended.
"""

import fcntl
import json
import mmap
import os
import threading
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from instances.engines.processes import start_time

KINDS = ("page", "fragment", "api", "admin", "asset", "probe")
STATUSES = ("2xx", "3xx", "4xx", "5xx")
# Upper bounds in seconds; one more bucket counts longer requests.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
WIDTH = len(BOUNDS) + 2  # the buckets, and the sum of seconds
CELLS = len(KINDS) * len(STATUSES) * WIDTH
PAST = "past.json"
LOCK = "lock"

_lock = threading.Lock()
_mapped: tuple[tuple[int, str], "memoryview[float]"] | None = None


def observe(kind: str, status: int, seconds: float) -> None:
    """Count a response. It is ignored if the file cannot be created."""
    family = min(max(status // 100, 2), 5) - 2
    first = (KINDS.index(kind) * len(STATUSES) + family) * WIDTH
    with _lock:
        try:
            cells = _cells()
        except OSError:
            return
        cells[first + bisect_left(BOUNDS, seconds)] += 1
        cells[first + WIDTH - 1] += seconds


def _cells() -> "memoryview[float]":
    """Return the counters of this process, which may have been forked from another."""
    global _mapped
    identity = (os.getpid(), str(settings.DATA_DIR))
    if _mapped is None or _mapped[0] != identity:
        path = _directory() / f"{identity[0]}-{start_time(identity[0])}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, CELLS * 8)
            _mapped = (identity, memoryview(mmap.mmap(descriptor, 0)).cast("d"))
        finally:
            os.close(descriptor)
    return _mapped[1]


def _directory() -> Path:
    path = Path(settings.DATA_DIR) / "metrics"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def totals() -> list[float]:
    """Return the sums over all processes, past and present."""
    folder = _directory()
    with _exclusive(folder / LOCK):
        merged, sums = _past(folder)
        dead: list[str] = []
        living = [0.0] * CELLS
        for path in folder.glob("*-*"):
            if path.name in merged:
                path.unlink(missing_ok=True)
                continue
            ended = not _is_running(path.name)
            if ended:
                dead.append(path.name)
            _add(sums if ended else living, path)
        if dead or merged:
            _keep(folder, dead, sums)
    return [a + b for a, b in zip(sums, living, strict=True)]


def _past(folder: Path) -> tuple[set[str], list[float]]:
    """Return the file names included in the sums of ended processes, and these sums."""
    try:
        kept = json.loads((folder / PAST).read_text())
    except (FileNotFoundError, ValueError):
        return set(), [0.0] * CELLS
    # Another layout after an update: start from zero.
    sums = kept["sums"] if len(kept["sums"]) == CELLS else [0.0] * CELLS
    return set(kept["names"]), sums


def _keep(folder: Path, names: list[str], sums: list[float]) -> None:
    """Store the sums before their files are deleted, so that none counts twice."""
    draft = folder / f"{PAST}.draft"
    draft.write_text(json.dumps({"names": names, "sums": sums}))
    draft.replace(folder / PAST)
    for name in names:
        (folder / name).unlink(missing_ok=True)


def _add(sums: list[float], path: Path) -> None:
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        return
    if len(body) == CELLS * 8:
        for place, value in enumerate(memoryview(body).cast("d")):
            sums[place] += value


def _is_running(name: str) -> bool:
    """Return True if the process of a file is running; its ID may have been reused."""
    pid, _, began = name.partition("-")
    return start_time(pid) == began


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
