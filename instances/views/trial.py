"""*Preview form* of a version: its form as end users see it, and a preview of the result."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from catalog.models import Version
from catalog.views.manage.versions import version_for
from console.lib.access import administrator_required
from console.lib.htmx import wants_fragment
from console.lib.http import Request
from instances.forms.trial import TrialForm
from instances.models import Plan, plan_for
from instances.presenters.plan_preview import PlanPreview
from instances.views import wizard


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def version_try(request: Request, pk: str, version_pk: str) -> HttpResponse:
    """Validate values as a launch does, and preview the resources that they create."""
    version = version_for(pk, version_pk)
    plan = _trial(request, version)
    if plan is not None and request.method != "POST" and wants_fragment(request):
        return _poll(request, plan)
    validate = wizard.is_submitted(request)
    form = TrialForm(version, request.POST, validate=validate, plan=plan)
    context: dict[str, Any] = {"version": version, "form": form, "tab": "try"}
    if form.is_valid():
        started = form.start(by=request.user)
        if started is not None:
            return redirect(_preview(started).url)
        context["values"] = list(form.shown_values())
    elif plan is not None and not validate:
        context["preview"] = _preview(plan)
        context["values"] = list(plan.masked_parameters.items())
    status = 422 if form.errors else 200
    return render(request, "manage/version_try.html", context, status=status)


def _trial(request: Request, version: Version) -> Plan | None:
    """Return the user's trial that the request names. Raises NotFoundError for another."""
    pk = request.POST.get("plan") or request.GET.get("plan")
    if not pk:
        return None
    return plan_for(request.user, pk, owner=request.user, trial=True, version=version)


def _preview(plan: Plan) -> PlanPreview:
    here = [plan.version.product_id, plan.version_id]
    return PlanPreview(
        plan, reverse("instances:version-try", args=here) + f"?plan={plan.pk}"
    )


def _poll(request: Request, plan: Plan) -> HttpResponse:
    if plan.status == Plan.Status.PREVIEW_IN_PROGRESS:
        return HttpResponse(status=204)
    context = {"preview": _preview(plan)}
    return render(request, "instances/_plan_preview.html", context)
