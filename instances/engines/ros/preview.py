"""The result of PreviewStack as resource changes, and as a saved plan."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

from instances.engines.base import Change
from instances.engines.ros import run_files
from instances.engines.ros.answers import CloudResource, ResourcePreview
from instances.engines.ros.statuses import ABSENT

WORDS = {"Add": "add", "Modify": "change", "Replace": "replace", "Remove": "remove"}


class Plan(TypedDict):
    """The content of plan.json: the stack as it was, and its changes as plain data."""

    version: int
    basis: dict[str, str]
    changes: list[dict[str, object]]


def read_plan(path: Path) -> Plan | None:
    """Return the plan in a file, None when there is none."""
    found: Any = run_files.read(path)
    return found or None


def read_changes(directory: Path) -> list[Change]:
    """Return the changes of the plan of a run; none when there is no plan."""
    plan: Any = read_plan(directory / run_files.PLAN)
    return [Change(**each) for each in plan["changes"]] if plan else []


def changes(
    resources: Iterable[ResourcePreview],
    remains: Iterable[CloudResource],
    known: Mapping[str, object],
) -> list[Change]:
    """Return the changes of a stack.

    `remains` are resources of a failed creation, which are removed first. `known` are the
    properties that the resources were last given: ROS tells the new ones only.
    """
    found = [_change(each, known) for each in resources]
    left = {each.address: each for each in removal(remains)}
    new = {each.address for each in found}
    return [
        *(_replacement(each) if each.address in left else each for each in found),
        *(each for name, each in left.items() if name not in new),
    ]


def removal(resources: Iterable[CloudResource]) -> list[Change]:
    """Return the removal of every resource that exists."""
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


def address_of(resource: CloudResource) -> str:
    """Return the name of a resource, with its Terraform module in front."""
    info = getattr(resource, "module_info", None)
    module = str(info.logical_id_hierarchy or "") if info else ""
    name = str(resource.logical_resource_id)
    return f"{module}/{name}" if module else name


def essence(plan: Plan) -> object:
    """Return the part of a plan that must not differ when it is executed."""
    names = ("address", "type", "action")
    done = sorted([str(each[name]) for name in names] for each in plan["changes"])
    return [plan["basis"], done]


def totals(found: Iterable[Change]) -> dict[str, object]:
    """Return the facts of the log line that counts operations; a replacement is two."""
    count = _counts(found)
    twice = count.pop("replace")
    count["add"] += twice
    count["remove"] += twice
    return {"type": "change_summary", "changes": {**count, "operation": "plan"}}


def summary(found: Iterable[Change]) -> str:
    """Return the counts of operations as a sentence."""
    parts = [f"{number} to {word}" for word, number in _counts(found).items() if number]
    return f"Plan: {', '.join(parts) or 'no changes'}."


def _counts(found: Iterable[Change]) -> dict[str, int]:
    actions = [each.action for each in found]
    return {word: actions.count(action) for action, word in WORDS.items()}


def _change(found: ResourcePreview, known: Mapping[str, object]) -> Change:
    """Return the change of one resource.

    A replacement that is only possible is shown as one, because it loses data.
    """
    name = str(found.logical_resource_id)
    action = str(found.action or "None")
    if action == "Modify" and found.replacement in ("True", "Conditional"):
        action = "Replace"
    identity = {"id": found.physical_resource_id or ""}
    before = after = None
    if action in ("Modify", "Replace", "Remove"):
        given = known.get(name) if action != "Remove" else None
        before = {**identity, **(given if isinstance(given, dict) else {})}
    if action != "Remove":
        after = dict(found.properties or {})
        if action == "Modify":
            after = {**identity, **after}
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


def _replacement(change: Change) -> Change:
    """Return the change of a resource that a failed creation left behind."""
    return replace(change, action="Replace", reason="replace_because_tainted")
