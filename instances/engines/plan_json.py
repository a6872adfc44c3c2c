"""Reads what a plan would do from `show -json`, masking what is sensitive."""

import json
from pathlib import Path
from typing import Any

from console.lib.exact import loads
from instances.engines.base import MASK, Change

UNKNOWN = "(known after apply)"
ACTIONS = {
    ("create",): "Add",
    ("update",): "Modify",
    ("delete",): "Remove",
    ("forget",): "Remove",
    ("delete", "create"): "Replace",
    ("create", "delete"): "Replace",
    ("create", "forget"): "Replace",
}


def read(path: Path) -> list[Change]:
    """The changes of managed resources; none when the document is missing or broken."""
    try:
        document = loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    changes = document.get("resource_changes") or []
    return [_change(found) for found in changes if found.get("mode") == "managed"]


def outputs(path: Path) -> dict[str, Any]:
    """The values that a plan gives its outputs; none when the document is missing."""
    try:
        document = loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    found = (document.get("planned_values") or {}).get("outputs") or {}
    return {key: each["value"] for key, each in found.items() if "value" in each}


def _change(found: dict[str, Any]) -> Change:
    """One resource change, in our words."""
    change = found["change"]
    actions = tuple(change["actions"])
    after = _with_unknown(change.get("after"), change.get("after_unknown"))
    return Change(
        address=found["address"],
        type=found["type"],
        name=found["name"],
        action=ACTIONS.get(actions, "None"),
        reason=found.get("action_reason") or ("forget" if "forget" in actions else ""),
        replace_paths=change.get("replace_paths") or [],
        before=_masked(change.get("before"), change.get("before_sensitive")),
        after=_masked(after, change.get("after_sensitive")),
        imported=imported_id(change),
    )


def imported_id(change: dict[str, Any]) -> str:
    """Return the ID of an existing resource that is imported; empty for any other."""
    importing = change.get("importing")
    if not isinstance(importing, dict) or not importing:
        return ""
    given = importing.get("id") or importing.get("identity")
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def _with_unknown(value: Any, unknown: Any) -> Any:
    """The value with a note at each place that is only known after apply."""
    if unknown is True:
        return UNKNOWN
    if isinstance(unknown, dict) and unknown:
        known = value if isinstance(value, dict) else {}
        keys = [*known, *(key for key in unknown if key not in known and unknown[key])]
        return {key: _with_unknown(known.get(key), unknown.get(key)) for key in keys}
    if isinstance(unknown, list) and unknown:
        items = value if isinstance(value, list) else []
        size = max(len(items), len(unknown))
        return [_with_unknown(_at(items, i), _at(unknown, i)) for i in range(size)]
    return value


def _masked(value: Any, sensitive: Any) -> Any:
    """The value with a mask over each place marked sensitive."""
    if sensitive is True:
        return MASK
    if isinstance(value, dict) and isinstance(sensitive, dict):
        return {key: _masked(part, sensitive.get(key)) for key, part in value.items()}
    if isinstance(value, list) and isinstance(sensitive, list):
        return [_masked(part, _at(sensitive, i)) for i, part in enumerate(value)]
    return value


def _at(items: list[Any], index: int) -> Any:
    """The item at an index, None beyond the end."""
    return items[index] if index < len(items) else None
