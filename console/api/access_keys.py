"""Access keys: what a script signs with in a person's name."""

import json
import secrets
import string
from datetime import timedelta
from typing import Any, Self

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

MOST = 2
ALPHABET = string.ascii_letters + string.digits
# Writing at every call would make every read a write.
USED_GRAIN = timedelta(minutes=1)


def new_key_id() -> str:
    """Return an ID of the vendor's form: `LTAI5t` and 18 letters or digits."""
    return "LTAI5t" + "".join(secrets.choice(ALPHABET) for _ in range(18))


def new_secret() -> str:
    """Return 30 letters or digits: 178 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(30))


class AccessKeyQuerySet(models.QuerySet["AccessKey"]):
    def of(self, user: User) -> Self:
        """A person's keys, oldest first."""
        return self.filter(user=user).order_by("created_at", "pk")

    def signing(self, key_id: str, *, scoped: bool) -> "AccessKey | None":
        """Return the key with its person; None when there is none.

        `scoped` also learns whether the person is an administrator.
        """
        key = KEY.first(pk=key_id)
        if key is None:
            return None
        people = PERSON_WITH_ROLE if scoped else PERSON
        person: Any = people.first(pk=key.user_id)
        if person is None:  # deleted a moment ago, and the key with them
            return None
        if scoped:
            person.administers = bool(person.administers)
        key.user = person
        return key

    def issue(self, user: User, *, by: User | None) -> "AccessKey":
        """Make a key. Its secret is on the object returned and is shown this once.

        Raises ConflictError when the person has two already.
        """
        taken = set(self.filter(user=user).values_list("slot", flat=True))
        free = [slot for slot in range(1, MOST + 1) if slot not in taken]
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
    """A key: its ID is public, its secret encrypted and never shown again."""

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
    # First or second: that a person has no third is the database's rule.
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
                condition=Q(slot__gte=1, slot__lte=MOST), name="access_key_two_a_person"
            ),
        ]

    def __str__(self) -> str:
        return self.pk

    @property
    def usable(self) -> bool:
        """Whether calls signed with it are answered: key and person must be active."""
        return self.active and self.user.is_active

    @property
    def secret_text(self) -> str:
        """The secret, in clear: for signatures, and for its owner on the day it is made."""
        return bytes(self.secret).decode()

    def credentials(self) -> str:
        """The key as one line of JSON, in the vendor's words."""
        return json.dumps({"AccessKeyId": self.pk, "AccessKeySecret": self.secret_text})

    def disable(self, *, by: User) -> None:
        """Refuse calls signed with it, from the next one on."""
        self._switch(False, "DisableAccessKey", by)

    def enable(self, *, by: User) -> None:
        """Answer calls signed with it again."""
        self._switch(True, "EnableAccessKey", by)

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete it for good."""
        AuditEntry.objects.record("DeleteAccessKey", self, by=by)
        self.delete()

    def used(self) -> None:
        """Note that it was used, to the minute."""
        moment = now()
        if self.last_used_at is None or moment - self.last_used_at >= USED_GRAIN:
            AccessKey.objects.filter(pk=self.pk).update(last_used_at=moment)

    @transaction.atomic
    def _switch(self, active: bool, action: str, by: User) -> None:
        changed = AccessKey.objects.filter(pk=self.pk).exclude(active=active)
        if changed.update(active=active):
            self.active = active
            AuditEntry.objects.record(action, self, by=by)


def access_key_for(user: User, pk: Any) -> AccessKey:
    """Return one of a person's own keys. Raises NotFoundError."""
    key = AccessKey.objects.of(user).filter(pk=pk).first()
    if key is None:
        raise NotFoundError(
            _("The access key does not exist."), code="InvalidAccessKeyId.NotFound"
        )
    return key


KEY = PreparedQuery(lambda pk: AccessKey.objects.filter(pk=pk), pk=str)
PERSON = PreparedQuery(lambda pk: User.objects.filter(pk=pk), pk=int)
PERSON_WITH_ROLE = PreparedQuery(
    lambda pk: User.objects.with_administrator().filter(pk=pk), pk=int
)
