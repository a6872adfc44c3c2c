"""The preview of a plan as its page shows it: resource changes, the most harmful first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from catalog.schema.conversion import as_text
from console.lib.errors import Text
from instances.models import Heartbeat, Plan

# Resources without a change are only counted.
ACTION_ORDER = ("Replace", "Remove", "Modify", "Add")
MAX_VALUE_LENGTH = 500

ACTION_LABELS: Mapping[str, Text] = {
    "Replace": gettext_lazy("Replace"),
    "Remove": gettext_lazy("Remove"),
    "Modify": gettext_lazy("Modify"),
    "Add": gettext_lazy("Add"),
}
TONES = {"Replace": "warn", "Remove": "bad", "Modify": "busy", "Add": "good"}

# Terraform's action reasons:
# https://developer.hashicorp.com/terraform/internals/json-format#change-representation
REASONS: Mapping[str, Text] = {
    "replace_because_cannot_update": gettext_lazy(
        "A changed setting requires the resource to be replaced."
    ),
    "replace_because_tainted": gettext_lazy(
        "An earlier task left the resource in a damaged (tainted) state."
    ),
    "replace_by_request": gettext_lazy("Replacement was requested."),
    "replace_by_triggers": gettext_lazy(
        "A resource or setting that it depends on changes."
    ),
    "delete_because_no_resource_config": gettext_lazy(
        "The version no longer contains this resource."
    ),
    "delete_because_no_module": gettext_lazy(
        "The version no longer contains this resource."
    ),
    "delete_because_wrong_repetition": gettext_lazy(
        "The resource no longer uses count or for_each."
    ),
    "delete_because_count_index": gettext_lazy(
        "The configured number of resources is lower."
    ),
    "delete_because_each_key": gettext_lazy(
        "The resource key was removed from the configuration."
    ),
    "forget": gettext_lazy("The resource keeps running but is no longer managed."),
}


class StoredChange(TypedDict, total=False):
    """A resource change as the engine reports it and the plan stores it."""

    address: str
    type: str
    action: str
    reason: str
    replace_paths: list[list[str | int] | str]
    before: object
    after: object
    imported: str


class Import(TypedDict):
    """An existing resource that a plan takes over: its address and its ID on the cloud."""

    address: str
    id: str


@dataclass(frozen=True)
class AttributeChange:
    """An attribute of a resource with its old and new value."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class ResourceChange:
    """A resource that the plan changes."""

    address: str
    type: str
    action: str
    label: Text
    tone: str
    reason: Text
    attributes: list[AttributeChange]


@dataclass(frozen=True)
class ChangeGroup:
    """The resources with the same action."""

    action: str
    label: Text
    tone: str
    changes: list[ResourceChange]


@dataclass(frozen=True)
class PlanPreview:
    """The preview of a plan. `url` is its page, `edit_url` the form that the plan comes from."""

    plan: Plan
    url: str = ""
    edit_url: str = ""

    @property
    def running(self) -> bool:
        return self.plan.status == Plan.Status.PREVIEW_IN_PROGRESS

    @cached_property
    def blocked_reason(self) -> Text:
        """Return why no worker starts the queued preview; empty if none is known."""
        if self.plan.state != Plan.State.QUEUED:
            return ""
        space = Heartbeat.objects.free_disk_space()
        if not space:
            return _(
                "No worker is running. The preview starts when a worker is available."
            )
        if space == {False}:
            return _(
                "The disks of all worker hosts are too full. The preview starts when a host "
                "has enough space."
            )
        return ""

    @property
    def failed(self) -> bool:
        return self.plan.status == Plan.Status.PREVIEW_FAILED

    @property
    def ready(self) -> bool:
        """Return True if the preview has succeeded and is not out of date."""
        return (
            self.plan.status == Plan.Status.PREVIEW_SUCCESS
            and not self.plan.out_of_date
        )

    @property
    def may_create_plan(self) -> bool:
        """Return True if a plan can be created, also while the preview still runs."""
        ready = (Plan.Status.PREVIEW_IN_PROGRESS, Plan.Status.PREVIEW_SUCCESS)
        return self.plan.status in ready and not self.plan.out_of_date

    @property
    def unchanged(self) -> int:
        return self.counts["None"]

    @cached_property
    def counts(self) -> dict[str, int]:
        return self.plan.counts()

    @cached_property
    def changes(self) -> list[ResourceChange]:
        found = [each for each in self.plan.changes if each["action"] in ACTION_ORDER]
        found.sort(
            key=lambda each: (ACTION_ORDER.index(each["action"]), each["address"])
        )
        return [_resource_change(each) for each in found]

    @property
    def imports(self) -> list[Import]:
        """Return the existing resources that the plan imports."""
        return [
            {"address": each["address"], "id": each["imported"]}
            for each in self.plan.changes
            if each.get("imported")
        ]

    @property
    def groups(self) -> list[ChangeGroup]:
        """Return the changes by action, in the order of ACTION_ORDER."""
        return [
            ChangeGroup(action, ACTION_LABELS[action], TONES[action], found)
            for action in ACTION_ORDER
            if (found := [each for each in self.changes if each.action == action])
        ]

    @property
    def warnings(self) -> list[ResourceChange]:
        """Return the resources that are destroyed, with their data."""
        return [each for each in self.changes if each.action in ("Replace", "Remove")]

    @property
    def warning_title(self) -> str:
        """Return a sentence such as "1 resource will be replaced, 2 resources will be removed"."""
        replaced, removed = self.counts["Replace"], self.counts["Remove"]
        parts = []
        if replaced:
            parts.append(
                ngettext(
                    "%(count)d resource will be replaced",
                    "%(count)d resources will be replaced",
                    replaced,
                )
                % {"count": replaced}
            )
        if removed:
            parts.append(
                ngettext(
                    "%(count)d resource will be removed",
                    "%(count)d resources will be removed",
                    removed,
                )
                % {"count": removed}
            )
        return ", ".join(parts)


def _resource_change(change: StoredChange) -> ResourceChange:
    action = change["action"]
    return ResourceChange(
        address=change["address"],
        type=change["type"],
        action=action,
        label=ACTION_LABELS[action],
        tone=TONES[action],
        reason=_reason(change),
        attributes=[*_attribute_changes(change)],
    )


def _reason(change: StoredChange) -> str:
    reason = str(REASONS.get(change.get("reason") or "", ""))
    paths = [
        ".".join(str(step) for step in path) if isinstance(path, list) else str(path)
        for path in change.get("replace_paths") or ()
    ]
    if paths:
        because = _("Settings that require replacement: %(settings)s.") % {
            "settings": ", ".join(paths)
        }
        return f"{reason} {because}".strip()
    return reason


def _attribute_changes(change: StoredChange) -> Iterator[AttributeChange]:
    """Yield the attributes that differ: all of them if the resource is added or removed."""
    before, after = change.get("before") or {}, change.get("after") or {}
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        if old != new:
            yield AttributeChange(name, _shortened(old), _shortened(new))


def _shortened(value: object) -> str:
    text = as_text(value)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…"
