"""Grants: access to portfolios for users, groups and patterns of names."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast, Concat, Lower, Replace
from django.db.models.sql.compiler import SQLCompiler
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from console.lib.users import PrincipalType, Role, User

# Names can have almost any character, but no control characters and line breaks.
PRINCIPAL_PATTERN = r"\A(?:user|role)/[^\x00-\x1f\x7f]+\Z"


def to_like_pattern(pattern: F) -> Replace:
    """Return a stored pattern, in which `*` matches any text, as a pattern of LIKE."""
    escaped: F | Replace = pattern
    for character, replacement in (
        ("\\", "\\\\"),
        ("%", "\\%"),
        ("_", "\\_"),
        ("*", "%"),
    ):
        escaped = Replace(escaped, Value(character), Value(replacement))
    return escaped  # type: ignore[return-value]


class AsciiLower(Lower):
    """LOWER for the letters A to Z only, which are the letters in the cloud's names.

    SQLite's LOWER and LIKE know only these letters; PostgreSQL's depend on the collation
    of the database unless another one is given.
    """

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Sequence[object]]:
        template = '%(function)s((%(expressions)s) COLLATE "C")'
        return self.as_sql(compiler, connection, template=template, **context)


class Like(Func):
    """`subject LIKE pattern`, where the subject is a value and the pattern is a column."""

    template = "(%(expressions)s ESCAPE '\\')"
    arg_joiner = " LIKE "
    output_field = models.BooleanField()


def matches_pattern(subject: object, pattern: F) -> Like:
    """Return the condition that a name matches a stored pattern, ignoring case."""
    return Like(AsciiLower(subject), AsciiLower(to_like_pattern(pattern)))


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the pattern as a regular expression for `fullmatch`, with the same meaning.

    Cached, because the list of users needs the patterns of all grants: 70 µs each.
    """
    parts = map(re.escape, pattern.split("*"))
    return re.compile(".*".join(parts), re.DOTALL | re.IGNORECASE | re.ASCII)


class GrantQuerySet(models.QuerySet["Grant"]):
    def applying_to(self, user: User) -> Self:
        """Return the grants for a user: by name, by group, or by a pattern."""
        roles = Role.objects.filter(user=user)
        name = Cast(Value(f"user/{user.get_username()}"), models.TextField())
        # A role pattern is matched against each group of the user.
        by_role = models.Exists(
            roles.annotate(granted=models.OuterRef("pattern")).filter(
                matches_pattern(Concat(Value("role/"), F("name")), F("granted"))
            )
        )
        pattern = ~Q(pattern="") & (Q(matches_pattern(name, F("pattern"))) | Q(by_role))
        return self.filter(Q(user=user) | Q(role__in=roles) | pattern)


class Grant(models.Model):
    """Access to a portfolio for exactly one of a user, a group and a pattern of names.

    A pattern is `user/<name>` or `role/<name>`, in which `*` matches any text.
    """

    portfolio = models.ForeignKey(
        "catalog.Portfolio",
        models.CASCADE,
        related_name="grants",
        verbose_name=_("portfolio"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        verbose_name=_("user"),
    )
    role = models.ForeignKey(
        "console.Role",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        verbose_name=_("group"),
    )
    pattern = models.CharField(
        _("pattern"),
        max_length=160,
        blank=True,
        validators=[
            RegexValidator(
                PRINCIPAL_PATTERN,
                _(
                    "Enter user/<name> or role/<name>. An asterisk (*) "
                    "matches any text."
                ),
            )
        ],
    )
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(user__isnull=False, role__isnull=True, pattern="")
                    | Q(user__isnull=True, role__isnull=False, pattern="")
                    | Q(user__isnull=True, role__isnull=True) & ~Q(pattern="")
                ),
                name="grant_names_one_principal",
            ),
            models.UniqueConstraint(
                fields=["portfolio", "user"], name="grant_user_once"
            ),
            models.UniqueConstraint(
                fields=["portfolio", "role"], name="grant_role_once"
            ),
            models.UniqueConstraint(
                fields=["portfolio", "pattern"],
                condition=~Q(pattern=""),
                name="grant_pattern_once",
            ),
        ]

    def __str__(self) -> str:
        return str(self.user or self.role or self.pattern)

    @property
    def principal_type(self) -> str:
        """The API's type of the principal."""
        if self.role_id or self.pattern.startswith("role/"):
            return PrincipalType.ROLE
        return PrincipalType.USER

    def audit_facts(self) -> dict[str, str]:
        """Return the principal and its ID for the audit log."""
        if self.pattern:
            return {"pattern": self.pattern}
        principal = self.user or self.role
        assert (
            principal is not None
        )  # by the check constraint grant_names_one_principal
        kind = "user" if self.user_id else "role"
        return {kind: str(principal), "principal_id": principal.principal_id}
