"""The evidence of a task as its page shows it: stage times, exit code, states before and after."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet, Subquery

from console.lib.errors import Text
from instances.models import Evidence, StateVersion, Task
from instances.presenters.task_progress import stage_times

COLUMNS = ("lineage", "serial", "digest")


@dataclass(frozen=True)
class Proof:
    """`before` and `after` are the newest states known when it began and when it ended."""

    evidence: Evidence
    stages: list[tuple[Text, datetime | None, datetime | None]]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def proof_of(task: Task) -> Proof:
    """Read what a task's status can be checked against. One query, for the states."""
    states = StateVersion.objects.filter(instance_id=task.instance_id)
    states = states.order_by("-serial", "-created_at")
    began = task.started_at or task.created_at
    earlier = states.filter(created_at__lt=began).exclude(task=task)
    both = [_first(states.filter(task=task)), _first(earlier)]
    rows = StateVersion.objects.filter(both[0] | both[1]).values("task_id", *COLUMNS)
    found = {row["task_id"] == task.pk: row for row in rows}
    before = found.get(False)
    return Proof(
        evidence=Evidence.of(task),
        stages=stage_times(task),
        before=before,
        after=found.get(True, before),
    )


def _first(states: QuerySet[StateVersion]) -> Q:
    return Q(pk=Subquery(states.values("pk")[:1]))
