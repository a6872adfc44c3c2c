"""The page of a user: holdings, offboarding and its undo, sessions, removal of MFA."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from console.accounts.second_factor import remove_factors
from console.accounts.sessions import Session
from console.lib.access import administrator_required, fresh_sign_in_required
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError
from console.lib.forms import refusals_on, render_form
from console.lib.http import Request
from console.offboarding.forms import OffboardingForm
from console.offboarding.holdings import Holdings, person_for
from console.offboarding.models import Offboarding
from instances.forms.transfer import principal_suggestions


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def person(request: Request, name: str) -> HttpResponse:
    """Show what a user has; deactivate the user and transfer it."""
    found = person_for(name)
    holdings = Holdings(found)
    form = OffboardingForm(holdings, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_on(form):
            offboarding = Offboarding.objects.begin(
                found, by=request.user, **form.verb_values()
            )
            _report(request, offboarding)
            return redirect("offboarding:person", found.get_username())
        found.refresh_from_db(fields=["is_active"])
    context = {
        "person": found,
        "holdings": holdings,
        "form": form,
        "principals": principal_suggestions(without=found),
        "ticked": request.POST.getlist("instance"),
    }
    return render_form(request, "offboarding/person.html", context)


@require_POST
@administrator_required
def undo(request: Request, name: str) -> HttpResponse:
    """Undo the last offboarding of a user."""
    found = person_for(name)
    offboarding = Offboarding.objects.undoable(found)
    if offboarding is None:
        raise ConflictError(_("This can no longer be undone."))
    kept = offboarding.undo(by=request.user)
    messages.success(
        request,
        _("%(name)s has been reactivated.") % {"name": offboarding.user.display_name},
    )
    if kept:
        sentence = _("Not restored because of later changes: %(kept)s.")
        messages.warning(request, sentence % {"kept": ", ".join(kept)})
    return redirect("offboarding:person", found.get_username())


@require_POST
@administrator_required
def end_sessions(request: Request, name: str) -> HttpResponse:
    """Sign a user out of the session named in the request, or of all sessions."""
    found = person_for(name)
    sessions = Session.objects.of(found)
    if key := request.POST.get("session"):
        sessions = sessions.filter(pk=key)
    if ended := sessions.end():
        after = {"ended": ended}
        AuditEntry.objects.record("EndSessions", found, by=request.user, after=after)
    sentence = ngettext(
        "%(count)d browser has been signed out.",
        "%(count)d browsers have been signed out.",
        ended,
    )
    messages.success(request, sentence % {"count": ended})
    return redirect("offboarding:person", found.get_username())


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
@fresh_sign_in_required
def second_factors_remove(request: Request, name: str) -> HttpResponse:
    """Ask for confirmation, then remove the MFA of a user who lost the device."""
    found = person_for(name)
    if request.method != "POST":
        return render(
            request, "offboarding/second_factors_remove.html", {"person": found}
        )
    remove_factors(found, by=request.user)
    messages.success(request, _("MFA has been removed."))
    return redirect("offboarding:person", found.get_username())


def _report(request: Request, offboarding: Offboarding) -> None:
    name: dict[str, Any] = {"name": offboarding.user.display_name}
    messages.success(request, _("%(name)s has been deactivated and signed out.") % name)
    count = len(offboarding.instances)
    if count:
        sentence = ngettext(
            "%(count)d instance was handed over to %(owner)s.",
            "%(count)d instances were handed over to %(owner)s.",
            count,
        )
        owner = {"count": count, "owner": offboarding.new_owner}
        messages.success(request, sentence % owner)
    for each in offboarding.refused:
        messages.warning(request, f"{each.name}: {each.refusal}")
