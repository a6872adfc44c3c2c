"""The launch wizard: configure, check and confirm, launch."""

from typing import cast

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from catalog.models import Product
from catalog.models.product import product_for
from console.lib.edit_conflicts import EditConflictError
from console.lib.errors import DomainError
from console.lib.htmx import render_page
from console.lib.http import Request
from instances.forms.plan import PlanForm
from instances.forms.wizards import LaunchForm
from instances.launch_validation import LaunchSpec, execute_once
from instances.models import Plan, Task
from instances.presenters.parameter_diff import ParameterDiff
from instances.views import wizard
from instances.views.outcome import flash_task


@require_http_methods(["GET", "HEAD", "POST"])
def launch(request: Request, pk: str) -> HttpResponse:
    """Step 1: choices, tags and the parameters of the chosen version."""
    product = product_for(request.user, pk)
    draft = _draft(request, product)
    data, validate = request.POST or request.GET, wizard.is_submitted(request)
    form = LaunchForm(product, request.user, data, validate=validate, draft=draft)
    conflict = None
    if form.is_valid():
        try:
            return _next(request, pk, form.spec, draft)
        except EditConflictError as error:
            launch_spec = form.spec
            conflict = wizard.edit_conflict(
                error, launch_spec.spec, launch_spec.name, launch_spec.region
            )
            form.conflict, draft = conflict, cast(Plan, error.record)
    context = {
        "form": form,
        "product": product,
        "draft": draft,
        "plan_seen": wizard.plan_seen(request, draft, anew=bool(conflict)),
        "steps": wizard.steps(),
    }
    return render_page(
        request,
        "instances/launch.html",
        context,
        fragment="instances/_launch_form.html",
        status=409 if conflict else 422 if form.errors else 200,
    )


def _next(
    request: Request, pk: str, launch_spec: LaunchSpec, draft: Plan | None
) -> HttpResponse:
    if draft is not None and not draft.draft:
        target = {"instance_name": launch_spec.name, "region": launch_spec.region}
        return wizard.change_plan(request, draft, launch_spec.spec, **target)
    plan = launch_spec.draft(by=request.user)
    wizard.cancel_draft(draft, by=request.user)
    review = wizard.preview_for(plan, "launch-review", "launch", pk)
    return redirect(review.url)


def _draft(request: Request, product: Product) -> Plan | None:
    kind = Task.Kind.LAUNCH
    return wizard.requested_plan(
        request, kind, version__product=product
    ) or wizard.latest_open_draft(request, kind, version__product=product)


@require_http_methods(["GET", "HEAD", "POST"])
def launch_review(request: Request, pk: str) -> HttpResponse:
    """Step 2: the configuration and the resources that it creates; then Launch or Cancel."""
    plan = wizard.requested_draft(request, Task.Kind.LAUNCH, version__product_id=pk)
    if plan is None:
        product_for(request.user, pk)
        messages.info(
            request, _("Configure the product first, and then check and confirm.")
        )
        return redirect("instances:launch", pk)
    if not plan.draft:
        return redirect(plan)
    if request.method == "POST":
        return _answer(request, pk, plan)
    if plan.status == Plan.Status.CANCELED:
        messages.info(
            request, _("This draft was canceled. Continue from it, or start over.")
        )
        return redirect(
            wizard.preview_for(plan, "launch-review", "launch", pk).edit_url
        )
    if plan.executed:
        return redirect(plan.task.instance)
    return wizard.poll_response(request, plan) or _review(request, pk, plan)


def _answer(request: Request, pk: str, plan: Plan) -> HttpResponse:
    if "cancel" in request.POST:
        wizard.cancel_draft(plan, by=request.user)
        messages.info(request, _("Canceled. Nothing was launched."))
        return redirect(plan.version.product)
    if "check_again" in request.POST and not plan.out_of_date:
        plan.preview_again(by=request.user)
        return redirect(wizard.preview_for(plan, "launch-review", "launch", pk).url)
    if "create_plan" in request.POST:
        form = wizard.plan_form(request, plan)
        made = wizard.make_plan(request, plan, form)
        return made or _review(request, pk, plan, form=form)
    return _execute(request, pk, plan)


def _execute(request: Request, pk: str, plan: Plan) -> HttpResponse:
    try:
        task = execute_once(
            plan, by=request.user, unchecked="unchecked" in request.POST
        )
    except DomainError as refusal:
        # Shown on the review, which has a link to edit the input.
        return _review(request, pk, plan, refusal)
    message = _("%(name)s is being launched.") % {"name": plan.instance_name}
    flash_task(request, task, message)
    return redirect(task.instance)


def _review(
    request: Request,
    pk: str,
    plan: Plan,
    refusal: DomainError | None = None,
    form: PlanForm | None = None,
) -> HttpResponse:
    preview = wizard.preview_for(plan, "launch-review", "launch", pk)
    context = {
        "plan": plan,
        "product": plan.version.product,
        "preview": preview,
        "parameter_diff": ParameterDiff.of_launch(plan),
        "refusal": refusal,
        # Lazy, because the answer to a poll has no form.
        "form": form or SimpleLazyObject(lambda: wizard.plan_form(request, plan)),
        "steps": wizard.steps(preview.edit_url),
    }
    return render_page(
        request,
        "instances/launch_review.html",
        context,
        fragment="instances/review_poll.html",
        status=409 if refusal else 422 if form else 200,
    )
