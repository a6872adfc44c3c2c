"""Single sign-on: users are created at their first sign-in, groups follow the provider."""

import logging
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.decorators import rate_limit
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2LoginView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from requests import RequestException

from console.accounts.provider import Callback, Protocol, Provider
from console.lib.audit import AuditEntry
from console.lib.names import find_by_name
from console.lib.users import Role, User

log = logging.getLogger(__name__)

PROVIDER = "sso"
# Exceptions for answers that violate the protocol.
MALFORMED = (AttributeError, LookupError, TypeError, ValueError)


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    """The single sign-on adapter of allauth with the console's users and groups."""

    def is_open_for_signup(
        self, request: HttpRequest, sociallogin: SocialLogin
    ) -> bool:
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find the user and update the groups; refuse inactive users."""
        if not sociallogin.is_existing:
            self._link_existing(request, sociallogin)
        if not sociallogin.is_existing:
            return
        person = sociallogin.user
        if not person.is_active:
            AuditEntry.objects.record("SignInFailed", person, by=None)
            raise ImmediateHttpResponse(redirect("account_inactive"))
        follow_groups(person, request.sso_claims)  # type: ignore[attr-defined]

    def _link_existing(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Link an existing account of the same name, if CONSOLE_OIDC_LINK permits it."""
        # Unchanged: a shortened name could be that of another user.
        claims: dict[str, Any] = request.sso_claims  # type: ignore[attr-defined]
        name = str(claims.get("preferred_username") or "")
        try:
            User._meta.get_field("username").clean(name, sociallogin.user)
        except ValidationError:
            sentence = _(
                "The identity provider did not return a valid login name. Contact an "
                "administrator."
            )
            raise ImmediateHttpResponse(refused(request, sentence)) from None
        person = find_by_name(User.objects.all(), name, "username")
        if person is None:
            return
        if not settings.OIDC_LINK:
            sentence = _(
                "An account named %(name)s already exists. Contact an administrator."
            )
            answer = refused(request, sentence % {"name": name}, person)
            raise ImmediateHttpResponse(answer)
        sociallogin.connect(request, person)
        AuditEntry.objects.record("ConnectSingleSignOn", person, by=person)

    @transaction.atomic
    def save_user(
        self,
        request: HttpRequest,
        sociallogin: SocialLogin,
        form: BaseForm | None = None,
    ) -> User:
        person: User = super().save_user(request, sociallogin, form)
        AuditEntry.objects.record("CreatePerson", person, by=person)
        follow_groups(person, request.sso_claims)  # type: ignore[attr-defined]
        return person

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Provider,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        if error == AuthError.CANCELLED:
            messages.info(request, _("Single sign-on was canceled."))
            raise ImmediateHttpResponse(redirect("account_login"))
        log.warning("single sign-on failed: %s", exception or error)
        raise ImmediateHttpResponse(refused(request, _("Try again.")))


@transaction.atomic
def follow_groups(person: User, claims: dict[str, Any]) -> None:
    """Add the user to the mapped groups that the provider names, and remove all others."""
    sent = claims.get(settings.OIDC_GROUPS_CLAIM) or []
    provider_groups = {sent} if isinstance(sent, str) else {str(each) for each in sent}
    mapped = settings.OIDC_GROUPS
    wanted = {ours for name, ours in mapped if name in provider_groups}
    managed = {ours for _name, ours in mapped}
    before = set(person.groups.values_list("name", flat=True))
    joins, leaves = wanted - before, (managed - wanted) & before
    if not joins and not leaves:
        return
    for name in joins:
        role, _made = Role.objects.get_or_create(name=name)
        person.groups.add(role)
    person.groups.remove(*person.groups.filter(name__in=leaves))
    AuditEntry.objects.record(
        "FollowGroups",
        person,
        by=None,
        before={"groups": sorted(before)},
        after={"groups": sorted(before - leaves | joins)},
    )


def refused(
    request: HttpRequest, sentence: str, person: User | None = None, status: int = 403
) -> HttpResponse:
    """Record the failure and show that single sign-on was refused."""
    AuditEntry.objects.record("SignInFailed", person, by=None)
    context = {"sentence": sentence}
    return render(request, "account/sso_refused.html", context, status=status)


@never_cache
@login_not_required
@require_POST
@rate_limit(action="login")  # type: ignore[untyped-decorator]
def sso_login(request: HttpRequest) -> HttpResponse:
    """Redirect to the provider by a page, because the CSP forbids forms to other sites."""
    view = OAuth2LoginView.adapter_view(Protocol(request, PROVIDER))
    try:
        response: HttpResponse = view(request)
    except (OAuth2Error, RequestException, *MALFORMED) as error:
        log.warning("single sign-on cannot start: %s", error)
        sentence = _("The single sign-on provider is not responding. Try again later.")
        return refused(request, sentence, status=503)
    if response.status_code != 302:
        return response
    address = response.headers["Location"]
    page = render(request, "account/sso_login.html", {"address": address})
    page.headers["Refresh"] = f"0;url={address}"
    return page


@require_safe
def sso_again(request: HttpRequest) -> HttpResponse:
    """Show the way to the provider for reauthentication."""
    return render(request, "account/sso_again.html", {"next": request.GET.get("next")})


@never_cache
@login_not_required
@require_safe
def sso_callback(request: HttpRequest) -> HttpResponse:
    """Handle the redirect from the provider."""
    view = Callback.adapter_view(Protocol(request, PROVIDER))
    try:
        return view(request)
    except MALFORMED as error:
        log.warning("single sign-on failed: %s: %s", type(error).__name__, error)
        return refused(request, _("Try again."))
