"""Data fixes for what was launched: everything can be read, hardly anything changed.

Facts belong to the engine and its worker; secrets, states and saved plans are shown nowhere.
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
