"""The account pages of a user: overview, sessions and password."""

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from console.accounts import factor_changes
from console.accounts.second_factor import factors_of, passkeys_possible
from console.accounts.sessions import Session, row_key
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, NotFoundError
from console.lib.http import Request

MAX_SESSIONS_SHOWN = 100


@require_safe
def account_overview(request: Request) -> HttpResponse:
    """Show the user's password, MFA methods, sessions and keys."""
    person = request.user
    factors = list(factors_of(person).order_by("type", "pk"))
    codes = Authenticator.objects.filter(user=person, type="recovery_codes").first()
    context = {
        "person": person,
        "has_password": person.has_usable_password(),
        "app": next((each for each in factors if each.type == "totp"), None),
        "passkeys": [each for each in factors if each.type == "webauthn"],
        "passkeys_possible": passkeys_possible(request),
        "codes": codes,
        "unused": len(codes.wrap().get_unused_codes()) if codes else 0,
        "sessions": Session.objects.of(person).count(),
        "required": "required" in request.GET,
    }
    return render(request, "account/overview.html", context)


@require_safe
def second_factors(request: Request) -> HttpResponse:
    """Redirect to the overview, which contains the MFA methods."""
    return redirect("account_overview")


@require_safe
def session_list(request: Request) -> HttpResponse:
    """List the user's sessions."""
    sessions = list(Session.objects.of(request.user)[:MAX_SESSIONS_SHOWN])
    context = {"sessions": sessions, "mine": row_key(request.session.session_key)}
    return render(request, "account/session_list.html", context)


@require_POST
def session_end(request: Request) -> HttpResponse:
    """End one session, or with `others` all except the current one."""
    sessions = Session.objects.of(request.user)
    mine = row_key(request.session.session_key)
    if "others" in request.POST:
        ended = sessions.exclude(pk=mine).end()
    else:
        ended = sessions.filter(pk=request.POST.get("session", "")).end()
        if not ended:
            raise NotFoundError(_("The session does not exist."))
    if ended:
        AuditEntry.objects.record(
            "EndSessions", request.user, by=request.user, after={"ended": ended}
        )
    sentence = ngettext(
        "%(count)d browser has been signed out.",
        "%(count)d browsers have been signed out.",
        ended,
    )
    messages.success(request, sentence % {"count": ended})
    return redirect("account_sessions")


def password_change(request: Request) -> HttpResponse:
    """Change the password. Users of single sign-on have none."""
    if not request.user.has_usable_password():
        raise ConflictError(
            _("You sign in through single sign-on, so you do not have a password.")
        )
    return factor_changes.change_password(request)
