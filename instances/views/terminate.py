"""Termination: a dialog, or a page, that requires a word to confirm."""

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
from instances.filters import INVISIBLE_CHARACTERS
from instances.models import Instance, Task, living_instance_for
from instances.views.outcome import flash_task

CONFIRMATION_WORD = "terminate"
WRONG_CONFIRMATION = gettext_lazy(
    "Enter terminate to confirm. The instance has not been changed."
)
MAX_RESOURCES_SHOWN = 20
RESOURCE_FIELDS = ("address", "type", "imported_id")
# Resources that existed before the instance must be visible, not only counted.
IMPORTED_FIRST = (Case(When(imported_id="", then=1), default=0), "address")


class TerminateForm(forms.Form):
    """The confirmation word, in any case; invisible characters around it are ignored."""

    confirm = forms.CharField(
        label=gettext_lazy("Enter terminate to confirm"),
        max_length=64,
        strip=False,
        error_messages={"required": WRONG_CONFIRMATION},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
                "data-confirm-word": CONFIRMATION_WORD,
            }
        ),
    )

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed.strip(INVISIBLE_CHARACTERS).lower() != CONFIRMATION_WORD:
            raise forms.ValidationError(WRONG_CONFIRMATION)
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
        # Shown in the dialog, which covers the messages of the page.
        return _ask(request, instance, form, refusal=refusal, status=refusal.status)
    message = _("Termination of %(name)s has started.") % {"name": instance.name}
    flash_task(request, task, message)
    return redirect(f"{back or _list_with(request, instance)}#instances")


def _list_with(request: Request, instance: Instance) -> str:
    """Return the URL of the list that has the instance."""
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
    # If the dialog was opened from the list, the user returns to its filters.
    context["back"] = came_from(request, reverse("instances:instance-list"))
    context["needs_approval"] = limits.needs_approval(Task.Kind.TERMINATE)
    resources = list(
        instance.resources.order_by(*IMPORTED_FIRST).values(*RESOURCE_FIELDS)[
            : MAX_RESOURCES_SHOWN + 1
        ]
    )
    context["resources"] = resources[:MAX_RESOURCES_SHOWN]
    context["imported"] = instance.resources.exclude(imported_id="").count()
    context["more_resources"] = (
        instance.resources.count() - MAX_RESOURCES_SHOWN
        if resources[MAX_RESOURCES_SHOWN:]
        else 0
    )
    return render_page(
        request,
        "instances/terminate.html",
        context,
        fragment="instances/_terminate_dialog.html",
        status=status,
    )
