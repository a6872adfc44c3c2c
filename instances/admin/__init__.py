"""Data fixes for instances: all records are shown, and few fields can be changed.

The engine and the worker own the facts. Secrets, states and saved plans are never shown.
"""

from instances.admin.instance import InstanceAdmin
from instances.admin.known_error import KnownErrorAdmin
from instances.admin.records import (
    OperationRecordAdmin,
    OutputAdmin,
    PlanAdmin,
    ResourceAdmin,
    StateVersionAdmin,
    TagAdmin,
    TaskAdmin,
    TaskDiagnosticsAdmin,
    TaskLogAdmin,
)

__all__ = [
    "InstanceAdmin",
    "KnownErrorAdmin",
    "OperationRecordAdmin",
    "OutputAdmin",
    "PlanAdmin",
    "ResourceAdmin",
    "StateVersionAdmin",
    "TagAdmin",
    "TaskAdmin",
    "TaskDiagnosticsAdmin",
    "TaskLogAdmin",
]
