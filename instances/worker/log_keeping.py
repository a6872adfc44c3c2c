"""Keeps a task's log within its limit: its head, its tail, and a mark where the middle was."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from instances.engines.base import Event
from instances.models import Task, TaskLog

HEAD_SHARE = 4
LINE_OVERHEAD = 48
MARK = "mark"
Line = list[str]


def lines_of(events: Iterable[Event]) -> Iterator[Line]:
    """Yield the lines of the events that have a message."""
    for event in events:
        if event.message:
            yield [event.at, event.level, event.message]


class LogKeeper:
    """The log of one attempt of a task. Called inside the transaction that moves the offset."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.head = settings.LOG_BYTES // HEAD_SHARE
        self.tail = settings.LOG_BYTES - self.head
        self.head_open = True
        self.head_used = self.tail_used = 0
        # Offset and size of each stretch of the tail.
        self.stretches: deque[tuple[int, int]] = deque()
        if task.offset:
            self._resume()

    def _rows(self) -> QuerySet[TaskLog]:
        return TaskLog.objects.filter(task=self.task, attempt=self.task.attempt)

    def _resume(self) -> None:
        """Find out what another worker has kept."""
        rows = self._rows().exclude(stream=MARK).order_by("offset")
        for offset, lines in rows.values_list("offset", "lines").iterator():
            self._count(offset, _size(lines))

    def _count(self, offset: int, size: int) -> None:
        if self.head_open and self.head_used + size <= self.head:
            self.head_used += size
            return
        self.head_open = False
        self.tail_used += size
        self.stretches.append((offset, size))

    def keep(self, events: list[Event]) -> None:
        """Add what was said; of a long log the middle gives way."""
        chunks = []
        for (command, stream), batch in groupby(
            events, key=lambda event: (event.stage, event.stream)
        ):
            part = list(batch)
            lines = self._shortened(list(lines_of(part)))
            if not lines:
                continue
            self._count(part[0].offset, _size(lines))
            chunks.append(
                TaskLog(
                    task=self.task,
                    attempt=self.task.attempt,
                    offset=part[0].offset,
                    command=command,
                    stream=stream,
                    lines=lines,
                )
            )
        TaskLog.objects.bulk_create(chunks, ignore_conflicts=True)
        self._trim()

    def _shortened(self, lines: list[Line]) -> list[Line]:
        """The end of a stretch that is longer than the whole tail may be."""
        size = _size(lines)
        if size <= self.tail:
            return lines
        while lines and size > self.tail // 2:
            size -= _size(lines[:1])
            del lines[0]
        return [_mark(), *lines]

    def _trim(self) -> None:
        """Delete the oldest of the tail while it is too long, and mark the gap."""
        gone = []
        while self.tail_used > self.tail and len(self.stretches) > 1:
            offset, size = self.stretches.popleft()
            self.tail_used -= size
            gone.append(offset)
        if not gone:
            return
        self._rows().filter(offset__in=gone).exclude(stream=MARK).delete()
        if not self._rows().filter(stream=MARK).exists():
            self._rows().create(
                task=self.task,
                attempt=self.task.attempt,
                offset=gone[0],
                command="",
                stream=MARK,
                lines=[_mark()],
            )


def _mark() -> Line:
    return ["", "warn", _("… Part of this long log is omitted here. …")]


def _size(lines: Iterable[Line]) -> int:
    """About what the lines take in the database."""
    return sum(len(line[2].encode()) + LINE_OVERHEAD for line in lines)
