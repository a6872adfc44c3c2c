"""The instances' models."""

from instances.models.approval import (
    Approval,
    ApproverDuties,
    OperationRecord,
    duties_of,
)
from instances.models.check import Check
from instances.models.counter import Counter
from instances.models.heartbeat import Heartbeat
from instances.models.instance import (
    Instance,
    instance_for,
    living_instance_for,
    task_for,
)
from instances.models.known_error import KnownError
from instances.models.notice import Notice, notice_for
from instances.models.owner import Principal, Transfer
from instances.models.plan import Plan, plan_for, waiting_for
from instances.models.preview import PlanOutOfDateError
from instances.models.provisioning_spec import Carried, ProvisioningSpec
from instances.models.resource import Resource
from instances.models.state_version import StateVersion
from instances.models.tag import Tag
from instances.models.task import LeaseStatus, Output, Task, TaskLog, reconcile_refusal
from instances.models.task_diagnostics import TaskDiagnostics
from instances.models.work import LeaseLostError, Work

__all__ = [
    "Approval",
    "ApproverDuties",
    "Carried",
    "Check",
    "Counter",
    "Heartbeat",
    "Instance",
    "KnownError",
    "LeaseLostError",
    "LeaseStatus",
    "Notice",
    "OperationRecord",
    "Output",
    "Plan",
    "PlanOutOfDateError",
    "Principal",
    "ProvisioningSpec",
    "Resource",
    "StateVersion",
    "Tag",
    "Task",
    "TaskDiagnostics",
    "TaskLog",
    "Transfer",
    "Work",
    "duties_of",
    "instance_for",
    "living_instance_for",
    "notice_for",
    "plan_for",
    "reconcile_refusal",
    "task_for",
    "waiting_for",
]
