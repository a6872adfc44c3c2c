"""The authentication backend. Its dotted path is stored in every session."""

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Exists, OuterRef

from console.accounts.second_factor import factors_of
from console.lib.names import find_by_name
from console.lib.users import User, normalize_password
from instances.models import Plan
from instances.models.notice import unread_of


class Backend(AuthenticationBackend):
    """Loads the user of a session in one query with everything that all pages show.

    That is the administrator permission, unread notices, plans that wait for approval,
    and whether the user has an MFA method.
    """

    def _authenticate_by_username(
        self, username: str, password: str
    ) -> AbstractBaseUser | None:
        """Find the user by login name ignoring case; an exact match takes precedence."""
        person = find_by_name(User.objects.all(), username, "username")
        return self._check_password(person, password)

    def _mitigate_timing_attack(self, password: str) -> None:
        super()._mitigate_timing_attack(password)
        if normalize_password(password) != password:
            # The password of an existing account is checked in both spellings.
            super()._mitigate_timing_attack(password)

    def get_user(self, user_id: object) -> User | None:
        users = User.objects.with_administrator().annotate(
            unread_notices=unread_of(OuterRef("pk")),
            plans_waiting=Exists(Plan.objects.waiting()),
            second_factor=Exists(factors_of(OuterRef("pk"))),
        )
        user = users.filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
