"""The update wizard: change, compare the old and new values, update."""

from typing import cast

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from console.lib.edit_conflicts import EditConflictError
from console.lib.errors import ConflictError, DomainError
from console.lib.htmx import render_page
from console.lib.http import Request
from instances.forms.plan import PlanForm
from instances.forms.wizards import UpdateForm
from instances.launch_validation import execute_once
from instances.models import Instance, Plan, Task, living_instance_for, task_for
from instances.presenters.parameter_diff import ParameterDiff, changes_since
from instances.views import wizard
from instances.views.outcome import flash_task


@require_http_methods(["GET", "HEAD", "POST"])
def update(request: Request, pk: str) -> HttpResponse:
    """Step 1: version, launch option, parameters and tags."""
    instance = living_instance_for(request.user, pk)
    origin = _origin(request, instance)
    draft = _draft(request, instance, origin)
    data, validate = request.POST or request.GET, wizard.is_submitted(request)
    form = UpdateForm(
        instance, request.user, data, validate=validate, draft=draft, origin=origin
    )
    blocked = form.validate and (form.superseded or instance.changing)
    conflict = None
    if not blocked and form.is_valid():
        try:
            return _next(request, instance, form, draft)
        except EditConflictError as error:
            conflict = form.conflict = wizard.edit_conflict(error, form.spec)
            draft = cast(Plan, error.record)
    context = {
        "form": form,
        "instance": instance,
        "draft": draft,
        "plan_seen": wizard.plan_seen(request, draft, anew=bool(conflict)),
        "since": changes_since(instance, form.base_task) if form.superseded else [],
        "steps": wizard.steps(),
    }
    return render_page(
        request,
        "instances/update.html",
        context,
        fragment="instances/_update_form.html",
        status=409 if blocked or conflict else 422 if form.errors else 200,
    )


def _origin(request: Request, instance: Instance) -> Task | None:
    """Return the task that the request names: its values fill the form."""
    pk = request.POST.get("from") or request.GET.get("from")
    return task_for(request.user, instance, pk) if pk else None


def _draft(request: Request, instance: Instance, origin: Task | None) -> Plan | None:
    """Return the draft to continue; None if it is superseded or the form starts from a task."""
    kind = Task.Kind.UPDATE
    named = wizard.requested_plan(request, kind, instance=instance)
    if named is not None or origin is not None:
        return named
    return wizard.latest_open_draft(
        request, kind, instance=instance, base_task=instance.last_task
    )


def _next(
    request: Request, instance: Instance, form: UpdateForm, draft: Plan | None
) -> HttpResponse:
    try:
        instance.check_differs(form.spec)
    except ConflictError as refusal:
        messages.info(request, str(refusal))
        return redirect("instances:update", instance.pk)
    if draft is not None and not draft.draft:
        return wizard.change_plan(request, draft, form.spec)
    plan = Plan.objects.draft_for(
        Task.Kind.UPDATE,
        form.spec,
        by=request.user,
        region=instance.region,
        instance=instance,
    )
    wizard.cancel_draft(draft, by=request.user)
    review = wizard.preview_for(plan, "update-review", "update", instance.pk)
    return redirect(review.url)


@require_http_methods(["GET", "HEAD", "POST"])
def update_review(request: Request, pk: str) -> HttpResponse:
    """Step 2: the changed settings and resources; then Update or Cancel."""
    instance = living_instance_for(request.user, pk)
    plan = wizard.requested_draft(request, Task.Kind.UPDATE, instance=instance)
    if plan is None:
        messages.info(request, _("Make a change first, and then check and confirm."))
        return redirect("instances:update", pk)
    if not plan.draft:
        return redirect(plan)
    if request.method == "POST":
        return _answer(request, instance, plan)
    if plan.status == Plan.Status.CANCELED:
        messages.info(
            request, _("This draft was canceled. Continue from it, or start over.")
        )
        return redirect(
            wizard.preview_for(plan, "update-review", "update", pk).edit_url
        )
    if plan.executed:
        return redirect(instance)
    return wizard.poll_response(request, plan) or _review(request, instance, plan)


def _answer(request: Request, instance: Instance, plan: Plan) -> HttpResponse:
    if "cancel" in request.POST:
        wizard.cancel_draft(plan, by=request.user)
        messages.info(request, _("Canceled. Nothing was changed."))
        return redirect(instance)
    if "check_again" in request.POST and not plan.out_of_date:
        plan.preview_again(by=request.user)
        return redirect(
            wizard.preview_for(plan, "update-review", "update", instance.pk).url
        )
    if "create_plan" in request.POST:
        form = wizard.plan_form(request, plan)
        made = wizard.make_plan(request, plan, form)
        return made or _review(request, instance, plan, form=form)
    return _execute(request, instance, plan)


def _execute(request: Request, instance: Instance, plan: Plan) -> HttpResponse:
    try:
        task = execute_once(
            plan, by=request.user, unchecked="unchecked" in request.POST
        )
    except DomainError as refusal:
        # Shown on the review, which has a link to edit the input.
        return _review(request, instance, plan, refusal)
    flash_task(request, task, _("%(name)s is being updated.") % {"name": instance.name})
    return redirect(instance)


def _review(
    request: Request,
    instance: Instance,
    plan: Plan,
    refusal: DomainError | None = None,
    form: PlanForm | None = None,
) -> HttpResponse:
    preview = wizard.preview_for(plan, "update-review", "update", instance.pk)
    diff = ParameterDiff.of_update(plan, instance)
    context = {
        "plan": plan,
        "instance": instance,
        "preview": preview,
        "parameter_diff": diff,
        "since": changes_since(instance, plan.base_task_id or "")
        if plan.out_of_date
        else [],
        "refusal": refusal,
        # Lazy, because the answer to a poll has no form.
        "form": form or SimpleLazyObject(lambda: wizard.plan_form(request, plan)),
        "steps": wizard.steps(preview.edit_url, diff.changes_text),
    }
    return render_page(
        request,
        "instances/update_review.html",
        context,
        fragment="instances/review_poll.html",
        status=409 if refusal else 422 if form else 200,
    )
