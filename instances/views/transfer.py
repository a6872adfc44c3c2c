"""Transfer of an instance, or of many from the list, by an administrator."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from console.lib.access import administrator_required
from console.lib.forms import refusals_on, render_form
from console.lib.http import Request
from instances.forms.transfer import TransferForm, principal_suggestions
from instances.models import Instance, living_instance_for

# The longest page of the list.
MAX_INSTANCES = 100


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def instance_transfer(request: Request, pk: str) -> HttpResponse:
    """Ask for the new owner, then transfer the instance, also during a task."""
    instance = living_instance_for(request.user, pk)
    form = TransferForm(
        request.POST if request.method == "POST" else None, record=instance
    )
    if request.method == "POST" and form.is_valid():
        with refusals_on(form):
            instance.transfer(by=request.user, **form.cleaned_data)
            messages.success(
                request,
                _("%(name)s now belongs to %(owner)s.")
                % {"name": instance.name, "owner": instance.principal.display_name},
            )
            return redirect(instance)
    context = {
        "form": form,
        "instance": instance,
        "principals": principal_suggestions(),
    }
    return render_form(request, "instances/instance_transfer.html", context)


@require_POST
@administrator_required
def instances_transfer(request: Request) -> HttpResponse:
    """Transfer the selected instances, and show the result of each."""
    wanted = request.POST.getlist("instance")[:MAX_INSTANCES]
    chosen = Instance.objects.visible_to(request.user).filter(pk__in=wanted)
    form = TransferForm(request.POST)
    context: dict[str, Any] = {"form": form, "principals": principal_suggestions()}
    if not wanted:
        form.add_error(None, _("Select the instances to transfer."))
    elif form.is_valid():
        with refusals_on(form):
            transfers = chosen.transfer(
                by=request.user, seen=_owners_seen(request), **form.cleaned_data
            )
            done = {"transfers": transfers, "to": form.cleaned_data["to"]}
            done["moved"] = sum(each.done for each in transfers)
            return render(request, "instances/instances_transferred.html", done)
    context["instances"] = chosen.order_by("name").select_related("owner", "owner_role")
    context["seen"] = request.POST.getlist("seen")[:MAX_INSTANCES]
    return render_form(request, "instances/instances_transfer.html", context)


def _owners_seen(request: Request) -> dict[str, str]:
    """Return the owner of each instance as the list has shown it."""
    pairs = (
        each.partition(" ") for each in request.POST.getlist("seen")[:MAX_INSTANCES]
    )
    return {pk: mark for pk, _space, mark in pairs}
