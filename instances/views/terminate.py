"""Terminate: a dialog that wants a word typed, and the same as a page."""

from typing import Any

from django import forms
from django.db.models import Case, When
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from catalog.effective_constraints import ApprovalRequiredError, EffectiveConstraints
from console.lib.errors import ConflictError, DomainError
from console.lib.htmx import came_from, render_page
from console.lib.http import Request
from instances.filters import INVISIBLE
from instances.models import Instance, Task, living_instance_for
from instances.views.outcome import flash_task

WORD = "terminate"
WRONG = gettext_lazy("Enter terminate to confirm. The instance has not been changed.")
# So many resources are named, the rest are counted.
NAMED = 20
SHOWN = ("address", "type", "imported_id")
# What was there before the instance must not hide behind the count.
IMPORTED_FIRST = (Case(When(imported_id="", then=1), default=0), "address")


class TerminateForm(forms.Form):
    """The word, in any case; what cannot be seen around it is forgiven, nothing else."""

    confirm = forms.CharField(
        label=gettext_lazy("Enter terminate to confirm"),
        max_length=64,
        strip=False,
        error_messages={"required": WRONG},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
                "data-confirm-word": WORD,
            }
        ),
    )

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed.strip(INVISIBLE).lower() != WORD:
            raise forms.ValidationError(WRONG)
        return typed


@require_http_methods(["GET", "HEAD", "POST"])
def instance_terminate(request: Request, pk: str) -> HttpResponse:
    """Ask for the word, then queue the termination."""
    instance = living_instance_for(request.user, pk)
    if request.method != "POST":
        return _ask(request, instance, TerminateForm())
    back = came_from(request, reverse("instances:instance-list"))
    form = TerminateForm(request.POST)
    if not form.is_valid():
        return _ask(request, instance, form, status=422)
    try:
        task = instance.terminate(by=request.user)
    except (ConflictError, ApprovalRequiredError) as refusal:
        # A message behind an open dialog would not be seen: it is shown inside.
        return _ask(request, instance, form, refusal=refusal, status=refusal.status)
    told = _("Termination of %(name)s has started.") % {"name": instance.name}
    flash_task(request, task, told)
    return redirect(f"{back or _list_with(request, instance)}#instances")


def _list_with(request: Request, instance: Instance) -> str:
    """Return the address of the list that shows the instance."""
    mine = Instance.objects.owned_by(request.user).filter(pk=instance.pk).exists()
    scope = "" if mine else "?access=account"
    return f"{reverse('instances:instance-list')}{scope}"


def _ask(
    request: Request,
    instance: Instance,
    form: TerminateForm,
    *,
    refusal: DomainError | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {"instance": instance, "form": form, "refusal": refusal}
    limits = EffectiveConstraints.of(instance.product, instance.portfolio)
    # The list takes the filters up again where the dialog or page was opened from it.
    context["back"] = came_from(request, reverse("instances:instance-list"))
    context["needs_approval"] = limits.needs_approval(Task.Kind.TERMINATE)
    resources = list(
        instance.resources.order_by(*IMPORTED_FIRST).values(*SHOWN)[: NAMED + 1]
    )
    context["resources"] = resources[:NAMED]
    context["imported"] = instance.resources.exclude(imported_id="").count()
    context["more"] = instance.resources.count() - NAMED if resources[NAMED:] else 0
    return render_page(
        request,
        "instances/terminate.html",
        context,
        fragment="instances/_terminate_dialog.html",
        status=status,
    )
