"""The steps that both wizards share: the draft, its preview, and the plan made from it."""

from contextlib import suppress
from dataclasses import dataclass
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


def requested_draft(request: Request, operation: str, **scope: Any) -> Plan | None:
    """Return the user's draft that the request names; None if it names none.

    The draft can be a plan by now. Raises NotFoundError if it does not exist or belongs to
    another user.
    """
    pk = request.POST.get("plan") or request.GET.get("plan")
    if not pk:
        return None
    mine = {"owner": request.user, "trial": False}
    return plan_for(request.user, pk, operation=operation, **mine, **scope)


def requested_plan(request: Request, operation: str, **scope: Any) -> Plan | None:
    """Return the draft, or the plan to edit, that the request names; None if it names none.

    Raises NotFoundError for a plan of another user, ConflictError for a plan that can no
    longer be edited.
    """
    plan = requested_draft(request, operation, **scope)
    if plan and not plan.draft and plan.status not in Plan.EDITABLE:
        raise ConflictError(
            _("This plan cannot be edited now."), code="IncorrectStatus.Plan"
        )
    return plan


def change_plan(
    request: Request, plan: Plan, spec: ProvisioningSpec, **target: Any
) -> HttpResponse:
    """Edit a submitted plan and redirect to it.

    Raises EditConflictError if it was edited since the page was opened.
    """
    plan.edit(spec, by=request.user, seen=seen_in(request), **target)
    message = _("The plan was changed and is being previewed.")
    flash_preview(request, plan, message)
    return redirect(plan)


def plan_seen(request: Request, plan: Plan | None, *, anew: bool) -> str:
    """Return the stamp of the plan that is being edited; empty for a draft.

    It is that of the page's first response, until a conflict has been shown (`anew`).
    """
    if plan is None or plan.draft:
        return ""
    known = "" if anew else request.POST.get("seen", "")
    return known or shown_now(plan.stamp)


def edit_conflict(
    error: EditConflictError,
    spec: ProvisioningSpec,
    name: str = "",
    region: Region | None = None,
) -> EditConflict:
    """Return the differences between the input and a plan that was edited meanwhile."""
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
    """Submit the draft as a plan and redirect to it; None if the form has errors."""
    if form.is_valid():
        with refusals_on(form):
            draft.submit(**form.cleaned_data, by=request.user)
    if form.errors:
        return None
    messages.success(request, _("The plan was created."))
    return redirect(draft)


def plan_form(request: Request, draft: Plan) -> PlanForm:
    """Return the form for the name of a plan, bound if the request has it."""
    sent = "create_plan" in request.POST
    suggestion = {"name": draft.free_name()}
    return PlanForm(request.POST if sent else None, initial=suggestion)


def latest_open_draft(request: Request, operation: str, **scope: Any) -> Plan | None:
    """Return the user's newest draft that is neither executed nor canceled.

    With it, Back from the review or a new visit shows the values that were entered.
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


def is_submitted(request: Request) -> bool:
    """Return True if Next was chosen, not a button that only redraws the form."""
    return request.method == "POST" and "change" not in request.POST


def cancel_draft(draft: Plan | None, *, by: User) -> None:
    """Cancel a draft that a newer one replaces, unless it was executed."""
    if draft is None or not draft.draft or draft.status not in OPEN:
        return
    # It may have been executed in another window since it was read.
    with suppress(ConflictError):
        draft.cancel(by=by)


def preview_for(plan: Plan, page: str, edit: str, pk: str) -> PlanPreview:
    """Return the preview of a draft with the URLs of its review and of its form."""
    query = f"?plan={plan.pk}"
    return PlanPreview(
        plan,
        url=reverse(f"instances:{page}", args=[pk]) + query,
        edit_url=reverse(f"instances:{edit}", args=[pk]) + query,
    )


def poll_response(request: Request, plan: Plan) -> HttpResponse | None:
    """Answer the poll of a review: unchanged, or reload if the draft cannot go on."""
    if not wants_fragment(request):
        return None
    if plan.status == Plan.Status.PREVIEW_IN_PROGRESS:
        return HttpResponse(status=204)
    if plan.status == Plan.Status.PREVIEW_SUCCESS and not plan.out_of_date:
        return None
    return HttpResponseClientRefresh()


@dataclass(frozen=True)
class WizardStep:
    """A step of a wizard. `state` is done, now or next; `url` leads back to a step."""

    label: str
    hint: str
    state: str
    url: str = ""


def steps(edit_url: str = "", hint: str = "") -> list[WizardStep]:
    """Return the two steps of a wizard; with `edit_url`, the second is the current one."""
    first = WizardStep(
        label=_("Configure"),
        hint=_("Version and parameters"),
        url=edit_url,
        state="done" if edit_url else "now",
    )
    second = WizardStep(
        label=_("Check and confirm"),
        hint=hint or _("Nothing is changed until you confirm"),
        state="now" if edit_url else "next",
    )
    return [first, second]
