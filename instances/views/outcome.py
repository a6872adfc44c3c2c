"""Messages about a running task or preview, which poll until it ends."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from console.lib.errors import NotFoundError, Text
from console.lib.http import Request
from instances.models import Instance, Plan, Task, plan_for, task_for

DONE: Mapping[str, Text] = {
    Task.Kind.LAUNCH: gettext_lazy("%(name)s was launched."),
    Task.Kind.UPDATE: gettext_lazy("%(name)s was updated."),
    Task.Kind.TERMINATE: gettext_lazy("%(name)s was terminated."),
}
FAILED: Mapping[str, Text] = {
    Task.Kind.LAUNCH: gettext_lazy("%(name)s could not be launched."),
    Task.Kind.UPDATE: gettext_lazy("%(name)s could not be updated."),
    Task.Kind.TERMINATE: gettext_lazy("%(name)s could not be terminated."),
}


def flash_task(request: Request, task: Task, text: str) -> None:
    """Show a message that a task runs, until it ends."""
    url = reverse("instances:task-outcome", args=[task.instance_id, task.pk])
    messages.success(request, text, extra_tags=url)


def flash_preview(request: Request, plan: Plan, text: str) -> None:
    """Show a message that a plan is being previewed, until the preview ends."""
    url = reverse("instances:plan-outcome", args=[plan.pk])
    messages.success(request, text, extra_tags=url)


@require_safe
def task_outcome(request: Request, pk: str, task: str) -> HttpResponse:
    """Answer the poll of a message: 204 while the task runs, then its outcome.

    Users who could see the instance get the outcome even if it is terminated by now.
    """
    found = task_for(request.user, _known(request, pk), task)
    if found.active:
        return HttpResponse(status=204)
    done = found.status == Task.Status.SUCCEEDED
    text = (DONE if done else FAILED)[found.kind] % {"name": found.instance.name}
    context = {"done": done, "text": text, "task": found}
    return render(request, "instances/task_outcome.html", context)


@require_safe
def plan_outcome(request: Request, pk: str) -> HttpResponse:
    """Answer the poll of a message: 204 while the preview runs, then an empty response."""
    running = plan_for(request.user, pk).status == Plan.Status.PREVIEW_IN_PROGRESS
    return HttpResponse(status=204 if running else 200)


def _known(request: Request, pk: str) -> Instance:
    instance = Instance.objects.known_to(request.user).filter(pk=pk).first()
    if instance is None:
        raise NotFoundError(
            _("The instance does not exist, or you do not have access to it.")
        )
    return instance
