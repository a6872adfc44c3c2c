"""Audited changes of MFA methods and passwords, recorded in the same transaction.

allauth notifies of most changes only after the commit, so the MFA methods before and
after the view are compared here.
"""

from collections.abc import Callable
from functools import wraps

from allauth.account import views as account
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from console.lib.audit import AuditEntry
from console.lib.users import User

View = Callable[..., HttpResponse]
# Audit actions by type of MFA method.
ADDED = {
    "totp": "AddAuthenticatorApp",
    "webauthn": "AddPasskey",
    "recovery_codes": "GenerateRecoveryCodes",
}
REMOVED = {"totp": "RemoveAuthenticatorApp", "webauthn": "RemovePasskey"}


def recorded(view: View) -> View:
    """Wrap a view that changes the user's own MFA methods."""

    @wraps(view)
    def changed(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method != "POST" or not isinstance(request.user, User):
            return view(request, *args, **kwargs)
        with transaction.atomic():
            before = _factors(request.user)
            response = view(request, *args, **kwargs)
            _record(request.user, before, _factors(request.user))
        return response

    return changed


def _factors(person: AbstractBaseUser) -> dict[int, str]:
    """Return the types of all MFA methods and recovery codes by primary key."""
    found = Authenticator.objects.filter(user=person).order_by("pk")
    return dict(found.values_list("pk", "type"))


def _record(person: User, before: dict[int, str], after: dict[int, str]) -> None:
    gone = [kind for pk, kind in before.items() if pk not in after]
    new = [kind for pk, kind in after.items() if pk not in before]
    actions = [REMOVED[kind] for kind in gone if kind in REMOVED]
    if len(new) > 1:
        # Recovery codes that are generated with the first MFA method are part of it.
        new.remove("recovery_codes")
    actions += [ADDED[kind] for kind in new if kind in ADDED]
    for action in actions:
        AuditEntry.objects.record(action, person, by=person)


activate_totp = recorded(totp.activate_totp)
deactivate_totp = recorded(totp.deactivate_totp)
generate_codes = recorded(codes.generate_recovery_codes)
add_passkey = recorded(webauthn.add_webauthn)
remove_passkey = recorded(webauthn.remove_webauthn)
change_password = transaction.atomic(account.password_change)
