"""Replaces Terraform's names of simulated resources by those of the template and of ROS."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from instances.engines.base import MASK, Change, Diagnostic, Event, ResourceEvent
from instances.engines.ros_local.attributes import physical_id
from instances.engines.ros_local.identifiers import original, with_originals
from instances.engines.ros_local.resource_types import Kind
from instances.engines.ros_local.resources import RETAIN

NUMBER = r"(?:\[\d+\])?"
ADDRESS = re.compile(
    rf"((?:module\.[\w-]+{NUMBER}\.)*)terraform_data\.([\w-]+)({NUMBER})"
)
MODULE = re.compile(rf"module\.([\w-]+)({NUMBER})(?:\.|(?=\s|$|:|,))")
LABELS = re.compile(r'(?:resource )?"terraform_data" "([\w-]+)"')
IDENTITY = re.compile(r" \[id=[^\]]*\]")
UNKNOWN_TYPE = "ALIYUN::ROS::Resource"


@dataclass(frozen=True)
class RosNames:
    """The names of one run, by the kinds of its resources."""

    kinds: Mapping[str, Kind]

    def address(self, address: str) -> str:
        """Return the name of a resource: `terraform_data.web[0]` is `web[0]`, or `web`."""
        match = ADDRESS.match(address)
        return self._name(match) + address[match.end() :] if match else address

    def type(self, name: str) -> str:
        """Return the ROS type of the resource of this name."""
        return self._kind(without_numbers(name)).type

    def text(self, text: str) -> str:
        """Return a message with the names of ROS."""
        text = ADDRESS.sub(self._name, text)
        text = LABELS.sub(lambda found: original(found[1]), text)
        text = MODULE.sub(lambda found: f"{original(found[1])}{found[2]}.", text)
        return with_originals(text.replace("terraform_data", "resource"))

    def event(self, event: Event, ids: Mapping[str, str]) -> Event:
        """Return an event with the names of ROS; `ids` are physical IDs by those of Terraform."""
        return replace(
            event,
            message=self.text(IDENTITY.sub("", event.message)),
            resource=event.resource and self._resource(event.resource, ids),
            diagnostic=event.diagnostic and self.diagnostic(event.diagnostic),
        )

    def diagnostic(self, found: Diagnostic) -> Diagnostic:
        """Return a diagnostic with the names of ROS.

        File and line are dropped: they are of the translation, which the user cannot see.
        """
        return replace(
            found,
            summary=self.text(found.summary),
            detail=self.text(found.detail),
            address=self.address(found.address),
            file="",
            line=None,
            variable=original(found.variable),
        )

    def change(self, change: Change) -> Change:
        """Return a planned change as one of the properties of a resource."""
        before, after = _part(change.before, "input"), _part(change.after, "input")
        fixed_before = _part(change.before, "triggers_replace")
        fixed_after = _part(change.after, "triggers_replace")
        name = self.address(change.address)
        kind = _part(fixed_after or fixed_before, "Type")
        known = isinstance(kind, str) and kind != MASK
        retain = _part(before, "DeletionPolicy") == RETAIN
        replaces = change.action == "Replace"
        return replace(
            change,
            address=name,
            type=str(kind) if known else self.type(name),
            name=original(change.name),
            reason="forget" if retain and change.action == "Remove" else change.reason,
            replace_paths=_differing(fixed_before, fixed_after) if replaces else [],
            before=_properties(before),
            after=_properties(after),
        )

    def _resource(self, found: ResourceEvent, ids: Mapping[str, str]) -> ResourceEvent:
        name = self.address(found.address)
        kind = self.type(name)
        terraform_id = found.physical_id
        known = ids.get(terraform_id) or physical_id(kind, terraform_id, {})
        return ResourceEvent(
            address=name,
            type=kind,
            name=original(found.name),
            status=found.status,
            physical_id=known if terraform_id else "",
            reason=found.reason,
        )

    def _name(self, match: re.Match[str]) -> str:
        """Return the name at an address, with a number where the resource has a Count."""
        parts = [*MODULE.findall(match[1]), (match[2], match[3])]
        names: list[str] = []
        shown: list[str] = []
        for name, number in parts:
            names.append(original(name))
            counted = self._kind(".".join(names)).counted
            shown.append(names[-1] + (number if counted else ""))
        return ".".join(shown)

    def _kind(self, name: str) -> Kind:
        return self.kinds.get(name, Kind(UNKNOWN_TYPE, True))


def without_numbers(name: str) -> str:
    """Return a name without the numbers of instances, by which its kind is found."""
    return re.sub(r"\[\d+\]", "", name)


def _part(value: object, key: str) -> object:
    """Return the member of an object; every member of a masked one is masked."""
    if value == MASK:
        return MASK
    return value.get(key) if isinstance(value, dict) else None


def _properties(value: object) -> object:
    """Return the properties of a resource, without those that are null."""
    found = _part(value, "Properties")
    if not isinstance(found, dict):
        return found
    return {key: inner for key, inner in found.items() if inner is not None}


def _differing(before: object, after: object) -> list[object]:
    """Return the paths of the properties that cause a replacement.

    Masked ones cannot be compared, so they are returned where no other differs.
    """
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    names = [*dict.fromkeys([*after, *before])]
    differing = [name for name in names if before.get(name) != after.get(name)]
    masked = [name for name in names if MASK in (before.get(name), after.get(name))]
    return [[name] for name in differing or masked]
