"""The parts of the answers of ROS that are used, as the SDK's models have them."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class StackTag(Protocol):
    key: str
    value: str


class TerraformLog(Protocol):
    content: str | None
    stream: str | None


class StackLog(Protocol):
    terraform_logs: Sequence[TerraformLog] | None


class CloudStack(Protocol):
    """A stack in an answer of GetStack or ListStacks, which has no log."""

    stack_id: str
    stack_name: str
    status: str
    status_reason: str | None
    update_time: str | None
    tags: Sequence[StackTag] | None
    log: StackLog | None


class CloudEvent(Protocol):
    event_id: str
    logical_resource_id: str | None
    physical_resource_id: str | None
    resource_type: str | None
    status: str | None
    status_reason: str | None


class CloudResource(Protocol):
    logical_resource_id: str
    physical_resource_id: str | None
    resource_type: str | None
    status: str | None


class ResourcePreview(Protocol):
    logical_resource_id: str
    physical_resource_id: str | None
    resource_type: str | None
    action: str | None
    replacement: str | None
    properties: Mapping[str, object] | None
