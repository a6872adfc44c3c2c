"""A task's log as it is read: its end, what is new since a place in it, all of it as text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware, localtime

from instances.models import Task, TaskLog

MOST_LINES = 500
MOST_CHUNKS = 500
BIGGEST = 2**63 - 1
# Colours and cursor movements of terminals, and other characters that draw nothing.
ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f]")
LEVELS = {"warning": "warn", "fatal": "error", "complete": "ok"}


@dataclass(frozen=True)
class Place:
    """How far somebody has read: `lines` of the chunk that begins at `offset`."""

    attempt: int = 0
    offset: int = 0
    lines: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `attempt.offset.lines`, or a bare offset. Rubbish is the log's beginning."""
        parts = text.split(".")
        numbers = [
            int(p) for p in parts if p.isascii() and p.isdecimal() and len(p) < 20
        ]
        if len(numbers) != len(parts) or max(numbers, default=0) > BIGGEST:
            return cls()
        if len(numbers) == 1:
            return cls(offset=numbers[0])
        return cls(*numbers) if len(numbers) == 3 else cls()

    def __str__(self) -> str:
        return f"{self.attempt}.{self.offset}.{self.lines}"


@dataclass(frozen=True)
class Line:
    """One line, ready to be shown; `clock` is in the reader's zone."""

    iso: str
    clock: str
    level: str
    text: str
    event: bool = False


@dataclass(frozen=True)
class Transcript:
    """Some lines in order, and the place behind the last one."""

    lines: list[Line]
    place: Place
    cut: bool = False

    @classmethod
    def empty(cls) -> Self:
        """A log without a line."""
        return cls([], Place())

    @property
    def has_event(self) -> bool:
        """Whether one of the lines is the one the status goes back to."""
        return any(line.event for line in self.lines)

    def with_event(self, task: Task, error: str) -> "Transcript":
        """Mark the line an ended task's status goes back to: its first error, or its success."""
        good = task.status == Task.Status.SUCCEEDED
        level = "ok" if good else "error"
        found = [n for n, line in enumerate(self.lines) if line.level == level]
        told = [n for n in found if error and error in self.lines[n].text]
        if task.active or not found:
            return self
        place = told[0] if told and not good else found[-1]
        lines = list(self.lines)
        lines[place] = replace(lines[place], event=True)
        return replace(self, lines=lines)


def log_tail(task: Task) -> Transcript:
    """The last lines of a log, at most MOST_LINES; `cut` when there are earlier ones."""
    chunks: list[TaskLog] = []
    known = 0
    newest = task.logs.order_by("-attempt", "-offset")[:MOST_CHUNKS]
    for chunk in newest.iterator(chunk_size=20):
        chunks.append(chunk)
        known += len(chunk.lines)
        if known > MOST_LINES:
            break
    if not chunks:
        return Transcript.empty()
    last = chunks[0]
    raw = [line for chunk in reversed(chunks) for line in chunk.lines]
    place = Place(last.attempt, last.offset, len(last.lines))
    cut = known > MOST_LINES or len(chunks) == MOST_CHUNKS
    return Transcript([_line(line) for line in raw[-MOST_LINES:]], place, cut)


def log_after(task: Task, place: Place) -> Transcript:
    """The lines behind a place, at most MOST_LINES of them."""
    later = Q(attempt__gt=place.attempt)
    here = Q(attempt=place.attempt, offset__gte=place.offset)
    chunks = task.logs.filter(later | here).order_by("attempt", "offset")
    lines: list[Line] = []
    for chunk in chunks[:MOST_CHUNKS].iterator(chunk_size=20):
        same = (chunk.attempt, chunk.offset) == (place.attempt, place.offset)
        start = place.lines if same else 0
        new = chunk.lines[start : start + MOST_LINES - len(lines)]
        lines += [_line(line) for line in new]
        place = Place(chunk.attempt, chunk.offset, start + len(new))
        if len(lines) >= MOST_LINES:
            break
    return Transcript(lines, place)


def log_text(task: Task) -> Iterator[str]:
    """The whole log as plain text, a stretch at a time."""
    for chunk in task.logs.order_by("attempt", "offset").iterator(chunk_size=20):
        yield "".join(
            f"{at}\t{level.upper()}\t{_clean(text)}\n"
            for at, level, text in chunk.lines
        )


def _clean(text: Any) -> str:
    return ANSI.sub("", str(text))


def _line(line: list[Any]) -> Line:
    at, level, text = line
    moment = _moment(at)
    return Line(
        iso=at if moment else "",
        clock=f"{moment:%H:%M:%S}" if moment else "",
        level=LEVELS.get(level, level),
        text=_clean(text),
    )


def _moment(at: str) -> Any:
    """The line's time in the reader's zone; None when the engine gave none."""
    try:
        moment = parse_datetime(at)
    except ValueError:
        return None
    return localtime(moment) if moment and is_aware(moment) else moment
