"""Pages of a task: progress, log, outputs and parameters; cancel, retry and reconcile it."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)
from django_htmx.http import reswap, retarget

from console.lib.access import administrator_required
from console.lib.errors import DomainError
from console.lib.exact import decimal_text, dumps
from console.lib.forms import refusals_on, render_form
from console.lib.htmx import render_page
from console.lib.http import Request
from console.lib.masking import MASK
from instances.forms.reconcile import ReconcileForm, StatusForm
from instances.launch_validation import retry
from instances.models import (
    Task,
    TaskDiagnostics,
    instance_for,
    living_instance_for,
    reconcile_refusal,
    task_for,
)
from instances.presenters.tabs import Tab
from instances.presenters.task_diagnostics import task_diagnostics
from instances.presenters.task_failure import task_failure
from instances.presenters.task_log import (
    LogExcerpt,
    LogPosition,
    log_after,
    log_tail,
    log_text,
)
from instances.presenters.task_progress import task_progress
from instances.views.outcome import flash_task

Context = dict[str, object]


@require_safe
def task_detail(request: Request, pk: str, task: str) -> HttpResponse:
    return _tab(request, requested_task(request, pk, task), "log")


@require_safe
def task_output(request: Request, pk: str, task: str) -> HttpResponse:
    return _tab(request, requested_task(request, pk, task), "output")


@require_safe
def task_parameters(request: Request, pk: str, task: str) -> HttpResponse:
    return _tab(request, requested_task(request, pk, task), "parameters")


@require_safe
def task_progress_fragment(request: Request, pk: str, task: str) -> HttpResponse:
    """Answer the poll of a task page: its progress, or all of it when the task ends."""
    found = requested_task(request, pk, task)
    progress = task_progress(found)
    if not found.active:
        tab = request.GET.get("tab", "")
        context = _context(request, found, tab if tab in PANELS else "log")
        whole = render(request, "instances/_task_detail.html", context)
        return reswap(retarget(whole, "#task-detail"), "outerHTML")
    if progress.poll_token == request.GET.get("seen"):
        return HttpResponse(status=204)
    context = {
        "progress": progress,
        "polls": request.GET.get("tab") or "log",
        "status_apart": True,
    }
    return render(request, "instances/_task_progress.html", context)


@require_safe
def task_log(request: Request, pk: str, task: str) -> HttpResponse:
    """Show the log; with `after`, answer the lines behind that position, or 204."""
    found = requested_task(request, pk, task)
    after = request.GET.get("after")
    if after is None:
        return _tab(request, found, "log")
    log_excerpt = log_after(found, LogPosition.parse(after))
    if not log_excerpt.lines:
        return HttpResponse(status=204)
    context = {"task": found, "log_excerpt": log_excerpt}
    return render(request, "instances/_task_log_more.html", context)


@require_safe
def task_log_download(request: Request, pk: str, task: str) -> StreamingHttpResponse:
    """Download the whole log as text; its secrets are masked as it is stored."""
    found = requested_task(request, pk, task)
    return StreamingHttpResponse(
        log_text(found),
        content_type="text/plain; charset=utf-8",
        headers={
            # A task's ID has letters, digits and hyphens only.
            "Content-Disposition": f'attachment; filename="{found.pk}.log"',
            "X-Content-Type-Options": "nosniff",
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def task_cancel(request: Request, pk: str, task: str) -> HttpResponse:
    """Ask for confirmation, then cancel the task."""
    found = requested_task(request, pk, task)
    if request.method != "POST":
        context = {"task": found, "instance": found.instance}
        return render_page(
            request,
            "instances/task_cancel.html",
            context,
            fragment="instances/_task_cancel_dialog.html",
        )
    found.cancel(by=request.user)
    flash_task(request, found, _("Cancellation of the task has been requested."))
    return redirect(found)


def requested_task(request: Request, pk: str, task: str) -> Task:
    """Return a task of an instance. Raises NotFoundError for one that the user cannot see."""
    instance = instance_for(request.user, pk)
    last = instance.last_task
    # The last task was read with its instance.
    found = last if last is not None and last.pk == task else None
    found = found or task_for(request.user, instance, task)
    found.instance = instance
    return found


def _tab(request: Request, task: Task, tab: str) -> HttpResponse:
    alone = request.htmx.target == "task-tabs"
    part = "_task_tabs.html" if alone else "_task_detail.html"
    context = _context(request, task, tab) | {"tab_alone": alone}
    return render_page(
        request,
        "instances/task_detail.html",
        context,
        fragment=f"instances/{part}",
    )


def _context(request: Request, task: Task, tab: str) -> Context:
    panel = PANELS[tab](task)
    log_excerpt = panel.get("log_excerpt")
    if not isinstance(log_excerpt, LogExcerpt):
        # Known errors are searched in the log of a failed task, whichever tab is shown.
        failed = task.status == task.Status.FAILED
        log_excerpt = log_tail(task) if failed else LogExcerpt.empty()
    return {
        "failure": task_failure(task, task.instance, log_excerpt, by=request.user),
        "diagnostics": task_diagnostics(task),
        "task": task,
        "instance": task.instance,
        "tab": tab,
        "tabs": _tabs(task, tab),
        "panel": f"instances/_task_{tab}.html",
        "progress": task_progress(task),
        **panel,
    }


def _tabs(task: Task, current: str) -> list[Tab]:
    args = [task.instance_id, task.pk]
    return [
        Tab(tab, label, reverse(name, args=args), current=tab == current)
        for tab, label, name in (
            ("log", _("Log"), "instances:task-log"),
            ("output", _("Output"), "instances:task-output"),
            ("parameters", _("Parameters"), "instances:task-parameters"),
        )
    ]


@dataclass(frozen=True)
class ValueRow:
    """A row of a table of values. `default` says that the template's default applies."""

    key: str
    text: str
    note: str = ""
    default: bool = False

    @property
    def multiline(self) -> bool:
        return "\n" in self.text


