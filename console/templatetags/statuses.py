"""What an API status looks like: its word, its icon and its tone. Presentation only.

Values from the API's documents: instances, tasks, plans, resources, drift, version guidance.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from console.lib.errors import Text


@dataclass(frozen=True)
class Status:
    """``tone`` picks a colour: good, busy, warn, bad or plain. The word and icon say the same."""

    word: Text
    tone: str = "plain"
    icon: str = "circle-dashed"


def _good(word: Text) -> Status:
    return Status(word, "good", "circle-check")


def _busy(word: Text) -> Status:
    return Status(word, "busy", "loader-circle")


def _wait(word: Text) -> Status:
    return Status(word, "warn", "hourglass")


def _bad(word: Text) -> Status:
    return Status(word, "bad", "circle-x")


STATUSES = {
    # instance, task
    "Available": _good(_("Available")),
    "UnderChange": _busy(_("Under change")),
    "Error": _bad(_("Error")),
    "InProgress": _busy(_("In progress")),
    "Succeeded": _good(_("Succeeded")),
    "Failed": _bad(_("Failed")),
    # plan
    "PreviewInProgress": _busy(_("Preview in progress")),
    "PreviewSuccess": _good(_("Preview succeeded")),
    "PreviewFailed": _bad(_("Preview failed")),
    "ApplicationInProgress": _wait(_("Waiting for approval")),
    "ApplicationApproved": _good(_("Approved")),
    "ApplicationRejected": _bad(_("Rejected")),
    "ExecuteInProgress": _busy(_("Executing")),
    "ExecuteSuccess": _good(_("Executed")),
    "ExecuteFailed": _bad(_("Execution failed")),
    "Canceled": Status(_("Canceled"), icon="ban"),
    # resource
    "INIT_COMPLETE": Status(_("Not created yet")),
    "CREATE_IN_PROGRESS": _busy(_("Creating")),
    "CREATE_COMPLETE": _good(_("Created")),
    "CREATE_FAILED": _bad(_("Creation failed")),
    "UPDATE_IN_PROGRESS": _busy(_("Updating")),
    "UPDATE_COMPLETE": _good(_("Updated")),
    "UPDATE_FAILED": _bad(_("Update failed")),
    "DELETE_IN_PROGRESS": _busy(_("Deleting")),
    "DELETE_COMPLETE": Status(_("Deleted"), icon="circle-slash"),
    "DELETE_FAILED": _bad(_("Deletion failed")),
    "CHECK_IN_PROGRESS": _busy(_("Verifying")),
    "CHECK_COMPLETE": _good(_("Verified")),
    "CHECK_FAILED": _bad(_("Verification failed")),
    "IMPORT_IN_PROGRESS": _busy(_("Importing")),
    "IMPORT_COMPLETE": _good(_("Imported")),
    "IMPORT_FAILED": _bad(_("Import failed")),
    # drift of a resource
    "IN_SYNC": _good(_("In sync")),
    "MODIFIED": Status(_("Modified outside Service Catalog"), "warn", "triangle-alert"),
    "DELETED": _bad(_("Missing")),
    "NOT_CHECKED": Status(_("Not checked")),
    # guidance of a version
    "Default": Status(pgettext_lazy("guidance", "Default"), icon="minus"),
    "Recommended": Status(_("Recommended"), "good", "star"),
    "Latest": Status(_("Latest"), "busy", "arrow-up"),
    "Deprecated": Status(_("Deprecated"), "warn", "triangle-alert"),
    # switches: a version, a tag option
    "Enabled": _good(_("Enabled")),
    "Disabled": Status(_("Disabled"), icon="circle-slash"),
}


def status_of(value: str) -> Status:
    """How to show an API status. A stack status is judged by its ending, others stay plain words."""
    known = STATUSES.get(value)
    if known is not None:
        return known
    if value.endswith("_IN_PROGRESS"):
        return _busy(value)
    if value.endswith(("_FAILED", "ROLLBACK_COMPLETE")):
        return _bad(value)
    return _good(value) if value.endswith("_COMPLETE") else Status(value)
