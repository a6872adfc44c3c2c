"""The statuses of a plan, and the groups of them that its verbs go by."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class PlanStatus(TextChoices):
    PREVIEW_IN_PROGRESS = "PreviewInProgress", _("Preview in progress")
    PREVIEW_SUCCESS = "PreviewSuccess", _("Preview succeeded")
    PREVIEW_FAILED = "PreviewFailed", _("Preview failed")
    APPLICATION_IN_PROGRESS = "ApplicationInProgress", _("Waiting for approval")
    APPLICATION_APPROVED = "ApplicationApproved", _("Approved")
    APPLICATION_REJECTED = "ApplicationRejected", _("Rejected")
    EXECUTE_IN_PROGRESS = "ExecuteInProgress", _("Executing")
    EXECUTE_SUCCESS = "ExecuteSuccess", _("Executed")
    EXECUTE_FAILED = "ExecuteFailed", _("Execution failed")
    CANCELED = "Canceled", _("Canceled")


EDITABLE = (
    PlanStatus.PREVIEW_SUCCESS,
    PlanStatus.PREVIEW_FAILED,
    PlanStatus.APPLICATION_REJECTED,
    PlanStatus.APPLICATION_APPROVED,
)
REPEATABLE = (*EDITABLE, PlanStatus.APPLICATION_IN_PROGRESS)
OPEN = (*REPEATABLE, PlanStatus.PREVIEW_IN_PROGRESS)
BUSY = (
    PlanStatus.PREVIEW_IN_PROGRESS,
    PlanStatus.APPLICATION_IN_PROGRESS,
    PlanStatus.EXECUTE_IN_PROGRESS,
)
EXECUTED = (
    PlanStatus.EXECUTE_IN_PROGRESS,
    PlanStatus.EXECUTE_SUCCESS,
    PlanStatus.EXECUTE_FAILED,
)
