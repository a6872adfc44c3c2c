"""Instances: the list, one row of it, and the detail page with its tabs."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

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
from console.lib.pagination import page_size, paginate
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
from instances.presenters.task_failure import TaskFailure, task_failure
from instances.presenters.task_log import log_tail
from instances.presenters.task_progress import task_progress

Panel = Callable[[Request, Instance], dict[str, Any]]
# The event that _instance_facets.html waits for.
SETTLED = "row-settled"


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
    }
    context["facets_apart"] = bool(request.htmx) and not whole
    page = render_page(
        request, "instances/instance_list.html", context, fragment=fragment
    )
    if not wants_fragment(request):
        return page
    # Typing and counting replace the address, a choice is a step in the browser's history.
    stays = request.htmx.trigger in ("instance-search", "instance-facets")
    return (replace_url if stays else push_url)(page, found.url)


@require_safe
def instance_row(request: Request, pk: str) -> HttpResponse:
    """One row as it is now; 204 while nothing has changed, nothing once it has left the list.

    A row that is settled makes the page ask for its counts again.
    """
    found = row_values(Instance.objects.known_to(request.user).filter(pk=pk))
    if not found:
        raise NotFoundError(
            _("The instance does not exist, or you do not have access to it.")
        )
    if found[0]["terminated_at"]:
        return trigger_client_event(HttpResponse(), SETTLED)
    rows = instance_rows(found)
    if rows[0]["changing"] and rows[0]["poll_token"] == request.GET.get("seen"):
        return HttpResponse(status=204)
    selectable = request.user.is_administrator and request.GET.get("select") == "1"
    columns = shown_columns(request.COOKIES)
    context = {"rows": rows, "selectable": selectable, "columns": columns}
    row = render(request, "instances/_instance_row.html", context)
    return row if rows[0]["changing"] else trigger_client_event(row, SETTLED)


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
    """What has changed since the page was drawn; the whole page once the task has ended."""
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
    context = {"instance": instance, "tab": tab, "progress": progress}
    *counts, _shared = _counts(instance, request.user)
    context |= {"tabs": _tabs(instance, tab, counts), "tabs_apart": True}
    context["progress_apart"] = tab == "tasks" and request.GET.get("open") == "1"
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


def _context(request: Request, instance: Instance, tab: str) -> dict[str, Any]:
    task = instance.last_task
    panel = PANELS[tab](request, instance)
    told = task is not None and task.status != task.Status.SUCCEEDED
    *counts, shared = _counts(instance, request.user)
    return {
        "instance": instance,
        "tab": tab,
        "tabs": _tabs(instance, tab, counts),
        "withdrawn": not shared and not request.user.is_administrator,
        "panel": f"instances/_instance_{tab}.html",
        "progress": task_progress(task) if task and told else None,
        "failure": _failure(request, instance, panel),
        **panel,
    }


def _failure(
    request: Request, instance: Instance, panel: dict[str, Any]
) -> TaskFailure | None:
    """What the last task left behind, when it has failed."""
    failed = instance.failed_task
    if failed is None:
        return None
    log_excerpt = panel.get("log_excerpt") or log_tail(failed)
    return task_failure(failed, instance, log_excerpt, by=request.user)


def _counts(instance: Instance, user: User) -> tuple[Any, ...]:
    """How many rows each tab has, and whether the product is shared with the person."""
    return Instance.objects.filter(pk=instance.pk).values_list(
        CappedCount(instance.tasks.all()),
        CappedCount(instance.resources.all()),
        CappedCount(instance.tags.all()),
        CappedCount(Plan.objects.submitted().filter(instance=instance)),
        Exists(Portfolio.objects.launch_options(instance.product, user)),
    )[0]


def _tabs(instance: Instance, current: str, counts: list[int]) -> list[dict[str, Any]]:
    labels = {
        "tasks": _("Tasks"),
        "resources": _("Resources"),
        "tags": _("Tags"),
        "plans": _("Plans"),
    }
    return [
        {
            "name": name,
            "label": label,
            "url": reverse(f"instances:instance-{name}", args=[instance.pk]),
            "current": name == current,
            "count": count_text(count),
        }
        for (name, label), count in zip(labels.items(), counts, strict=True)
    ]


def _page(request: Request, rows: Any) -> dict[str, Any]:
    size = page_size(request.GET.get("size", ""))
    return {"page": paginate(rows, cursor=request.GET.get("cursor", ""), size=size)}


def _tasks(request: Request, instance: Instance) -> dict[str, Any]:
    """The tasks, newest first; the last one is opened while it runs and when it has failed."""
    tasks = instance.tasks.select_related("version", "created_by").defer(
        "parameters", "secrets", "tags"
    )
    context = _page(request, tasks)
    task = instance.last_task
    rows = context["page"].rows
    if task and rows and rows[0].pk == task.pk and task.status != task.Status.SUCCEEDED:
        log_excerpt = log_tail(task).with_result(task, TaskDiagnostics.of(task).summary)
        context |= {"opened": task, "log_excerpt": log_excerpt}
    return context


def _resources(request: Request, instance: Instance) -> dict[str, Any]:
    return {"resources": instance.resources.all()[:RESOURCES]}


def _tags(request: Request, instance: Instance) -> dict[str, Any]:
    return {"tags": instance.tags.all()}


def _plans(request: Request, instance: Instance) -> dict[str, Any]:
    """The instance's plans; a colleague's is named, but opens only for who may see it."""
    plans = Plan.objects.submitted().light().filter(instance=instance)
    context = _page(
        request, plans.select_related("owner").defer("parameters", "secrets")
    )
    rows = context["page"].rows
    foreign = [row.pk for row in rows if row.owner_id != request.user.pk]
    opens = {row.pk for row in rows} - set(foreign)
    if foreign:
        shown = Plan.objects.shown_to(request.user)
        opens |= set(shown.filter(pk__in=foreign).values_list("pk", flat=True))
    return {**context, "opens": opens}


RESOURCES = 1000
PANELS: dict[str, Panel] = {
    "tasks": _tasks,
    "resources": _resources,
    "tags": _tags,
    "plans": _plans,
}


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
def instance_csv(request: Request) -> HttpResponse | StreamingHttpResponse:
    """Export the filtered list, newest first, at most MAX_CSV_ROWS of it.

    With a filter that cannot be read, show the page that says so: a file would hold more
    than was asked for.
    """
    found = InstanceList(request.user, request.GET.dict(), cookies={})
    if not found.filter.is_valid():
        return instance_list(request)
    # The rows are written when the language of the request is not in force any more.
    cut = _(
        "This file contains only the first %(count)d rows. Use filters to "
        "export fewer rows."
    )
    rows = _csv_rows(found.instances, cut % {"count": MAX_CSV_ROWS})
    return download(chain([_csv_heading()], rows), "instances.csv")


def _csv_rows(found: QuerySet, cut: str) -> Iterator[list[Any]]:
    newest = with_names(found).order_by("-created_at", "-pk").values_list(*CSV_COLUMNS)
    for position, row in enumerate(newest[: MAX_CSV_ROWS + 1].iterator()):
        if position == MAX_CSV_ROWS:
            yield [cut]
            return
        *front, person, role, region, created, stack = row
        moment = f"{created:%Y-%m-%dT%H:%M:%SZ}"
        yield [*front, person or role, region, moment, stack]


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
