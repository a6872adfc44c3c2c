"""Maps the status of a stack to the status of its instance."""

from typing import Literal

Meaning = Literal["UnderChange", "Available", "Error", "Removed"]

# The stack of a failed creation, or a deletion: it can only be deleted.
SPENT = (
    *("CREATE_FAILED", "CREATE_ROLLBACK_COMPLETE", "CREATE_ROLLBACK_FAILED"),
    *("CREATE_ROLLBACK_IN_PROGRESS", "DELETE_FAILED", "DELETE_IN_PROGRESS"),
)
# A resource with one of these does not exist.
ABSENT = ("", "INIT_COMPLETE", "DELETE_COMPLETE")


def meaning(status: str) -> Meaning:
    """Return the status of the instance; an unknown status of a stack is an error."""
    if status.endswith("_IN_PROGRESS"):
        return "UnderChange"
    if status == "DELETE_COMPLETE":
        return "Removed"
    if status.endswith("_COMPLETE") and not status.endswith("ROLLBACK_COMPLETE"):
        return "Available"
    return "Error"
