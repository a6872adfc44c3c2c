"""Data fixes for what was launched: everything can be read, hardly anything changed.

Facts belong to the engine and its worker; secrets, states and saved plans are shown nowhere.
"""

from instances.admin.evidence import (
    OperationRecordAdmin,
    OutputAdmin,
    PlanAdmin,
    ResourceAdmin,
    StateVersionAdmin,
    TagAdmin,
    TaskAdmin,
    TaskLogAdmin,
)
from instances.admin.instance import InstanceAdmin

__all__ = [
    "InstanceAdmin",
    "OperationRecordAdmin",
    "OutputAdmin",
    "PlanAdmin",
    "ResourceAdmin",
    "StateVersionAdmin",
    "TagAdmin",
    "TaskAdmin",
    "TaskLogAdmin",
]
