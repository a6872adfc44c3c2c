"""Pages of instances: the list, its rows and its CSV file, and an instance with its tabs."""

from collections.abc import Callable, Iterator
from itertools import chain

from django.contrib import messages
from django.db.models import Exists, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_htmx.http import (
    push_url,
    replace_url,
    reswap,
    retarget,
    trigger_client_event,
)

from catalog.models import Portfolio
from console.lib.errors import NotFoundError
from console.lib.htmx import render_page, wants_fragment
from console.lib.http import Request
from console.lib.pagination import Page, page_size, paginate
from console.lib.spreadsheet import download
from console.lib.users import User
from instances.models import Instance, Plan, TaskDiagnostics, instance_for
from instances.presenters.instance_list import (
    CappedCount,
    InstanceList,
    count_text,
    instance_rows,
    row_values,
    shown_columns,
    with_names,
)
from instances.presenters.tabs import Tab
from instances.presenters.task_failure import TaskFailure, task_failure
from instances.presenters.task_log import LogExcerpt, log_tail
from instances.presenters.task_progress import task_progress

Context = dict[str, object]
Panel = Callable[[Request, Instance], Context]
# The event on which _instance_facets.html reloads its counts.
ROW_SETTLED = "row-settled"
MAX_RESOURCES_SHOWN = 1000
MAX_CSV_ROWS = 10_000
CSV_COLUMNS = (
    "pk",
    "name",
    "status",
    "product_name",
    "product_id",
    "version_name",
    "version_id",
    "owner__username",
    "owner_role__name",
    "region_id",
    "created_at",
    "stack_id",
)


@require_safe
def instance_list(request: Request) -> HttpResponse:
    found = InstanceList(request.user, request.GET.dict(), request.COOKIES)
    whole = request.htmx.target == "instance-list"
    fragment = (
        "instances/_instance_list.html" if whole else "instances/_instance_table.html"
    )
    context = {
        "instance_list": found,
        "page": found.page,
        "rows": found.rows,
        "columns": found.columns,
        "facets_apart": bool(request.htmx) and not whole,
    }
    page = render_page(
        request, "instances/instance_list.html", context, fragment=fragment
    )
    if not wants_fragment(request):
        return page
    # A search or new counts replace the URL; other filters are a step in the history.
    replaces = request.htmx.trigger in ("instance-search", "instance-facets")
    return (replace_url if replaces else push_url)(page, found.url)


@require_safe
def instance_row(request: Request, pk: str) -> HttpResponse:
    """Answer the poll of a row: 204 if it is unchanged, empty if the instance is terminated.

    When its task has ended, the page reloads the counts of the facets.
    """
    found = row_values(Instance.objects.known_to(request.user).filter(pk=pk))
    if not found:
        raise NotFoundError(
            _("The instance does not exist, or you do not have access to it.")
        )
    if found[0]["terminated_at"]:
        return trigger_client_event(HttpResponse(), ROW_SETTLED)
    rows = instance_rows(found)
    if rows[0]["changing"] and rows[0]["poll_token"] == request.GET.get("seen"):
        return HttpResponse(status=204)
    selectable = request.user.is_administrator and request.GET.get("select") == "1"
    columns = shown_columns(request.COOKIES)
    context = {"rows": rows, "selectable": selectable, "columns": columns}
    row = render(request, "instances/_instance_row.html", context)
    return row if rows[0]["changing"] else trigger_client_event(row, ROW_SETTLED)


@require_safe
def instance_detail(request: Request, pk: str) -> HttpResponse:
    return _tab(request, pk, "tasks")


@require_safe
def instance_tasks(request: Request, pk: str) -> HttpResponse:
    return _tab(request, pk, "tasks")


@require_safe
def instance_resources(request: Request, pk: str) -> HttpResponse:
    return _tab(request, pk, "resources")


@require_safe
def instance_tags(request: Request, pk: str) -> HttpResponse:
    return _tab(request, pk, "tags")


@require_safe
def instance_plans(request: Request, pk: str) -> HttpResponse:
    return _tab(request, pk, "plans")


@require_safe
def instance_status(request: Request, pk: str) -> HttpResponse:
    """Answer the poll of an instance page: what has changed, or all of it when the task ends."""
    tab = request.GET.get("tab", "")
    tab = tab if tab in PANELS else "tasks"
    try:
        instance = instance_for(request.user, pk)
    except NotFoundError:
        if not Instance.objects.known_to(request.user).filter(pk=pk).exists():
            raise
        messages.success(request, _("The instance has been terminated."))
        return redirect("instances:instance-list")
    if not instance.changing:
        context = _context(request, instance, tab)
        whole = render(request, "instances/_instance_detail.html", context)
        return reswap(retarget(whole, "#instance-detail"), "outerHTML")
    progress = task_progress(instance.last_task) if instance.last_task else None
    if progress and progress.poll_token == request.GET.get("seen"):
        return HttpResponse(status=204)
    counts, _shared = _counts(instance, request.user)
    context = {
        "instance": instance,
        "tab": tab,
        "progress": progress,
        "tabs": _tabs(instance, tab, counts),
        "tabs_apart": True,
        "progress_apart": tab == "tasks" and request.GET.get("open") == "1",
    }
    if tab == "resources":
        context |= _resources(request, instance) | {"resources_apart": True}
    return render(request, "instances/_instance_head.html", context)


def _tab(request: Request, pk: str, tab: str) -> HttpResponse:
    instance = instance_for(request.user, pk)
    alone = request.htmx.target == "instance-tabs"
    part = "_instance_tabs.html" if alone else "_instance_detail.html"
    context = _context(request, instance, tab) | {"tab_alone": alone}
    return render_page(
        request,
        "instances/instance_detail.html",
        context,
        fragment=f"instances/{part}",
    )


