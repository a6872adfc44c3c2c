"""The account adapter of allauth: sign-in limits that cannot be bypassed, and audit entries."""

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
# Audited notifications of allauth. Those of MFA methods come after the commit, so that
# console.accounts.factor_changes records them.
CHANGES = {"account/email/password_changed": "ChangePassword"}


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in without self-registration: administrators or single sign-on create users."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    # Rate limits

    def get_client_ip(self, request: HttpRequest) -> str:
        # Clients without an address, as behind a Unix socket, share one counter.
        return client_address(request) or "0.0.0.0"

    def _get_login_attempts_cache_key(
        self, request: HttpRequest, **credentials: Any
    ) -> str:
        """Return the same key for all spellings of a login name and all host names.

        The key of allauth contains the Host header, which the client chooses.
        """
        name = credentials.get("username") or ""
        return unicodedata.normalize("NFKC", name).casefold()

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt for the client address and for the account.

        The address is counted separately: a successful second factor resets the
        failures of the account, but must not reset those of the address. Raises
        ValidationError.
        """
        self._address_usage = ratelimit.consume(
            request, app=LIMITS, action="login_failed_address"
        )
        if not self._address_usage:
            log.warning("too many failed sign-in attempts from one address")
            raise self.validation_error("too_many_login_attempts")
        super().pre_authenticate(request, **credentials)

    def _rollback_login_failed_rl_usage(self) -> None:
        super()._rollback_login_failed_rl_usage()
        if self._address_usage:
            self._address_usage.rollback()

    # Audit entries

    def login(self, request: HttpRequest, user: User) -> None:
        methods = [
            record.get("type") or record["method"]
            for record in get_authentication_records(request, user)
        ]
        SessionStore.clear_expired()
        super().login(request, user)
        request.session[AGENT] = self.get_http_user_agent(request)[:AGENT_LENGTH]
        request.session[ADDRESS] = client_address(request)
        if claims := getattr(request, "sso_claims", None):
            methods_used = claims.get("amr")
            ways = (
                [str(each) for each in methods_used]
                if isinstance(methods_used, list)
                else []
            )
            request.session[PROVEN] = [*ways, MULTIPLE] if settings.OIDC_MFA else ways
        AuditEntry.objects.record("SignIn", user, by=user, after={"methods": methods})

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        if isinstance(user, User):
            AuditEntry.objects.record("SignOut", user, by=user)
        super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Record a failed sign-in. An unknown name is left out: it may be a password."""
        name = credentials.get("username") or ""
        target = find_by_name(User.objects.all(), name, "username") if name else None
        AuditEntry.objects.record("SignInFailed", target, by=None)
        super().authentication_failed(request, **credentials)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        if action := CHANGES.get(template_prefix):
            AuditEntry.objects.record(action, user, by=user)
        super().send_notification_mail(template_prefix, user, context, email)

    # Redirects and reauthentication

    def is_safe_url(self, url: str) -> bool:
        request = context.request
        return url_has_allowed_host_and_scheme(
            url, {request.get_host()}, require_https=request.is_secure()
        )

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_overview")

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return True if the last sign-in is older than the limit.

        With single sign-on and no password it raises ImmediateHttpResponse with a
        redirect to the provider.
        """
        request = context.request
        age = now() - request.session.started_at
        if age.total_seconds() < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
            return False
        if settings.OIDC_URL and not get_reauthentication_flows(request.user):
            # Only the provider can reauthenticate the user.
            back = urlencode({"next": request.path if request.method == "GET" else "/"})
            raise ImmediateHttpResponse(redirect(f"{reverse('sso_again')}?{back}"))
        return True
