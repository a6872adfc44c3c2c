"""allauth's rules of signing in, with ours: limits nobody gets around, and everything on record."""

import logging
import unicodedata
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import now

from console.accounts.second_factor import MULTIPLE, PROVEN
from console.accounts.sessions import ADDRESS, AGENT, AGENT_LENGTH, SessionStore
from console.lib.audit import AuditEntry
from console.lib.names import find_by_name
from console.lib.users import User
from console.middleware import client_address

log = logging.getLogger(__name__)

LIMITS = "allauth.account"
# What allauth tells people by mail is what the audit trail wants to know; of second factors
# it tells too late, see console.accounts.factor_changes.
CHANGES = {"account/email/password_changed": "ChangePassword"}


class AccountAdapter(DefaultAccountAdapter):
    """People are made by administrators, or by single sign-on: nobody signs up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    # Limits

    def get_client_ip(self, request: HttpRequest) -> str:
        # One bucket for whoever has no address, as behind a socket.
        return client_address(request) or "0.0.0.0"

    def _get_login_attempts_cache_key(
        self, request: HttpRequest, **credentials: Any
    ) -> str:
        """One key for an account, however its name is spelled and whichever host is asked.

        allauth's own key holds the Host header, and with it a port of the caller's choice.
        """
        name = credentials.get("username") or ""
        return unicodedata.normalize("NFKC", name).casefold()

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt, for the address and for the account. Raises ValidationError.

        The address is counted apart: a second factor that is proven clears the failures of
        its account, and must not clear those of everybody at the address.
        """
        self._address_usage = ratelimit.consume(
            request, app=LIMITS, action="login_failed_address"
        )
        if not self._address_usage:
            log.warning("too many failed sign-ins from one address")
            raise self.validation_error("too_many_login_attempts")
        super().pre_authenticate(request, **credentials)

    def _rollback_login_failed_rl_usage(self) -> None:
        super()._rollback_login_failed_rl_usage()
        if self._address_usage:
            self._address_usage.rollback()

    # What is put on record

    def login(self, request: HttpRequest, user: Any) -> None:
        methods = [
            record.get("type") or record["method"]
            for record in get_authentication_records(request, user)
        ]
        SessionStore.clear_expired()
        super().login(request, user)
        request.session[AGENT] = self.get_http_user_agent(request)[:AGENT_LENGTH]
        request.session[ADDRESS] = client_address(request)
        if claims := getattr(request, "sso_claims", None):
            told = claims.get("amr")
            ways = [str(each) for each in told] if isinstance(told, list) else []
            request.session[PROVEN] = [*ways, MULTIPLE] if settings.OIDC_MFA else ways
        AuditEntry.objects.record("SignIn", user, by=user, after={"methods": methods})

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        if isinstance(user, User):
            AuditEntry.objects.record("SignOut", user, by=user)
        super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Put a failed attempt on record: a name nobody has may be a password, so not that."""
        name = credentials.get("username") or ""
        target = find_by_name(User.objects.all(), name, "username") if name else None
        AuditEntry.objects.record("SignInFailed", target, by=None)
        super().authentication_failed(request, **credentials)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Any,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        if action := CHANGES.get(template_prefix):
            AuditEntry.objects.record(action, user, by=user)
        super().send_notification_mail(template_prefix, user, context, email)

    # Where to go, and when to ask again

    def is_safe_url(self, url: str) -> bool:
        request = context.request
        return url_has_allowed_host_and_scheme(
            url, {request.get_host()}, require_https=request.is_secure()
        )

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_overview")

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Who signed in a moment ago need not prove it again."""
        request = context.request
        age = now() - request.session.started_at
        if age.total_seconds() < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
            return False
        if settings.OIDC_URL and not get_reauthentication_flows(request.user):
            # Only the provider can say who it is.
            back = urlencode({"next": request.path if request.method == "GET" else "/"})
            raise ImmediateHttpResponse(redirect(f"{reverse('sso_again')}?{back}"))
        return True
