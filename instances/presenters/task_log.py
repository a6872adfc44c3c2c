"""Reading a task's log: its end, the lines after a position, and the whole log as text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware, localtime

from instances.models import Task, TaskLog

# Time, level and text, as TaskLog.lines has them.
StoredLine = tuple[str, str, str]
MAX_LINES = 500
MAX_CHUNKS = 500
MAX_INTEGER = 2**63 - 1
# Colors and cursor movements of terminals, and other invisible characters.
CONTROL_CHARACTERS = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f]"
)
LEVELS = {"warning": "warn", "fatal": "error", "complete": "ok"}


@dataclass(frozen=True)
class LogPosition:
    """A position in a log: behind `lines` lines of the chunk that begins at `offset`."""

    attempt: int = 0
    offset: int = 0
    lines: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `attempt.offset.lines` or an offset; an invalid text is the start of the log."""
        parts = text.split(".")
        numbers = [
            int(p) for p in parts if p.isascii() and p.isdecimal() and len(p) < 20
        ]
        if len(numbers) != len(parts) or max(numbers, default=0) > MAX_INTEGER:
            return cls()
        if len(numbers) == 1:
            return cls(offset=numbers[0])
        return cls(*numbers) if len(numbers) == 3 else cls()

    def __str__(self) -> str:
        return f"{self.attempt}.{self.offset}.{self.lines}"


@dataclass(frozen=True)
class LogLine:
    """A line of a log. `clock` is its time in the user's time zone."""

    iso: str
    clock: str
    level: str
    text: str
    is_result: bool = False


@dataclass(frozen=True)
class LogExcerpt:
    """Consecutive lines of a log, and the position behind the last one."""

    lines: list[LogLine]
    position: LogPosition
    truncated: bool = False

    @classmethod
    def empty(cls) -> Self:
        return cls([], LogPosition())

    @property
    def has_result(self) -> bool:
        """Return True if one of the lines reports the result of the task."""
        return any(line.is_result for line in self.lines)

    def with_result(self, task: Task, error: str) -> Self:
        """Mark the line that reports the result of an ended task.

        That is the first line with `error`, else the last error, or the last success.
        """
        succeeded = task.status == Task.Status.SUCCEEDED
        level = "ok" if succeeded else "error"
        found = [n for n, line in enumerate(self.lines) if line.level == level]
        matching = [n for n in found if error and error in self.lines[n].text]
        if task.active or not found:
            return self
        number = matching[0] if matching and not succeeded else found[-1]
        lines = list(self.lines)
        lines[number] = replace(lines[number], is_result=True)
        return replace(self, lines=lines)


def log_tail(task: Task) -> LogExcerpt:
    """Return the last lines of a log, at most MAX_LINES, `truncated` if there are more."""
    chunks: list[TaskLog] = []
    known = 0
    newest = task.logs.order_by("-attempt", "-offset")[:MAX_CHUNKS]
    for chunk in newest.iterator(chunk_size=20):
        chunks.append(chunk)
        known += len(chunk.lines)
        if known > MAX_LINES:
            break
    if not chunks:
        return LogExcerpt.empty()
    last = chunks[0]
    raw = [line for chunk in reversed(chunks) for line in chunk.lines]
    position = LogPosition(last.attempt, last.offset, len(last.lines))
    truncated = known > MAX_LINES or len(chunks) == MAX_CHUNKS
    return LogExcerpt(
        [_log_line(line) for line in raw[-MAX_LINES:]], position, truncated
    )


def log_after(task: Task, position: LogPosition) -> LogExcerpt:
    """Return the lines after a position, at most MAX_LINES."""
    later = Q(attempt__gt=position.attempt)
    here = Q(attempt=position.attempt, offset__gte=position.offset)
    chunks = task.logs.filter(later | here).order_by("attempt", "offset")
    lines: list[LogLine] = []
    for chunk in chunks[:MAX_CHUNKS].iterator(chunk_size=20):
        same = (chunk.attempt, chunk.offset) == (position.attempt, position.offset)
        start = position.lines if same else 0
        new = chunk.lines[start : start + MAX_LINES - len(lines)]
        lines += [_log_line(line) for line in new]
        position = LogPosition(chunk.attempt, chunk.offset, start + len(new))
        if len(lines) >= MAX_LINES:
            break
    return LogExcerpt(lines, position)


def log_text(task: Task) -> Iterator[str]:
    """Yield the whole log as plain text, chunk by chunk."""
    for chunk in task.logs.order_by("attempt", "offset").iterator(chunk_size=20):
        yield "".join(
            f"{at}\t{level.upper()}\t{_clean(text)}\n"
            for at, level, text in chunk.lines
        )


def _clean(text: str) -> str:
    return CONTROL_CHARACTERS.sub("", str(text))


def _log_line(line: StoredLine) -> LogLine:
    at, level, text = line
    moment = _moment(at)
    return LogLine(
        iso=at if moment else "",
        clock=f"{moment:%H:%M:%S}" if moment else "",
        level=LEVELS.get(level, level),
        text=_clean(text),
    )


def _moment(at: str) -> datetime | None:
    """Return the time of a line in the user's time zone; None if the engine gave none."""
    try:
        moment = parse_datetime(at)
    except ValueError:
        return None
    return localtime(moment) if moment and is_aware(moment) else moment
