"""The diagnostics of a task: stage times, exit code, and the state before and after it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from django.db.models import Q, QuerySet, Subquery

from console.lib.errors import Text
from instances.models import StateVersion, Task, TaskDiagnostics
from instances.presenters.task_progress import stage_times


class StateFields(TypedDict):
    """The columns of a stored state that the page shows."""

    task_id: str | None
    serial: int
    digest: str


@dataclass(frozen=True)
class Diagnostics:
    """`state_before` and `state_after` are the newest at the start and the end of the task."""

    record: TaskDiagnostics
    stages: list[tuple[Text, datetime | None, datetime | None]]
    state_before: StateFields | None
    state_after: StateFields | None


def task_diagnostics(task: Task) -> Diagnostics:
    """Return the diagnostics of a task; the two states are read with one query."""
    states = StateVersion.objects.filter(instance_id=task.instance_id)
    states = states.order_by("-serial", "-created_at")
    began = task.started_at or task.created_at
    earlier = states.filter(created_at__lt=began).exclude(task=task)
    both = [_first(states.filter(task=task)), _first(earlier)]
    rows = StateVersion.objects.filter(both[0] | both[1]).values(
        "task_id", "serial", "digest"
    )
    found: dict[bool, StateFields] = {row["task_id"] == task.pk: row for row in rows}
    state_before = found.get(False)
    return Diagnostics(
        record=TaskDiagnostics.of(task),
        stages=stage_times(task),
        state_before=state_before,
        state_after=found.get(True, state_before),
    )


def _first(states: QuerySet[StateVersion]) -> Q:
    return Q(pk=Subquery(states.values("pk")[:1]))
