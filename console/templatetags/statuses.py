"""The look of each API status: its icon and its tone, beside the word of its model.

Values from the API's documents: instances, tasks, plans, resources, drift, version guidance.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from catalog.models import Version
from console.lib.errors import Text
from instances.models import Instance, Plan, Task


@dataclass(frozen=True)
class Status:
    """``tone`` picks a colour: good, busy, warn, bad or plain. The word and icon say the same."""

    word: Text
    tone: str = "plain"
    icon: str = "circle-dashed"


GOOD = ("good", "circle-check")
BUSY = ("busy", "loader-circle")
BAD = ("bad", "circle-x")
LOOKS = {
    # instance, task
    "Available": GOOD,
    "UnderChange": BUSY,
    "Error": BAD,
    "InProgress": BUSY,
    "Succeeded": GOOD,
    "Failed": BAD,
    # plan
    "PreviewInProgress": BUSY,
    "PreviewSuccess": GOOD,
    "PreviewFailed": BAD,
    "ApplicationInProgress": ("warn", "hourglass"),
    "ApplicationApproved": GOOD,
    "ApplicationRejected": BAD,
    "ExecuteInProgress": BUSY,
    "ExecuteSuccess": GOOD,
    "ExecuteFailed": BAD,
    "Canceled": ("plain", "ban"),
    # guidance of a version
    "Default": ("plain", "minus"),
    "Recommended": ("good", "star"),
    "Latest": ("busy", "arrow-up"),
    "Deprecated": ("warn", "triangle-alert"),
}


def _of_models(*statuses: type[TextChoices]) -> Iterable[tuple[str, Status]]:
    """Give each status of these models its own word and the look of its value."""
    for each in statuses:
        for value, word in each.choices:
            yield value, Status(word, *LOOKS[value])


STATUSES = {
    **dict(_of_models(Instance.Status, Task.Status, Plan.Status, Version.Guidance)),
    # resource
    "INIT_COMPLETE": Status(_("Not created yet")),
    "CREATE_IN_PROGRESS": Status(_("Creating"), *BUSY),
    "CREATE_COMPLETE": Status(_("Created"), *GOOD),
    "CREATE_FAILED": Status(_("Creation failed"), *BAD),
    "UPDATE_IN_PROGRESS": Status(_("Updating"), *BUSY),
    "UPDATE_COMPLETE": Status(_("Updated"), *GOOD),
    "UPDATE_FAILED": Status(_("Update failed"), *BAD),
    "DELETE_IN_PROGRESS": Status(_("Deleting"), *BUSY),
    "DELETE_COMPLETE": Status(_("Deleted"), icon="circle-slash"),
    "DELETE_FAILED": Status(_("Deletion failed"), *BAD),
    "CHECK_IN_PROGRESS": Status(_("Verifying"), *BUSY),
    "CHECK_COMPLETE": Status(_("Verified"), *GOOD),
    "CHECK_FAILED": Status(_("Verification failed"), *BAD),
    "IMPORT_IN_PROGRESS": Status(_("Importing"), *BUSY),
    "IMPORT_COMPLETE": Status(_("Imported"), *GOOD),
    "IMPORT_FAILED": Status(_("Import failed"), *BAD),
    # drift of a resource
    "IN_SYNC": Status(_("In sync"), *GOOD),
    "MODIFIED": Status(_("Modified outside Service Catalog"), "warn", "triangle-alert"),
    "DELETED": Status(_("Missing"), *BAD),
    "NOT_CHECKED": Status(_("Not checked")),
    # switches: a version, a tag option
    "Enabled": Status(_("Enabled"), *GOOD),
    "Disabled": Status(_("Disabled"), icon="circle-slash"),
}


def status_of(value: str) -> Status:
    """Return the look of an API status; an unknown stack status is judged by its ending."""
    known = STATUSES.get(value)
    if known is not None:
        return known
    if value.endswith("_IN_PROGRESS"):
        return Status(value, *BUSY)
    if value.endswith(("_FAILED", "ROLLBACK_COMPLETE")):
        return Status(value, *BAD)
    return Status(value, *GOOD) if value.endswith("_COMPLETE") else Status(value)