def _log(task: Task) -> Context:
    error = TaskDiagnostics.of(task).summary
    return {"log_excerpt": log_tail(task).with_result(task, error)}


def _output(task: Task) -> Context:
    """List the outputs, secret values masked."""
    outputs = task.outputs.values_list("key", "value", "sensitive", "description")
    return {
        "values": [
            ValueRow(
                key,
                MASK if sensitive else _value_text(value),
                _note(key, description),
            )
            for key, value, sensitive, description in outputs
        ]
    }


def _parameters(task: Task) -> Context:
    """List the parameters as they were entered, secrets masked, and the tags."""
    language = get_language()
    labels = {
        p.key: p.label_in(language) for p in task.version.template.schema.parameters
    }
    entered = task.masked_entries
    return {
        "values": [
            ValueRow(
                key,
                entered.get(key, _value_text(value)),
                _note(key, labels.get(key, "")),
                default=key not in entered,
            )
            for key, value in task.masked_parameters.items()
        ],
        "tags": [ValueRow(key, value) for key, value in task.tags.items()],
    }


def _note(key: str, label: str) -> str:
    return "" if label == key else label


def _value_text(value: object) -> str:
    """Return a text as it is, and any other value as indented JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return decimal_text(value)
    return dumps(value, ensure_ascii=False, indent=2)


PANELS: dict[str, Callable[[Task], Context]] = {
    "log": _log,
    "output": _output,
    "parameters": _parameters,
}


@require_POST
def instance_retry(request: Request, pk: str) -> HttpResponse:
    """Retry the failed task that the user has seen, or show why that is refused."""
    instance = living_instance_for(request.user, pk)
    try:
        task = retry(instance, by=request.user, task=request.POST.get("task", ""))
    except DomainError as refusal:
        # The page of the instance shows the other actions.
        messages.error(request, f"{refusal} {refusal.hint}".strip())
        return redirect(instance)
    flash_task(request, task, _("%(name)s is being retried.") % {"name": instance.name})
    return redirect(task)


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def task_reconcile(request: Request, pk: str, task: str) -> HttpResponse:
    """Show the status of the lease and the effects, then have a worker reconcile the task."""
    found = requested_task(request, pk, task)
    form = ReconcileForm(found, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_on(form):
            found.reconcile(by=request.user, **form.cleaned_data)
            message = _(
                "Reconciliation has started. A worker is checking the actual status of the "
                "task."
            )
            flash_task(request, found, message)
            return redirect(found)
    context = {
        "form": form,
        "task": found,
        "instance": found.instance,
        "progress": task_progress(found),
        "lease_status": found.lease_status.value,
        "reconcile_refusal": reconcile_refusal(found),
    }
    return render_form(request, "instances/task_reconcile.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def instance_reconcile(request: Request, pk: str) -> HttpResponse:
    """Show the status that tasks and state record, then set the status to that."""
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
