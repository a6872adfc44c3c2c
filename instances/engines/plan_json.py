"""Reads the changes of a plan from the JSON of `show -json`, masking sensitive values.

https://developer.hashicorp.com/terraform/internals/json-format#plan-representation
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

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


class PlannedChange(TypedDict, total=False):
    """The values before and after, and in the same form which of them are unknown or secret."""

    actions: list[str]
    before: object
    after: object
    after_unknown: object
    before_sensitive: object
    after_sensitive: object
    replace_paths: list[object]
    importing: dict[str, object]


class ResourceChange(TypedDict):
    mode: str
    address: str
    type: str
    name: str
    change: PlannedChange
    action_reason: NotRequired[str]


def read(path: Path) -> list[Change]:
    """Return the changes of managed resources; none when the file is missing or broken."""
    try:
        document = loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    changes = document.get("resource_changes") or []
    return [_change(found) for found in changes if found.get("mode") == "managed"]


def outputs(path: Path) -> dict[str, object]:
    """Return the planned values of the outputs; none when the file is missing or broken."""
    try:
        document = loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    found = (document.get("planned_values") or {}).get("outputs") or {}
    return {key: each["value"] for key, each in found.items() if "value" in each}


def _change(found: ResourceChange) -> Change:
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


def imported_id(change: Mapping[str, object]) -> str:
    """Return the ID of an existing resource that is imported; empty for any other."""
    importing = change.get("importing")
    if not isinstance(importing, dict) or not importing:
        return ""
    given = importing.get("id") or importing.get("identity")
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def _with_unknown(value: object, unknown: object) -> object:
    """Return a value with a note in place of each part that is only known after apply."""
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


def _masked(value: object, sensitive: object) -> object:
    """Return a value with a mask in place of each part that is marked as sensitive."""
    if sensitive is True:
        return MASK
    if isinstance(value, dict) and isinstance(sensitive, dict):
        return {key: _masked(part, sensitive.get(key)) for key, part in value.items()}
    if isinstance(value, list) and isinstance(sensitive, list):
        return [_masked(part, _at(sensitive, i)) for i, part in enumerate(value)]
    return value


def _at(items: Sequence[object], index: int) -> object:
    """Return the item at an index, None beyond the end."""
    return items[index] if index < len(items) else None
