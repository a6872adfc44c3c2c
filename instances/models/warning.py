"""Warnings of an engine, as they are stored with a task or a plan.

A failed `check` block is a warning too: it does not stop the run.
"""

from collections.abc import Iterable
from typing import TypedDict

from django.db.models import JSONField, Value

from instances.engines.base import Event

# For columns that a worker of an earlier release does not fill.
NO_ITEMS = Value([], output_field=JSONField())
MAX_WARNINGS = 50
# These concern the installation of providers on this host, not the user who launches.
IGNORED = frozenset({"Incomplete lock file information for providers"})
CHECK = "Check block"


class Warning(TypedDict):
    """`address` and `file` may be empty; `stage` is the stage of the run that reported it."""

    summary: str
    detail: str
    address: str
    file: str
    line: int | None
    stage: str


def warnings_in(events: Iterable[Event]) -> list[Warning]:
    """Return the warnings among these events, in order."""
    return [
        {
            "summary": each.summary,
            "detail": each.detail,
            "address": each.address,
            "file": each.file,
            "line": each.line,
            "stage": event.stage,
        }
        for event in events
        if (each := event.diagnostic) is not None
        and each.severity == "warning"
        and each.summary not in IGNORED
    ]


def merged(known: list[Warning], found: Iterable[Warning]) -> list[Warning]:
    """Join both without repetitions: an apply repeats the warnings of its plan."""
    kept = {_identity(each): each for each in known}
    for each in found:
        kept[_identity(each)] = each
    return list(kept.values())[:MAX_WARNINGS]


def after_apply(known: list[Warning]) -> list[Warning]:
    """Drop the failed checks of the plan: the apply has evaluated every check again."""
    return [
        each
        for each in known
        if each["stage"] == "apply" or not each["summary"].startswith(CHECK)
    ]


def _identity(warning: Warning) -> tuple[object, ...]:
    return tuple(value for name, value in warning.items() if name != "stage")
