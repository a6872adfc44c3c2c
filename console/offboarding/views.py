"""The page of one person: what they own, approve and hold, and the button that ends it."""

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
from console.offboarding.forms import DepartureForm
from console.offboarding.holdings import Holdings, person_for
from console.offboarding.models import Departure
from instances.forms.transfer import suggestions


@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def person(request: Request, name: str) -> HttpResponse:
    """Show everything somebody has; deactivate them and hand it over."""
    found = person_for(name)
    holdings = Holdings(found)
    form = DepartureForm(holdings, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with refusals_on(form):
            departure = Departure.objects.begin(
                found, by=request.user, **form.arguments
            )
            _tell(request, departure)
            return redirect("offboarding:person", found.get_username())
        found.refresh_from_db(fields=["is_active"])
    context = {
        "person": found,
        "holdings": holdings,
        "form": form,
        "principals": suggestions(without=found),
        "ticked": request.POST.getlist("instance"),
    }
    return render_form(request, "offboarding/person.html", context)


@require_POST
@administrator_required
def undo(request: Request, name: str) -> HttpResponse:
    """Take the last departure back: what nobody changed since goes back to the person."""
    found = person_for(name)
    departure = Departure.objects.undoable(found)
    if departure is None:
        raise ConflictError(_("This can no longer be undone."))
    kept = departure.undo(by=request.user)
    messages.success(
        request,
        _("%(name)s has been reactivated.") % {"name": departure.user.display_name},
    )
    if kept:
        sentence = _("Not restored because of later changes: %(kept)s.")
        messages.warning(request, sentence % {"kept": ", ".join(kept)})
    return redirect("offboarding:person", found.get_username())


@require_POST
@administrator_required
def end_sessions(request: Request, name: str) -> HttpResponse:
    """Sign somebody out: of one browser, or without its name of all."""
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
    """Ask, then let somebody who lost their second factor in without it."""
    found = person_for(name)
    if request.method != "POST":
        return render(request, "offboarding/second_factors_remove.html", {"person": found})
    remove_factors(found, by=request.user)
    messages.success(request, _("MFA has been removed."))
    return redirect("offboarding:person", found.get_username())


def _tell(request: Request, departure: Departure) -> None:
    name: dict[str, Any] = {"name": departure.user.display_name}
    messages.success(request, _("%(name)s has been deactivated and signed out.") % name)
    count = len(departure.instances)
    if count:
        sentence = ngettext(
            "%(count)d instance was handed over to %(owner)s.",
            "%(count)d instances were handed over to %(owner)s.",
            count,
        )
        owner = {"count": count, "owner": departure.new_owner}
        messages.success(request, sentence % owner)
    for each in departure.refused:
        messages.warning(request, f"{each.name}: {each.refusal}")
