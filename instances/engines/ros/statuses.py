"""What a stack's status means for the instance that it is."""

from typing import Literal

Meaning = Literal["UnderChange", "Available", "Error", "Removed"]

# What is left of a creation that failed, or of a deletion: it can only be deleted.
SPENT = (
    *("CREATE_FAILED", "CREATE_ROLLBACK_COMPLETE", "CREATE_ROLLBACK_FAILED"),
    *("CREATE_ROLLBACK_IN_PROGRESS", "DELETE_FAILED", "DELETE_IN_PROGRESS"),
)
# A resource with one of these does not exist.
ABSENT = ("", "INIT_COMPLETE", "DELETE_COMPLETE")


def meaning(status: str) -> Meaning:
    """What an instance is whose stack has this status; an unknown one is no success."""
    if status.endswith("_IN_PROGRESS"):
        return "UnderChange"
    if status == "DELETE_COMPLETE":
        return "Removed"
    if status.endswith("_COMPLETE") and not status.endswith("ROLLBACK_COMPLETE"):
        return "Available"
    return "Error"
