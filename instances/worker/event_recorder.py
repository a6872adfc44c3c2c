"""The event recorder: stores an engine's events as log lines, resources and progress."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _

from console.lib.masking import shortened
from instances.engines.base import Event
from instances.models import Check, Plan, Resource, Task, TaskDiagnostics, TaskLog
from instances.models.resource import PHYSICAL_ID_LENGTH
from instances.models.warning import merged, warnings_in

MAX_LOG_LINES = 500
DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")
# The start of a long task log gets one part of LOG_BYTES, its end the other three.
HEAD_SHARE = 4
# What a line takes in the database besides its text.
LINE_OVERHEAD = 48
GAP = "mark"
# Time, level and text.
Line = list[str]
# By stage: when it was `started`, and the `latest` time that it logged something.
Stages = dict[str, dict[str, str]]


def log_lines(events: Iterable[Event]) -> Iterator[Line]:
    """Yield the log lines of the events that have a message."""
    for event in events:
        if event.message:
            yield [event.at, event.level, event.message]


class EventRecorder:
    """Stores the events of one run, each batch in the transaction that moves the offset."""

    def __init__(self, work: Task | Plan | Check) -> None:
        self.work = work
        self.log = TaskLogWriter(work) if isinstance(work, Task) else None

    def store(self, events: list[Event]) -> None:
        """Store a batch of events exactly once, and renew the lease.

        Raises LeaseLostError when another worker holds the work.
        """
        values: dict[str, Any] = {
            "offset": events[-1].end,
            "stage": events[-1].stage or self.work.stage,
            "updated_at": now(),
        }
        totals = [event.total for event in events if event.total is not None]
        if totals:
            values["resources_total"] = totals[-1]
        done = sum(1 for e in events if e.resource and e.resource.status in DONE)
        if done:
            values["resources_done"] = self.work.resources_done + done
        values["stages"] = self._stages(events)
        if isinstance(self.work, Plan):
            values["warnings"] = merged(self.work.warnings, warnings_in(events))
        if isinstance(self.work, Plan | Check):
            lines = self.work.log + list(log_lines(events))
            values["log"] = lines[-MAX_LOG_LINES:]
        self.work.renew(**values)
        if self.log is not None:
            self.log.append(events)
        if isinstance(self.work, Task):
            self._store_resources(self.work, events)
            found = (event.diagnostic for event in events)
            TaskDiagnostics.objects.note(self.work, found)
            TaskDiagnostics.objects.note_warnings(self.work, events)

    def _stages(self, events: Iterable[Event]) -> Stages:
        """Return the stored stages, in order, with the times of these events."""
        stages: Stages = dict(self.work.stages)
        for event in events:
            if event.stage and event.at:
                known = stages.setdefault(event.stage, {"started": event.at})
                known["latest"] = event.at
        return stages

    def _store_resources(self, task: Task, events: list[Event]) -> None:
        latest = {}
        for event in events:
            if event.resource:
                latest[event.resource.address] = event.resource
        reasons = {
            event.diagnostic.address: event.message
            for event in events
            if event.diagnostic and event.diagnostic.severity == "error"
        }
        moment = now()
        rows = [
            Resource(
                instance_id=task.instance_id,
                address=resource.address,
                name=Resource.name_of(resource.address, resource.type),
                type=resource.type,
                status=resource.status,
                physical_id=shortened(resource.physical_id or "", PHYSICAL_ID_LENGTH),
                reason="",
                updated_at=moment,
            )
            for resource in latest.values()
        ]
        Resource.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["instance", "address"],
            update_fields=["status", "physical_id", "reason", "updated_at"],
        )
        # Terraform reports the reason on a line of its own, which may be in a later batch.
        for address, message in reasons.items():
            Resource.objects.filter(
                instance_id=task.instance_id, address=address
            ).update(reason=message)


class TaskLogWriter:
    """Stores the log of one attempt of a task, limited to LOG_BYTES.

    Of a longer log its start and its end are kept, with a line that marks the gap.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.head = settings.LOG_BYTES // HEAD_SHARE
        self.tail = settings.LOG_BYTES - self.head
        self.head_open = True
        self.head_used = self.tail_used = 0
        # Offset and size of each chunk of the tail.
        self.chunks: deque[tuple[int, int]] = deque()
        if task.offset:
            self._resume()

    def _rows(self) -> QuerySet[TaskLog]:
        return TaskLog.objects.filter(task=self.task, attempt=self.task.attempt)

    def _resume(self) -> None:
        """Count the chunks that another worker has stored."""
        rows = self._rows().exclude(stream=GAP).order_by("offset")
        for offset, lines in rows.values_list("offset", "lines").iterator():
            self._count(offset, _size(lines))

    def _count(self, offset: int, size: int) -> None:
        if self.head_open and self.head_used + size <= self.head:
            self.head_used += size
            return
        self.head_open = False
        self.tail_used += size
        self.chunks.append((offset, size))

    def append(self, events: list[Event]) -> None:
        """Store the lines of these events, and delete the oldest of a tail that is too long."""
        rows = []
        for (command, stream), batch in groupby(
            events, key=lambda event: (event.stage, event.stream)
        ):
            part = list(batch)
            lines = self._fitting(list(log_lines(part)))
            if not lines:
                continue
            self._count(part[0].offset, _size(lines))
            rows.append(
                TaskLog(
                    task=self.task,
                    attempt=self.task.attempt,
                    offset=part[0].offset,
                    command=command,
                    stream=stream,
                    lines=lines,
                )
            )
        TaskLog.objects.bulk_create(rows, ignore_conflicts=True)
        self._trim()

    def _fitting(self, lines: list[Line]) -> list[Line]:
        """Return the lines, or only their end if they are longer than the whole tail."""
        size = _size(lines)
        if size <= self.tail:
            return lines
        while lines and size > self.tail // 2:
            size -= _size(lines[:1])
            del lines[0]
        return [_gap(), *lines]

    def _trim(self) -> None:
        removed = []
        while self.tail_used > self.tail and len(self.chunks) > 1:
            offset, size = self.chunks.popleft()
            self.tail_used -= size
            removed.append(offset)
        if not removed:
            return
        self._rows().filter(offset__in=removed).exclude(stream=GAP).delete()
        if not self._rows().filter(stream=GAP).exists():
            self._rows().create(
                task=self.task,
                attempt=self.task.attempt,
                offset=removed[0],
                command="",
                stream=GAP,
                lines=[_gap()],
            )


def _gap() -> Line:
    return ["", "warn", _("… Part of this long log is omitted here. …")]


def _size(lines: Iterable[Line]) -> int:
    """Return the approximate size of the lines in the database, in bytes."""
    return sum(len(line[2].encode()) + LINE_OVERHEAD for line in lines)
