"""What PreviewStack found, as resource changes."""

from collections.abc import Iterable, Mapping
from typing import Any

from instances.engines.base import Change
from instances.engines.ros.statuses import ABSENT

WORDS = {"Add": "add", "Modify": "change", "Replace": "replace", "Remove": "remove"}


def changes(
    resources: Iterable[Any], remains: Iterable[Any], known: Mapping[str, Any]
) -> list[Change]:
    """The changes of a stack, `remains` being what a failed creation left to be removed.

    `known` are the settings the resources were last given: ROS tells the new ones only.
    """
    found = [_change(each, known) for each in resources]
    left = {each.address: each for each in removal(remains)}
    made = [_anew(each) if each.address in left else each for each in found]
    new = {each.address for each in found}
    return made + [each for name, each in left.items() if name not in new]


def removal(resources: Iterable[Any]) -> list[Change]:
    """The removal of everything that exists."""
    return [
        Change(
            address=address_of(each),
            type=str(each.resource_type or ""),
            name=str(each.logical_resource_id),
            action="Remove",
            reason="",
            replace_paths=[],
            before={"id": each.physical_resource_id or ""},
            after=None,
        )
        for each in resources
        if (each.status or "") not in ABSENT
    ]


def address_of(resource: Any) -> str:
    """The name of a resource that no other of its stack has."""
    info = getattr(resource, "module_info", None)
    module = str(info.logical_id_hierarchy or "") if info else ""
    name = str(resource.logical_resource_id)
    return f"{module}/{name}" if module else name


def essence(plan: Mapping[str, Any]) -> Any:
    """What has to be the same for a plan to hold: its start, and what it does to what."""
    done = sorted(
        [each["address"], each["type"], each["action"]] for each in plan["changes"]
    )
    return [plan["basis"], done]


def totals(found: list[Change]) -> dict[str, Any]:
    """The number of operations as the log tells it; a replacement is two."""
    count = {
        word: sum(each.action == action for each in found)
        for action, word in WORDS.items()
    }
    twice = count.pop("replace")
    count["add"] += twice
    count["remove"] += twice
    return {"type": "change_summary", "changes": {**count, "operation": "plan"}}


def summary(found: list[Change]) -> str:
    """The same in words."""
    parts = [
        f"{number} to {word}"
        for action, word in WORDS.items()
        if (number := sum(each.action == action for each in found))
    ]
    return f"Plan: {', '.join(parts) or 'no changes'}."


def _change(found: Any, known: Mapping[str, Any]) -> Change:
    """One resource. A replacement that is only possible is told as one: it loses data."""
    name = str(found.logical_resource_id)
    action = str(found.action or "None")
    if action == "Modify" and found.replacement in ("True", "Conditional"):
        action = "Replace"
    before = known.get(name) if action in ("Modify", "Replace") else None
    if action in ("Modify", "Replace", "Remove"):
        before = {"id": found.physical_resource_id or "", **(before or {})}
    after = None
    if action != "Remove":
        after = dict(found.properties or {})
        if action == "Modify":
            after = {"id": found.physical_resource_id or "", **after}
    return Change(
        address=name,
        type=str(found.resource_type or ""),
        name=name,
        action=action if action in WORDS else "None",
        reason="replace_because_cannot_update" if action == "Replace" else "",
        replace_paths=[],
        before=before,
        after=after,
    )


def _anew(change: Change) -> Change:
    """A resource that is made again in place of what a failed creation left."""
    return Change(
        **{
            **change.__dict__,
            "action": "Replace",
            "reason": "replace_because_tainted",
        }
    )
