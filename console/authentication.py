"""Sign-in: allauth with our rules, and one query that also says what every page shows of a person."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.db.models import Exists, OuterRef
from django.http import HttpRequest

from console.lib.audit import AuditEntry
from console.lib.people import User
from instances.models import Plan
from instances.models.notice import unread_of


class Backend(AuthenticationBackend):
    """Loads the session's user in one query with what every page's frame says of them:
    the administrator permission, unread notices, and whether any plan waits for anybody.
    """

    def get_user(self, user_id: Any) -> User | None:
        people = User.objects.with_administrator().annotate(
            unread_notices=unread_of(OuterRef("pk")),
            plans_waiting=Exists(Plan.objects.waiting()),
        )
        user = people.filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None


class AccountAdapter(DefaultAccountAdapter):
    """People are made by administrators: nobody signs up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: Any) -> None:
        super().login(request, user)
        AuditEntry.objects.record("SignIn", user, by=user)

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        if isinstance(user, User):
            AuditEntry.objects.record("SignOut", user, by=user)
        super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Put a failed attempt on record: a name nobody has may be a password, so not that."""
        name = credentials.get("username") or ""
        target = User.objects.filter(username=name).first() if name else None
        AuditEntry.objects.record("SignInFailed", target, by=None)
        super().authentication_failed(request, **credentials)
