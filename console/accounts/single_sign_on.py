"""People of single sign-on: made at their first sign-in, in the groups the provider says."""

import logging
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.decorators import rate_limit
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base import AuthError
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2LoginView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from requests import RequestException

from console.accounts.provider import Callback, Protocol
from console.lib.audit import AuditEntry
from console.lib.names import find_by_name
from console.lib.users import Role, User

log = logging.getLogger(__name__)

PROVIDER = "sso"
# What a provider that does not keep to the protocol makes of its answers.
MALFORMED = (AttributeError, LookupError, TypeError, ValueError)


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    """allauth's single sign-on with our people and groups."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Find the person, bring their groups up to date; refuse who may not come in."""
        if not sociallogin.is_existing:
            self._take_over(request, sociallogin)
        if not sociallogin.is_existing:
            return
        person = sociallogin.user
        if not person.is_active:
            AuditEntry.objects.record("SignInFailed", person, by=None)
            raise ImmediateHttpResponse(redirect("account_inactive"))
        follow_groups(person, request.sso_claims)  # type: ignore[attr-defined]

    def _take_over(self, request: HttpRequest, sociallogin: Any) -> None:
        """A login that exists already is its person's own only if we were told so."""
        # As it was said: what would have to be shortened is somebody else's.
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
        self, request: HttpRequest, sociallogin: Any, form: Any = None
    ) -> Any:
        person = super().save_user(request, sociallogin, form)
        AuditEntry.objects.record("CreatePerson", person, by=person)
        follow_groups(person, request.sso_claims)  # type: ignore[attr-defined]
        return person

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Any = None,
        extra_context: Any = None,
    ) -> None:
        if error == AuthError.CANCELLED:
            messages.info(request, _("Single sign-on was canceled."))
            raise ImmediateHttpResponse(redirect("account_login"))
        log.warning("single sign-on failed: %s", exception or error)
        raise ImmediateHttpResponse(refused(request, _("Try again.")))


@transaction.atomic
def follow_groups(person: User, claims: dict[str, Any]) -> None:
    """Put somebody into those of the mapped groups that the provider names, and no other."""
    told = claims.get(settings.OIDC_GROUPS_CLAIM) or []
    theirs = {told} if isinstance(told, str) else {str(each) for each in told}
    mapped = settings.OIDC_GROUPS
    wanted = {ours for name, ours in mapped if name in theirs}
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
    """Say that single sign-on did not work, and put it on record."""
    AuditEntry.objects.record("SignInFailed", person, by=None)
    context = {"sentence": sentence}
    return render(request, "account/sso_refused.html", context, status=status)


@never_cache
@login_not_required
@require_POST
@rate_limit(action="login")  # type: ignore[untyped-decorator]
def sso_login(request: HttpRequest) -> HttpResponse:
    """Go to the provider, by a page: a form of ours may lead nowhere but here."""
    view = OAuth2LoginView.adapter_view(Protocol(request, PROVIDER))
    try:
        response: HttpResponse = view(request)
    except (OAuth2Error, RequestException, *MALFORMED) as error:
        log.warning("single sign-on cannot begin: %s", error)
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
    """Before what is sensitive: the way to the provider, which will ask who it is."""
    return render(request, "account/sso_again.html", {"next": request.GET.get("next")})


@never_cache
@login_not_required
@require_safe
def sso_callback(request: HttpRequest) -> HttpResponse:
    """Come back from the provider."""
    view = Callback.adapter_view(Protocol(request, PROVIDER))
    try:
        return view(request)
    except MALFORMED as error:
        log.warning("single sign-on failed: %s: %s", type(error).__name__, error)
        return refused(request, _("Try again."))
