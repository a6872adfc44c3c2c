"""Users and groups: the API presents them as RAM users and RAM roles.

Their tables belong to the `console` app; the classes are in this package because all
apps refer to them.
"""

import unicodedata
from functools import cached_property
from typing import ClassVar, Self

from django.contrib.auth.models import AbstractUser, Group, UserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from console.lib.ids import new_principal_id
from console.lib.names import (
    FoldedField,
    FoldedQuerySet,
    Named,
    NameKeyField,
    check_name,
)

ADMINISTER = "administer"
# Django's field, for its texts.
USERNAME = AbstractUser._meta.get_field("username")


class PrincipalType(models.TextChoices):
    """The type of a principal in the API."""

    USER = "RamUser", _("RAM user")
    ROLE = "RamRole", _("RAM role")


class UserQuerySet(FoldedQuerySet):
    def with_administrator(self) -> Self:
        """Annotate each user with `administers`."""
        granted = Q(permissions__codename=ADMINISTER)
        groups = Group.objects.filter(granted, user=OuterRef("pk"))
        direct = Q(user_permissions__codename=ADMINISTER)
        own = User.objects.filter(direct, pk=OuterRef("pk"))
        return self.annotate(administers=Exists(groups) | Exists(own))


def normalize_password(password: str) -> str:
    """Return a password in NFKC: keyboards encode the same characters differently."""
    return unicodedata.normalize("NFKC", password)


class PersonManager(UserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """Django's user manager with the querysets above."""

    def _create_user_object(
        self, username: str, email: str | None, password: str | None, **fields: object
    ) -> "User":
        normalized = None if password is None else normalize_password(password)
        user: User = super()._create_user_object(username, email, normalized, **fields)
        return user


class User(Named, AbstractUser):
    """A user who signs in, or signs requests with an access key."""

    NAME = "username"

    username = models.CharField(
        USERNAME.verbose_name,
        max_length=150,
        unique=True,
        help_text=USERNAME.help_text,
        validators=[UnicodeUsernameValidator(), check_name],
        error_messages={"unique": USERNAME.error_messages["unique"]},
    )
    name_key = NameKeyField(of=["username"], unique=True)
    search_text = FoldedField(of=["username", "first_name", "last_name"])
    principal_id = models.CharField(
        _("principal ID"),
        max_length=18,
        unique=True,
        editable=False,
        default=new_principal_id,
    )

    objects: ClassVar[PersonManager] = PersonManager()

    class Meta(AbstractUser.Meta):
        app_label = "console"
        permissions = [(ADMINISTER, "Can administer the catalogue and every instance")]

    def set_password(self, raw_password: str | None) -> None:
        """Set the password in normalized form."""
        super().set_password(
            None if raw_password is None else normalize_password(raw_password)
        )

    def check_password(self, raw_password: str | None) -> bool:
        """Return True if the password is correct, normalized or as typed.

        Passwords set by earlier releases were hashed as typed.
        """
        if raw_password is None:
            return False
        normalized = normalize_password(raw_password)
        return super().check_password(normalized) or (
            normalized != raw_password and super().check_password(raw_password)
        )

    @cached_property
    def is_administrator(self) -> bool:
        """True if the user manages the catalog and all instances."""
        if not self.is_active:
            return False
        annotated: bool | None = self.__dict__.get("administers")
        if annotated is None or self.is_superuser:
            return self.has_perm(f"console.{ADMINISTER}")
        return annotated

    @property
    def principal_type(self) -> str:
        return PrincipalType.USER

    @property
    def display_name(self) -> str:
        """The full name if there is one, otherwise the login name."""
        return self.get_full_name() or self.get_username()


class Role(Named, Group):
    """A group of users with a principal ID."""

    name_key = NameKeyField(of=["name"], unique=True)
    principal_id = models.CharField(
        _("principal ID"),
        max_length=18,
        unique=True,
        editable=False,
        default=new_principal_id,
    )

    class Meta:
        app_label = "console"

    def clean(self) -> None:
        super().clean()
        check_name(self.name)

    @property
    def principal_type(self) -> str:
        return PrincipalType.ROLE

    @property
    def display_name(self) -> str:
        return self.name


def is_administrator(user: object) -> bool:
    """Return True if a request's user, signed in or not, is an administrator."""
    return bool(getattr(user, "is_administrator", False))
