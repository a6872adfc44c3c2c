"""Reads simulated resources out of a state of Terraform."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from instances.engines.base import StateFile, StateResource
from instances.engines.ros_local.attributes import physical_id
from instances.engines.ros_local.identifiers import original
from instances.engines.ros_local.resource_types import Kind
from instances.engines.ros_local.ros_names import Words, without_numbers
from instances.engines.ros_local.translation import RULES

HELD_IN = ["input", "Properties"]


@dataclass(frozen=True)
class Held:
    """A resource as the state holds it: `number` is Terraform's ID, `properties` may be shown."""

    place: str
    number: str
    kind: Kind
    properties: dict[str, Any]

    @property
    def physical_id(self) -> str:
        """Its ID as ROS would show it."""
        return physical_id(self.kind.type, self.number, self.properties)


def held_in(body: bytes) -> list[Held]:
    """The resources of a state in its order; none when it cannot be read."""
    try:
        found = json.loads(body)["resources"]
        return [
            _held(block, instance)
            for block in found
            if block["mode"] == "managed"
            for instance in block["instances"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return []


def kinds_in(body: bytes | None) -> dict[str, Kind]:
    """How the resources of a state are shown, by their names."""
    held = held_in(body) if body else []
    plain = Words({})
    return {without_numbers(plain.address(each.place)): each.kind for each in held}


def shown(found: StateFile) -> StateFile:
    """The state with the resources of ROS instead of Terraform's."""
    words = Words(kinds_in(found.body))
    pairs = zip(found.resources, held_in(found.body), strict=False)
    return replace(
        found,
        outputs=[
            replace(each, key=original(each.key))
            for each in found.outputs
            if each.key != RULES
        ],
        resources=[_shown(each, held, words) for each, held in pairs],
    )


def _shown(resource: StateResource, held: Held, words: Words) -> StateResource:
    """One resource with its name, type and ID of ROS."""
    return replace(
        resource,
        address=words.address(resource.address),
        type=held.kind.type,
        name=original(resource.name),
        physical_id=held.physical_id,
    )


def _held(block: Mapping[str, Any], instance: Mapping[str, Any]) -> Held:
    """One instance of a resource."""
    attributes = instance.get("attributes") or {}
    given = _value(attributes, "input")
    properties = given.get("Properties")
    hidden = _hidden(instance.get("sensitive_attributes") or [])
    visible = properties if isinstance(properties, dict) and "" not in hidden else {}
    module = f"{block['module']}." if block.get("module") else ""
    return Held(
        place=f"{module}{block['type']}.{block['name']}",
        number=str(attributes.get("id") or ""),
        kind=Kind(
            str(_value(attributes, "triggers_replace").get("Type") or "unknown"),
            bool(given.get("Counted")),
        ),
        properties={key: visible[key] for key in visible if key not in hidden},
    )


def _value(attributes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An attribute of any type, which Terraform writes with its type beside it."""
    found = (attributes.get(name) or {}).get("value")
    return found if isinstance(found, dict) else {}


def _hidden(paths: list[Any]) -> set[str]:
    """The properties that are secret, as a whole or in part; all when the name is empty."""
    hidden: set[str] = set()
    for path in paths:
        names = [
            step["value"]["value"] if isinstance(step["value"], dict) else step["value"]
            for step in path
        ]
        if names[:2] == HELD_IN[: len(names)]:
            hidden.add(str(names[2]) if len(names) > 2 else "")
    return hidden


def physical_ids(bodies: Iterator[bytes]) -> dict[str, str]:
    """The IDs of ROS by the numbers of Terraform."""
    return {each.number: each.physical_id for body in bodies for each in held_in(body)}
