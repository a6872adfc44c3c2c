"""Reads simulated resources out of a state of Terraform."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from instances.engines.base import StateFile, StateResource
from instances.engines.ros_local.attributes import physical_id
from instances.engines.ros_local.identifiers import original
from instances.engines.ros_local.resource_types import Kind
from instances.engines.ros_local.ros_names import RosNames, without_numbers
from instances.engines.ros_local.translation import RULES

# The path of the properties of a resource in its attributes.
PROPERTIES = ["input", "Properties"]


@dataclass(frozen=True)
class SimulatedResource:
    """A resource in a state, with its ID of Terraform and its properties that may be shown."""

    address: str
    terraform_id: str
    kind: Kind
    properties: dict[str, object]

    @property
    def physical_id(self) -> str:
        """The ID that ROS would show."""
        return physical_id(self.kind.type, self.terraform_id, self.properties)


def resources_in(body: bytes) -> list[SimulatedResource]:
    """Return the resources of a state in its order; none when it cannot be read."""
    try:
        found = json.loads(body)["resources"]
        return [
            _resource(block, instance)
            for block in found
            if block["mode"] == "managed"
            for instance in block["instances"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return []


def kinds_in(body: bytes | None) -> dict[str, Kind]:
    """Return the kinds of the resources of a state, by their names."""
    found = resources_in(body) if body else []
    names = RosNames({})
    return {without_numbers(names.address(each.address)): each.kind for each in found}


def physical_ids(bodies: Iterable[bytes]) -> dict[str, str]:
    """Return the IDs of ROS by those of Terraform."""
    return {
        each.terraform_id: each.physical_id
        for body in bodies
        for each in resources_in(body)
    }


def with_ros_names(state: StateFile) -> StateFile:
    """Return a state with names, types and IDs of ROS instead of Terraform's."""
    names = RosNames(kinds_in(state.body))
    pairs = zip(state.resources, resources_in(state.body), strict=False)
    return replace(
        state,
        outputs=[
            replace(each, key=original(each.key))
            for each in state.outputs
            if each.key != RULES
        ],
        resources=[_renamed(each, simulated, names) for each, simulated in pairs],
    )


def _renamed(
    resource: StateResource, simulated: SimulatedResource, names: RosNames
) -> StateResource:
    return replace(
        resource,
        address=names.address(resource.address),
        type=simulated.kind.type,
        name=original(resource.name),
        physical_id=simulated.physical_id,
    )


def _resource(
    block: Mapping[str, object], instance: Mapping[str, object]
) -> SimulatedResource:
    held = instance.get("attributes")
    attributes = held if isinstance(held, dict) else {}
    given = _dynamic(attributes, "input")
    properties = given.get("Properties")
    hidden = _hidden(instance.get("sensitive_attributes"))
    visible = properties if isinstance(properties, dict) and "" not in hidden else {}
    module = f"{block['module']}." if block.get("module") else ""
    return SimulatedResource(
        address=f"{module}{block['type']}.{block['name']}",
        terraform_id=str(attributes.get("id") or ""),
        kind=Kind(
            str(_dynamic(attributes, "triggers_replace").get("Type") or "unknown"),
            bool(given.get("Counted")),
        ),
        properties={key: visible[key] for key in visible if key not in hidden},
    )


def _dynamic(attributes: Mapping[str, object], name: str) -> dict[str, object]:
    """Return the object in an attribute of any type, which a state holds beside its type."""
    attribute = attributes.get(name)
    found = attribute.get("value") if isinstance(attribute, dict) else None
    return found if isinstance(found, dict) else {}


def _hidden(paths: object) -> set[str]:
    """Return the properties that are secret at least in part; "" when all are.

    `paths` are the sensitive attributes of a state.
    """
    hidden: set[str] = set()
    for path in paths if isinstance(paths, list) else ():
        names = [
            step["value"]["value"] if isinstance(step["value"], dict) else step["value"]
            for step in path
        ]
        if names[:2] == PROPERTIES[: len(names)]:
            hidden.add(str(names[2]) if len(names) > 2 else "")
    return hidden
