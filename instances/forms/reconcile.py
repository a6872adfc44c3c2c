"""Forms with which an administrator reconciles a task, or the status of an instance."""

from django import forms
from django.utils.translation import gettext_lazy

from console.lib.forms import VerbForm
from instances.models import LeaseStatus, Task


class ReconcileForm(VerbForm):
    """The reason, and the declaration that the host is lost."""

    host_lost = forms.BooleanField(
        label=gettext_lazy(
            "The host is switched off or permanently gone, so this task cannot still be "
            "running on it"
        ),
        required=False,
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        required=False,
        help_text=gettext_lazy("Recorded in the audit log."),
    )

    def __init__(self, task: Task, *args: object) -> None:
        super().__init__(*args)
        lost = self.fields["host_lost"]
        # Another host can only take over the task if an administrator declares this one lost.
        lost.required = task.lease_status == LeaseStatus.HOST_SILENT
        if not lost.required:
            del self.fields["host_lost"]


class StatusForm(VerbForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        help_text=gettext_lazy("Recorded in the audit log."),
    )
