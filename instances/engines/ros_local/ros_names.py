"""Shows what Terraform says of simulated resources in the words of ROS."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

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
class Words:
    """The words for one run, from how its resources are to be shown."""

    kinds: Mapping[str, Kind]

    def address(self, found: str) -> str:
        """The name of a resource: `terraform_data.web[0]` is `web[0]`, or `web` alone."""
        match = ADDRESS.match(found)
        return self._name(match) + found[match.end() :] if match else found

    def kind(self, address: str) -> str:
        """The ROS type of the resource of this name."""
        return self._kind(without_numbers(address)).type

    def text(self, said: str) -> str:
        """A text about resources, as ROS would write it."""
        said = ADDRESS.sub(self._name, said)
        said = LABELS.sub(lambda found: original(found[1]), said)
        said = MODULE.sub(lambda found: f"{original(found[1])}{found[2]}.", said)
        return with_originals(said.replace("terraform_data", "resource"))

    def event(self, event: Event, ids: Mapping[str, str]) -> Event:
        """An event, with the physical ID of the resource it is about."""
        return replace(
            event,
            message=self.text(IDENTITY.sub("", event.message)),
            resource=event.resource and self._resource(event.resource, ids),
            diagnostic=event.diagnostic and self.diagnostic(event.diagnostic),
        )

    def diagnostic(self, found: Diagnostic) -> Diagnostic:
        """An error or warning; where it stands in the translation helps nobody."""
        return replace(
            found,
            summary=self.text(found.summary),
            detail=self.text(found.detail),
            address=self.address(found.address),
            file="",
            line=None,
            variable=original(found.variable),
        )

    def _resource(self, found: ResourceEvent, ids: Mapping[str, str]) -> ResourceEvent:
        address = self.address(found.address)
        kind = self.kind(address)
        number = found.physical_id
        known = ids.get(number) or physical_id(kind, number, {})
        return ResourceEvent(
            address=address,
            type=kind,
            name=original(found.name),
            status=found.status,
            physical_id=known if number else "",
            reason=found.reason,
        )

    def _name(self, match: re.Match[str]) -> str:
        """The name at an address; a number is part of it where there is a Count."""
        parts = [*MODULE.findall(match[1]), (match[2], match[3])]
        names: list[str] = []
        shown: list[str] = []
        for name, number in parts:
            names.append(original(name))
            counted = self._kind(".".join(names)).counted
            shown.append(names[-1] + (number if counted else ""))
        return ".".join(shown)

    def _kind(self, address: str) -> Kind:
        return self.kinds.get(address, Kind(UNKNOWN_TYPE, True))


def without_numbers(address: str) -> str:
    """A name without the numbers of instances, by which its kind is known."""
    return re.sub(r"\[\d+\]", "", address)


def changed(change: Change, words: Words) -> Change:
    """A planned change, as one of the properties of a resource."""
    before, after = _part(change.before, "input"), _part(change.after, "input")
    was, becomes = (
        _part(side, "triggers_replace") for side in (change.before, change.after)
    )
    address = words.address(change.address)
    kind = _part(becomes or was, "Type")
    known = isinstance(kind, str) and kind != MASK
    retained = change.action == "Remove" and _part(before, "DeletionPolicy") == RETAIN
    return replace(
        change,
        address=address,
        type=kind if known else words.kind(address),
        name=original(change.name),
        reason="forget" if retained else change.reason,
        replace_paths=_differing(was, becomes) if change.action == "Replace" else [],
        before=_properties(before),
        after=_properties(after),
    )


def _part(value: Any, key: str) -> Any:
    """What an object has under a key; a mask stands for all of its parts."""
    if value == MASK:
        return MASK
    return value.get(key) if isinstance(value, dict) else None


def _properties(value: Any) -> Any:
    """The properties of a resource before or after; those that are nothing are left out."""
    found = _part(value, "Properties")
    if not isinstance(found, dict):
        return found
    return {key: inner for key, inner in found.items() if inner is not None}


def _differing(was: Any, becomes: Any) -> list[Any]:
    """The properties for whose sake a resource is replaced; hidden ones may be."""
    if not isinstance(was, dict) or not isinstance(becomes, dict):
        return []
    names = [*dict.fromkeys([*becomes, *was])]
    differing = [name for name in names if was.get(name) != becomes.get(name)]
    hidden = [name for name in names if MASK in (was.get(name), becomes.get(name))]
    return [[name] for name in differing or hidden]
