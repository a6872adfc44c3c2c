"""The instances' models."""

from instances.models.approval import Approval, Duties, OperationRecord
from instances.models.check import Check
from instances.models.counter import Tally
from instances.models.heartbeat import Heartbeat
from instances.models.instance import (
    Instance,
    instance_for,
    living_instance_for,
    task_for,
)
from instances.models.known_error import KnownError
from instances.models.notice import Notice, notice_for
from instances.models.owner import Move, Principal
from instances.models.plan import Plan, Stale, plan_for
from instances.models.provisioning_spec import Carried, ProvisioningSpec
from instances.models.resource import Resource, StateVersion, Tag
from instances.models.task import Output, Standing, Task, TaskLog, why_not
from instances.models.task_diagnostics import Evidence
from instances.models.work import Fenced, Work

__all__ = [
    "Approval",
    "Carried",
    "Check",
    "Duties",
    "Evidence",
    "Fenced",
    "Heartbeat",
    "Instance",
    "KnownError",
    "Move",
    "Notice",
    "OperationRecord",
    "Output",
    "Plan",
    "Principal",
    "ProvisioningSpec",
    "Resource",
    "Stale",
    "Standing",
    "StateVersion",
    "Tag",
    "Tally",
    "Task",
    "TaskLog",
    "Work",
    "instance_for",
    "living_instance_for",
    "notice_for",
    "plan_for",
    "task_for",
    "why_not",
]
