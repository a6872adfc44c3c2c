"""Warnings of an engine, as they are kept with a task or a plan.

Each is a dict of summary, detail, address, file (may be empty), line (may be None) and the
stage that told it. A failed `check` block is a warning too: it stops nothing.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import JSONField, Value

from instances.engines.base import Event

# For columns that a worker of an earlier release does not fill.
NO_ITEMS = Value([], output_field=JSONField())
MAX_WARNINGS = 50
# These concern the installation of providers on this host, and nobody who launches.
IGNORED = frozenset({"Incomplete lock file information for providers"})
CHECK = "Check block"


def warnings_in(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Return the warnings that these events tell, in order."""
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


def merged(
    known: list[dict[str, Any]], found: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return both without repetitions: an apply repeats the warnings of its plan."""
    kept = {_identity(each): each for each in known}
    for each in found:
        kept[_identity(each)] = each
    return list(kept.values())[:MAX_WARNINGS]


def after_apply(known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what still holds: the apply has judged every check again."""
    return [
        each
        for each in known
        if each["stage"] == "apply" or not each["summary"].startswith(CHECK)
    ]


def _identity(warning: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(
        warning[name] for name in ("summary", "detail", "address", "file", "line")
    )
