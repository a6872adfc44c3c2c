"""The audit log: one entry for each change, written in the transaction of the change.

The entries form a chain: each contains the hash of the entry before it, so that reading
the chain (`verify_audit`) finds entries that were changed, removed or inserted.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import F, Subquery
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from console.lib.request_id import current_request_id, current_source
from console.lib.users import User

SYSTEM = "system"


class AuditManager(models.Manager["AuditEntry"]):
    @transaction.atomic
    def record(
        self,
        action: str,
        target: models.Model | None,
        *,
        by: User | None,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        reason: str = "",
    ) -> "AuditEntry":
        """Append an entry.

        `before` and `after` must be JSON-able and must not contain secrets: say
        "changed" instead. `by` is None for actions of the system, `target` for actions
        without an object.
        """
        sequence, previous = AuditHead.objects.advance()
        entry = AuditEntry(
            sequence=sequence,
            previous_hash=previous,
            action=action,
            target_type=(target._meta.model_name or "") if target else "",
            target_id=str(target.pk) if target else "",
            target_name=_name_of(target)[:255] if target else "",
            actor=by,
            actor_name=by.get_username() if by else SYSTEM,
            before=_stored(before),
            after=_stored(after),
            reason=reason,
            request_id=current_request_id.get(),
            source=current_source.get(),
        )
        entry.hash = entry.digest()
        entry.save(force_insert=True)
        return entry


def _name_of(target: models.Model) -> str:
    """Return the name of the target in the language of the installation."""
    with override(settings.LANGUAGE_CODE):
        return str(target)


def _stored(facts: Mapping[str, object] | None) -> object:
    """Return the facts as the database will return them, because the hash covers those."""
    return json.loads(json.dumps(facts or {}))


class AuditEntry(models.Model):
    """A change of the system. Entries are never updated or deleted."""

    HASHED = (
        "sequence",
        "actor_name",
        "action",
        "target_type",
        "target_id",
        "target_name",
        "before",
        "after",
        "reason",
        "request_id",
        "source",
        "previous_hash",
    )

    # Null for entries of releases before the chain.
    sequence = models.PositiveBigIntegerField(
        _("chain position"), null=True, unique=True, editable=False
    )
    at = models.DateTimeField(_("time"), default=now, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("actor"),
    )
    actor_name = models.CharField(_("actor name"), max_length=150)
    action = models.CharField(_("action"), max_length=64)
    target_type = models.CharField(_("target type"), max_length=64)
    target_id = models.CharField(_("target ID"), max_length=64)
    target_name = models.CharField(_("target name"), max_length=255, blank=True)
    before = models.JSONField(_("before"), default=dict)
    after = models.JSONField(_("after"), default=dict)
    reason = models.TextField(_("reason"), blank=True)
    request_id = models.CharField(_("request ID"), max_length=36, blank=True)
    source = models.CharField(_("from address"), max_length=45, blank=True)
    previous_hash = models.CharField(max_length=64, blank=True, editable=False)
    hash = models.CharField(_("hash"), max_length=64, blank=True, editable=False)

    objects = AuditManager()

    class Meta:
        app_label = "console"
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["target_id", "-at"], name="audit_of_target"),
            models.Index(fields=["actor_name", "-at", "-id"], name="audit_of_actor"),
            models.Index(fields=["action", "-at", "-id"], name="audit_of_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.target_name}"

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of the entry and of the hash before it.

        The foreign key of the actor is left out: it becomes null if the user is
        deleted.
        """
        content = {name: getattr(self, name) for name in self.HASHED}
        content["at"] = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class AuditHeadManager(models.Manager["AuditHead"]):
    def advance(self) -> tuple[int, str]:
        """Reserve the next position; return it with the hash of the last entry.

        The UPDATE is the lock, on SQLite and on PostgreSQL: a concurrent writer waits
        until this transaction ends. Call it inside a transaction.
        """
        head = self.filter(pk=AuditHead.ONLY)
        if not head.update(sequence=F("sequence") + 1):
            try:
                with transaction.atomic():
                    self.create(pk=AuditHead.ONLY)
            except IntegrityError:
                # Created concurrently.
                pass
            head.update(sequence=F("sequence") + 1)
        chained = AuditEntry.objects.filter(sequence__isnull=False)
        last = chained.order_by("-sequence").values("hash")[:1]
        sequence, previous = head.values_list("sequence", Subquery(last))[0]
        return sequence, previous or ""


class AuditHead(models.Model):
    """The length of the chain: a single row, which also serializes writers."""

    ONLY = 1

    sequence = models.PositiveBigIntegerField(default=0)

    objects = AuditHeadManager()

    class Meta:
        app_label = "console"

    def __str__(self) -> str:
        return str(self.sequence)
