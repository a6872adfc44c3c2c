"""Pages of plans: the lists, a plan, and the actions of its owner and its approvers."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from console.lib.errors import DomainError
from console.lib.forms import refusals_on
from console.lib.htmx import redirect_back, render_page, wants_fragment
from console.lib.http import Request
from instances.forms.plan import DecisionForm, PlanForm
from instances.launch_validation import execute_once
from instances.models import Plan, Task, living_instance_for, plan_for
from instances.presenters.plan_detail import PlanDetail
from instances.presenters.plan_list import PlanList
from instances.views.outcome import flash_preview, flash_task


@require_safe
def plan_list(request: Request) -> HttpResponse:
    found = PlanList(request.user, request.GET.dict())
    return render_page(
        request,
        "instances/plan_list.html",
        {"plan_list": found, "page": found.page},
        fragment="instances/_plan_table.html",
    )


@require_safe
def plan_detail(request: Request, pk: str) -> HttpResponse:
    page = PlanDetail(_plan(request, pk), request.user)
    if wants_fragment(request) and page.poll_token == request.GET.get("seen"):
        return HttpResponse(status=204)
    return _show(request, page)


@require_POST
def plan_decide(request: Request, pk: str) -> HttpResponse:
    """Approve or reject the preview that the approver has seen."""
    plan = _plan(request, pk)
    form = DecisionForm(request.POST)
    verb = plan.reject if "reject" in request.POST else plan.approve
    if form.is_valid():
        with refusals_on(form):
            verb(by=request.user, **form.cleaned_data)
    if form.errors:
        plan.refresh_from_db(fields=["status", "digest"])
        return _show(request, PlanDetail(plan, request.user), form, status=409)
    messages.success(request, _("Your response has been recorded."))
    return redirect(plan)


@require_http_methods(["GET", "HEAD", "POST"])
def plan_execute(request: Request, pk: str) -> HttpResponse:
    """Execute the plan; ask for confirmation if it destroys resources."""
    page = PlanDetail(_plan(request, pk), request.user)
    plan = page.plan
    sure = not page.destructive or "sure" in request.POST
    if request.method != "POST" or not sure:
        text = _(
            "Resources that this plan replaces or removes are destroyed. This cannot be "
            "undone."
        )
        return _ask(request, plan, _("Execute plan"), text, icon="play")
    try:
        task = execute_once(plan, by=request.user)
    except DomainError as refusal:
        # Shown on the plan's page, which has the next actions.
        fresh = PlanDetail(_plan(request, pk), request.user)
        return _show(request, fresh, refusal=refusal, status=409)
    flash_task(request, task, _("The plan is being executed."))
    return redirect(plan)


@require_http_methods(["GET", "HEAD", "POST"])
def plan_cancel(request: Request, pk: str) -> HttpResponse:
    """Ask for confirmation, then cancel the plan."""
    plan = _plan(request, pk)
    if request.method != "POST":
        text = _(
            "After the plan is canceled, it can no longer be approved or executed. No "
            "resources are changed."
        )
        return _ask(request, plan, _("Cancel plan"), text, icon="ban")
    plan.cancel(by=request.user)
    messages.success(request, _("The plan was canceled."))
    return redirect(plan)


@require_http_methods(["GET", "HEAD", "POST"])
def plan_delete(request: Request, pk: str) -> HttpResponse:
    """Ask for confirmation, then delete the plan with its approval history."""
    plan = _plan(request, pk)
    if request.method != "POST":
        text = _("The preview and approval history of the plan are also deleted.")
        return _ask(request, plan, _("Delete plan"), text, icon="trash-2")
    plan.remove(by=request.user)
    messages.success(request, _("The plan was deleted."))
    return redirect_back(request, "instances:plan-list")


@require_POST
def plan_preview(request: Request, pk: str) -> HttpResponse:
    """Preview the plan again against the present state."""
    plan = _plan(request, pk)
    plan.preview_again(by=request.user)
    flash_preview(request, plan, _("The plan is being previewed again."))
    return redirect(plan)


@require_http_methods(["GET", "HEAD", "POST"])
def terminate_plan(request: Request, pk: str) -> HttpResponse:
    """Create a plan for a termination, which is previewed before it is executed."""
    instance = living_instance_for(request.user, pk)
    suggestion = {"name": _("Terminate %(name)s") % {"name": instance.name}}
    form = PlanForm(request.POST or None, initial=suggestion)
    if request.method == "POST" and form.is_valid():
        with refusals_on(form):
            plan = Plan.objects.submit(
                Task.Kind.TERMINATE,
                instance.current(),
                **form.cleaned_data,
                by=request.user,
                region=instance.region,
                instance=instance,
            )
            return redirect(plan)
    context = {"instance": instance, "form": form}
    status = 422 if form.errors else 200
    return render(request, "instances/terminate_plan.html", context, status=status)


def _plan(request: Request, pk: str) -> Plan:
    return plan_for(request.user, pk, draft=False)


def _ask(
    request: Request, plan: Plan, title: str, text: str, *, icon: str
) -> HttpResponse:
    context = {"plan": plan, "title": title, "text": text, "icon": icon}
    return render(request, "instances/plan_confirm.html", context)


def _show(
    request: Request,
    page: PlanDetail,
    form: DecisionForm | None = None,
    *,
    refusal: DomainError | None = None,
    status: int = 200,
) -> HttpResponse:
    seen = {"seen": page.plan.digest}
    context: dict[str, Any] = {
        "page": page,
        "plan": page.plan,
        "preview": page.preview,
        "form": form or DecisionForm(initial=seen),
        "refusal": refusal,
    }
    return render_page(
        request,
        "instances/plan_detail.html",
        context,
        fragment="instances/_plan_detail.html",
        status=status,
    )
