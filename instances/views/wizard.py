"""What the launch and update wizards share: the draft between their pages, and its end."""

from contextlib import suppress
from typing import Any, cast

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRefresh

from catalog.models import Region
from console.lib.edit_conflicts import (
    Difference,
    EditConflict,
    EditConflictError,
    shown_now,
)
from console.lib.errors import ConflictError
from console.lib.forms import refusals_on, seen_in
from console.lib.htmx import wants_fragment
from console.lib.http import Request
from console.lib.users import User
from instances.forms.plan import PlanForm
from instances.models import Plan, ProvisioningSpec, plan_for
from instances.presenters.parameter_diff import ParameterDiff
from instances.presenters.plan_preview import PlanPreview
from instances.views.outcome import flash_preview

OPEN = (
    Plan.Status.PREVIEW_IN_PROGRESS,
    Plan.Status.PREVIEW_SUCCESS,
    Plan.Status.PREVIEW_FAILED,
)


def draft_of(request: Request, operation: str, **scope: Any) -> Plan | None:
    """Return the caller's own draft that the request names, or None when it names none.

    It may have become a plan meanwhile. Raises NotFoundError for a foreign or missing one.
    """
    pk = request.POST.get("plan") or request.GET.get("plan")
    if not pk:
        return None
    mine = {"owner": request.user, "trial": False}
    return plan_for(request.user, pk, operation=operation, **mine, **scope)


def start_of(request: Request, operation: str, **scope: Any) -> Plan | None:
    """Return the draft, or the plan to be edited, that the request names, if any.

    Raises NotFoundError for another's, ConflictError for a plan that can no longer be edited.
    """
    plan = draft_of(request, operation, **scope)
    if plan and not plan.draft and plan.status not in Plan.EDITABLE:
        raise ConflictError(
            _("This plan cannot be edited now."), code="IncorrectStatus.Plan"
        )
    return plan


def change_plan(
    request: Request, plan: Plan, spec: ProvisioningSpec, **target: Any
) -> HttpResponse:
    """Edit a plan that people see already, and lead back to it.

    Raises EditConflictError when it was edited since the page was opened.
    """
    plan.edit(spec, by=request.user, seen=seen_in(request), **target)
    told = _("The plan was changed and is being previewed.")
    flash_preview(request, plan, told)
    return redirect(plan)


def plan_seen(request: Request, plan: Plan | None, *, anew: bool) -> str:
    """The stamp that the page of a plan's edit carries; empty for a draft.

    It is the one of the page's first answer, until a conflict has been shown (`anew`).
    """
    if plan is None or plan.draft:
        return ""
    known = "" if anew else request.POST.get("seen", "")
    return known or shown_now(plan.stamp)


def conflict_of(
    error: EditConflictError,
    spec: ProvisioningSpec,
    name: str = "",
    region: Region | None = None,
) -> EditConflict:
    """Return the conflict of a plan that was edited since: mine beside what is stored."""
    plan = cast(Plan, error.record)
    rows = [
        Difference(row.label, row.after, row.before, kept=False)
        for row in ParameterDiff(spec, plan.spec).changed_rows
    ]
    if name and name != plan.instance_name:
        label = _("Product instance name")
        rows.insert(0, Difference(label, name, plan.instance_name, kept=False))
    if region is not None and region != plan.region:
        label = _("Stack region")
        stored = str(plan.region)
        rows.insert(0, Difference(label, str(region), stored, kept=False))
    return EditConflict(error.message, rows)


def make_plan(request: Request, draft: Plan, form: PlanForm) -> HttpResponse | None:
    """Make the draft a plan and lead to it; None when the form has errors."""
    if form.is_valid():
        with refusals_on(form):
            draft.submit(**form.cleaned_data, by=request.user)
    if form.errors:
        return None
    messages.success(request, _("The plan was created."))
    return redirect(draft)


def plan_form(request: Request, draft: Plan) -> PlanForm:
    """The form that names the plan; bound when it was sent."""
    sent = "create_plan" in request.POST
    suggestion = {"name": draft.free_name()}
    return PlanForm(request.POST if sent else None, initial=suggestion)


def open_draft(request: Request, operation: str, **scope: Any) -> Plan | None:
    """Return the caller's newest draft that is neither executed nor canceled.

    So the browser's Back from the review, or a new visit, finds what was entered.
    """
    if request.method == "POST" or "new" in request.GET:
        return None
    pk = (
        Plan.objects.filter(
            owner=request.user,
            draft=True,
            trial=False,
            operation=operation,
            **scope,
        )
        .filter(status__in=OPEN)
        .order_by("-created_at")
        .values_list("pk", flat=True)
        .first()
    )
    return plan_for(request.user, pk) if pk else None


def is_final(request: Request) -> bool:
    """Whether Next was pressed, and not a button that only shows the form differently."""
    return request.method == "POST" and "change" not in request.POST


def withdraw(draft: Plan | None, *, by: User) -> None:
    """Cancel a draft that a newer one replaces; one that was executed stays as it is."""
    if draft is None or not draft.draft or draft.status not in OPEN:
        return
    # Executed at this very moment in another window: then it stays as well.
    with suppress(ConflictError):
        draft.cancel(by=by)


def preview_of(plan: Plan, page: str, edit: str, pk: str) -> PlanPreview:
    """Return the preview with the addresses of its page and of the one to go back to."""
    query = f"?plan={plan.pk}"
    return PlanPreview(
        plan,
        url=reverse(f"instances:{page}", args=[pk]) + query,
        edit_url=reverse(f"instances:{edit}", args=[pk]) + query,
    )


def poll_answer(request: Request, plan: Plan) -> HttpResponse | None:
    """Answer a polling review: nothing new, or load the page again when it cannot go on."""
    if not wants_fragment(request):
        return None
    if plan.status == Plan.Status.PREVIEW_IN_PROGRESS:
        return HttpResponse(status=204)
    if plan.status == Plan.Status.PREVIEW_SUCCESS and not plan.out_of_date:
        return None
    return HttpResponseClientRefresh()


def steps(edit_url: str = "", hint: str = "") -> list[dict[str, str]]:
    """The wizard's two steps; with an address to go back to, the second is the current one."""
    first = {
        "label": _("Configure"),
        "hint": _("Version and parameters"),
        "url": edit_url,
        "state": "done" if edit_url else "now",
    }
    second = {
        "label": _("Check and confirm"),
        "hint": hint or _("Nothing is changed until you confirm"),
        "state": "now" if edit_url else "next",
    }
    return [first, second]