def _context(request: Request, instance: Instance, tab: str) -> Context:
    task = instance.last_task
    panel = PANELS[tab](request, instance)
    shows_progress = task is not None and task.status != task.Status.SUCCEEDED
    counts, shared = _counts(instance, request.user)
    return {
        "instance": instance,
        "tab": tab,
        "tabs": _tabs(instance, tab, counts),
        "not_shared": not shared and not request.user.is_administrator,
        "panel": f"instances/_instance_{tab}.html",
        "progress": task_progress(task) if task and shows_progress else None,
        "failure": _failure(request, instance, panel),
        **panel,
    }


def _failure(
    request: Request, instance: Instance, panel: Context
) -> TaskFailure | None:
    failed = instance.failed_task
    if failed is None:
        return None
    log_excerpt = panel.get("log_excerpt")
    if not isinstance(log_excerpt, LogExcerpt):
        log_excerpt = log_tail(failed)
    return task_failure(failed, instance, log_excerpt, by=request.user)


def _counts(instance: Instance, user: User) -> tuple[list[int], bool]:
    """Return the number of rows of each tab, and whether the product is shared with the user."""
    *counts, shared = Instance.objects.filter(pk=instance.pk).values_list(
        CappedCount(instance.tasks.all()),
        CappedCount(instance.resources.all()),
        CappedCount(instance.tags.all()),
        CappedCount(Plan.objects.submitted().filter(instance=instance)),
        Exists(Portfolio.objects.launch_options(instance.product, user)),
    )[0]
    return counts, shared


def _tabs(instance: Instance, current: str, counts: list[int]) -> list[Tab]:
    labels = {
        "tasks": _("Tasks"),
        "resources": _("Resources"),
        "tags": _("Tags"),
        "plans": _("Plans"),
    }
    return [
        Tab(
            name,
            label,
            reverse(f"instances:instance-{name}", args=[instance.pk]),
            current=name == current,
            count=count_text(count),
        )
        for (name, label), count in zip(labels.items(), counts, strict=True)
    ]


def _page(request: Request, rows: QuerySet) -> Page:
    size = page_size(request.GET.get("size", ""))
    return paginate(rows, cursor=request.GET.get("cursor", ""), size=size)


def _tasks(request: Request, instance: Instance) -> Context:
    """List the tasks, newest first; show the details of the last one unless it succeeded."""
    tasks = instance.tasks.select_related("version", "created_by").defer(
        "parameters", "secrets", "tags"
    )
    page, task = _page(request, tasks), instance.last_task
    context: Context = {"page": page}
    first = page.rows[0].pk if page.rows else ""
    if task and first == task.pk and task.status != task.Status.SUCCEEDED:
        log_excerpt = log_tail(task).with_result(task, TaskDiagnostics.of(task).summary)
        context |= {"expanded_task": task, "log_excerpt": log_excerpt}
    return context


def _resources(request: Request, instance: Instance) -> Context:
    return {"resources": instance.resources.all()[:MAX_RESOURCES_SHOWN]}


def _tags(request: Request, instance: Instance) -> Context:
    return {"tags": instance.tags.all()}


def _plans(request: Request, instance: Instance) -> Context:
    """List the plans of the instance; only those that the user may view are links."""
    plans = Plan.objects.submitted().light().filter(instance=instance)
    page = _page(request, plans.select_related("owner").defer("parameters", "secrets"))
    others = [row.pk for row in page.rows if row.owner_id != request.user.pk]
    viewable = {row.pk for row in page.rows} - set(others)
    if others:
        shown = Plan.objects.shown_to(request.user)
        viewable |= set(shown.filter(pk__in=others).values_list("pk", flat=True))
    return {"page": page, "viewable": viewable}


PANELS: dict[str, Panel] = {
    "tasks": _tasks,
    "resources": _resources,
    "tags": _tags,
    "plans": _plans,
}


@require_safe
def instance_csv(request: Request) -> HttpResponse | StreamingHttpResponse:
    """Export the filtered list, newest first, at most MAX_CSV_ROWS of it.

    With an invalid filter, show the page with the error: the file would have too many rows.
    """
    found = InstanceList(request.user, request.GET.dict(), cookies={})
    if not found.filter.is_valid():
        return instance_list(request)
    # Translated now: the rows are written after the request's language has been reset.
    note = _(
        "This file contains only the first %(count)d rows. Use filters to "
        "export fewer rows."
    )
    rows = _csv_rows(found.instances, note % {"count": MAX_CSV_ROWS})
    return download(chain([_csv_heading()], rows), "instances.csv")


def _csv_rows(instances: QuerySet, note: str) -> Iterator[list[object]]:
    newest = (
        with_names(instances).order_by("-created_at", "-pk").values_list(*CSV_COLUMNS)
    )
    for position, row in enumerate(newest[: MAX_CSV_ROWS + 1].iterator()):
        if position == MAX_CSV_ROWS:
            yield [note]
            return
        *front, user, role, region, created, stack = row
        moment = f"{created:%Y-%m-%dT%H:%M:%SZ}"
        yield [*front, user or role, region, moment, stack]


def _csv_heading() -> list[str]:
    return [
        _("Product instance ID"),
        _("Name"),
        _("Instance status"),
        _("Product name"),
        _("Product ID"),
        _("Version name"),
        _("Version ID"),
        _("Owner"),
        _("Stack region"),
        _("Created time"),
        _("Resource stack ID"),
    ]
