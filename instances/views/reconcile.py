"""An administrator reconciles a run without a worker, or a status that contradicts the tasks."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from console.lib.access import administrator_required
from console.lib.forms import VerbForm, refusals_on, render_form
from console.lib.http import Request
from instances.models import Standing, Task, living_instance_for, why_not
from instances.presenters.task_progress import task_progress
from instances.views.outcome import flash_task
from instances.views.tasks import task_of


class ReconcileForm(VerbForm):
    """Whether the host is gone, and why."""

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
        help_text=gettext_lazy("Recorded in the audit trail."),
    )

    def __init__(self, task: Task, *args: object) -> None:
        super().__init__(*args)
        lost = self.fields["host_lost"]
        # Nobody else can settle it: then the word that the host is gone must be given.
        lost.required = task.standing == Standing.HOST_SILENT
        if not lost.required:
            del self.fields["host_lost"]


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def task_reconcile(request: Request, pk: str, task: str) -> HttpResponse:
    """Say what is known and what settling would do; then let a worker do it."""
    found = task_of(request, pk, task)
    form = ReconcileForm(found, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_on(form):
            found.reconcile(by=request.user, **form.cleaned_data)
            told = _(
                "Reconciliation has started. A worker is checking the actual status of the "
                "task."
            )
            flash_task(request, found, told)
            return redirect(found)
    context = {
        "form": form,
        "task": found,
        "instance": found.instance,
        "progress": task_progress(found),
        "standing": found.standing.value,
        "why_not": why_not(found),
    }
    return render_form(request, "instances/task_reconcile.html", context)


class StatusForm(VerbForm):
    """Why the status is corrected."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        help_text=gettext_lazy("Recorded in the audit trail."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def instance_reconcile(request: Request, pk: str) -> HttpResponse:
    """Show what tasks and state say of an instance; then set its status to that."""
    instance = living_instance_for(request.user, pk)
    form = StatusForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_on(form):
            instance.reconcile_status(by=request.user, **form.cleaned_data)
            messages.success(request, _("The status has been reconciled."))
            return redirect(
                "instances:instance-list" if instance.terminated_at else instance
            )
    context = {"form": form, "instance": instance, "true": instance.true_status()}
    return render_form(request, "instances/instance_reconcile.html", context)
