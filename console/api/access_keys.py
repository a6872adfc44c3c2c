"""Access keys, with which scripts sign requests on behalf of a user."""

import json
import secrets
import string
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from console.lib.audit import AuditEntry
from console.lib.encryption import EncryptedField
from console.lib.errors import ConflictError, NotFoundError
from console.lib.queries import PreparedQuery
from console.lib.users import User

MAX_KEYS = 2
ALPHABET = string.ascii_letters + string.digits
# An update for each request would turn every read into a write.
USE_RESOLUTION = timedelta(minutes=1)


def new_key_id() -> str:
    """Return an ID of the vendor's form: `LTAI5t` and 18 letters or digits."""
    return "LTAI5t" + "".join(secrets.choice(ALPHABET) for _ in range(18))


def new_secret() -> str:
    """Return 30 letters or digits: 178 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(30))


class AccessKeyQuerySet(models.QuerySet["AccessKey"]):
    def of(self, user: User) -> Self:
        """Return the keys of a user, oldest first."""
        return self.filter(user=user).order_by("created_at", "pk")

    def for_signature(self, key_id: str, *, with_role: bool) -> "AccessKey | None":
        """Return the key of this ID with its user, or None.

        With `with_role` the user's `administers` is loaded too.
        """
        key = KEY_QUERY.first(pk=key_id)
        if key is None:
            return None
        query = USER_WITH_ROLE_QUERY if with_role else USER_QUERY
        user = query.first(pk=key.user_id)
        if user is None:  # deleted concurrently, together with the key
            return None
        if with_role:
            # SQLite returns an integer.
            user.administers = bool(user.administers)
        key.user = user
        return key

    def issue(self, user: User, *, by: User | None) -> "AccessKey":
        """Create a key. Its secret is available only on the returned object.

        Raises ConflictError if the user has two keys already.
        """
        taken = set(self.filter(user=user).values_list("slot", flat=True))
        free = [slot for slot in range(1, MAX_KEYS + 1) if slot not in taken]
        if not free:
            raise _too_many()
        try:
            with transaction.atomic():
                key = self.create(user=user, slot=free[0], secret=new_secret().encode())
                AuditEntry.objects.record("CreateAccessKey", key, by=by)
        except IntegrityError as error:
            raise _too_many() from error
        return key


def _too_many() -> ConflictError:
    return ConflictError(
        _("A user can have up to two access keys. Delete an unused key first."),
        code="LimitExceeded.AccessKey",
    )


class AccessKey(models.Model):
    """An access key: a public ID and an encrypted secret."""

    id = models.CharField(
        _("access key ID"),
        primary_key=True,
        max_length=24,
        default=new_key_id,
        editable=False,
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="access_keys",
        verbose_name=_("user"),
    )
    # 1 or 2: a constraint of the database limits a user to two keys.
    slot = models.PositiveSmallIntegerField(editable=False)
    secret = EncryptedField(_("secret"))
    active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    objects = AccessKeyQuerySet.as_manager()

    class Meta:
        app_label = "console"
        verbose_name = _("access key")
        verbose_name_plural = _("access keys")
        constraints = [
            models.UniqueConstraint(fields=["user", "slot"], name="access_key_slot"),
            models.CheckConstraint(
                condition=Q(slot__gte=1, slot__lte=MAX_KEYS),
                name="access_key_two_a_person",
            ),
        ]

    def __str__(self) -> str:
        return self.pk

    @property
    def usable(self) -> bool:
        """Return True if the key and its user are active."""
        return self.active and self.user.is_active

    @property
    def secret_text(self) -> str:
        """The secret in clear, to compute signatures and to show it once after creation."""
        return bytes(self.secret).decode()

    def credentials(self) -> str:
        """Return the key as one line of JSON, with the names that the vendor uses."""
        return json.dumps({"AccessKeyId": self.pk, "AccessKeySecret": self.secret_text})

    def disable(self, *, by: User) -> None:
        """Refuse requests signed with the key from the next one on."""
        self._set_active(False, "DisableAccessKey", by)

    def enable(self, *, by: User) -> None:
        """Accept requests signed with the key again."""
        self._set_active(True, "EnableAccessKey", by)

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        AuditEntry.objects.record("DeleteAccessKey", self, by=by)
        self.delete()

    def record_use(self) -> None:
        """Update `last_used_at`, at most once a minute."""
        moment = now()
        if self.last_used_at is None or moment - self.last_used_at >= USE_RESOLUTION:
            AccessKey.objects.filter(pk=self.pk).update(last_used_at=moment)

    @transaction.atomic
    def _set_active(self, active: bool, action: str, by: User) -> None:
        changed = AccessKey.objects.filter(pk=self.pk).exclude(active=active)
        if changed.update(active=active):
            self.active = active
            AuditEntry.objects.record(action, self, by=by)


def access_key_for(user: User, pk: str) -> AccessKey:
    """Return a key of the user. Raises NotFoundError, also for keys of other users."""
    key = AccessKey.objects.of(user).filter(pk=pk).first()
    if key is None:
        raise NotFoundError(
            _("The access key does not exist."), code="InvalidAccessKeyId.NotFound"
        )
    return key


KEY_QUERY = PreparedQuery(lambda pk: AccessKey.objects.filter(pk=pk), pk=str)
USER_QUERY = PreparedQuery(lambda pk: User.objects.filter(pk=pk), pk=int)
USER_WITH_ROLE_QUERY = PreparedQuery(
    lambda pk: User.objects.with_administrator().filter(pk=pk), pk=int
)
