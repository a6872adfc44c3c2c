"""Changes of second factors, and of the password: on record in the transaction that makes them.

allauth tells of most of them only after the commit; what was there before and after is
compared here instead.
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
# What is told when one appears, and when one goes.
ADDED = {
    "totp": "AddAuthenticatorApp",
    "webauthn": "AddPasskey",
    "recovery_codes": "GenerateRecoveryCodes",
}
REMOVED = {"totp": "RemoveAuthenticatorApp", "webauthn": "RemovePasskey"}


def recorded(view: View) -> View:
    """A page that changes one's own second factors."""

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
    """Second factors and recovery codes, by what they are."""
    found = Authenticator.objects.filter(user=person).order_by("pk")
    return dict(found.values_list("pk", "type"))


def _record(person: User, before: dict[int, str], after: dict[int, str]) -> None:
    gone = [kind for pk, kind in before.items() if pk not in after]
    new = [kind for pk, kind in after.items() if pk not in before]
    told = [REMOVED[kind] for kind in gone if kind in REMOVED]
    if len(new) > 1:
        # The codes that come with a first factor are part of it.
        new.remove("recovery_codes")
    told += [ADDED[kind] for kind in new if kind in ADDED]
    for action in told:
        AuditEntry.objects.record(action, person, by=person)


activate_totp = recorded(totp.activate_totp)
deactivate_totp = recorded(totp.deactivate_totp)
generate_codes = recorded(codes.generate_recovery_codes)
add_passkey = recorded(webauthn.add_webauthn)
remove_passkey = recorded(webauthn.remove_webauthn)
change_password = transaction.atomic(account.password_change)
