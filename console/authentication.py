"""Who a session stands for: one query that also says what every page shows of a person."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.db.models import Exists, OuterRef

from console.accounts.second_factor import factors_of
from console.lib.names import find_by_name
from console.lib.users import User, normalize_password
from instances.models import Plan
from instances.models.notice import unread_of


class Backend(AuthenticationBackend):
    """Loads the session's user in one query with what every page's frame says of them:
    the administrator permission, unread notices, whether any plan waits for anybody, and
    whether they have a second factor.
    """

    def _authenticate_by_username(self, username: str, password: str) -> Any:
        """Find the person in any case and spelling of the login; an exact one first."""
        person = find_by_name(User.objects.all(), username, "username")
        return self._check_password(person, password)

    def _mitigate_timing_attack(self, password: str) -> None:
        super()._mitigate_timing_attack(password)
        if normalize_password(password) != password:
            # An account that exists is asked for both spellings.
            super()._mitigate_timing_attack(password)

    def get_user(self, user_id: Any) -> User | None:
        people = User.objects.with_administrator().annotate(
            unread_notices=unread_of(OuterRef("pk")),
            plans_waiting=Exists(Plan.objects.waiting()),
            second_factor=Exists(factors_of(OuterRef("pk"))),
        )
        user = people.filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
