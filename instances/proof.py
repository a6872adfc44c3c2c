"""The evidence of a task as its page shows it: stage times, exit code, states before and after."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.lib.errors import Text
from instances.models import Evidence, StateVersion, Task
from instances.progress import stage_times

COLUMNS = ("lineage", "serial", "digest")


@dataclass(frozen=True)
class Proof:
    """`before` and `after` are the newest states known when it began and when it ended."""

    evidence: Evidence
    stages: list[tuple[Text, datetime | None, datetime | None]]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def proof_of(task: Task) -> Proof:
    """Read what a task's status can be checked against. Two queries, for the states."""
    states = StateVersion.objects.filter(instance_id=task.instance_id)
    states = states.order_by("-serial", "-created_at")
    began = task.started_at or task.created_at
    earlier = states.filter(created_at__lt=began).exclude(task=task)
    newest = list(states.filter(task=task).values("pk", *COLUMNS)[:1])
    before = list(earlier.values("pk", *COLUMNS)[:1])
    return Proof(
        evidence=Evidence.of(task),
        stages=stage_times(task),
        before=before[0] if before else None,
        after=(newest or before or [None])[0],
    )
