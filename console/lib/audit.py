"""The audit trail: who did what to what, in the transaction that did it.

The entries are a chain: each holds the hash of the one before it, so an entry that was
changed, taken out or put in between is found by reading the chain (`verify_audit`).
"""

import hashlib
import json
from datetime import UTC
from typing import Any

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
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        reason: str = "",
    ) -> "AuditEntry":
        """Append one entry. Values must be JSON-able and hold no secret: say "changed" instead.

        `by` is None when the system acts by itself, `target` when there is nothing to name.
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
    """Return the target's name, whatever the language of the person who acts."""
    with override(settings.LANGUAGE_CODE):
        return str(target)


def _stored(facts: dict[str, Any] | None) -> Any:
    """The facts as they come back from the database: the hash is of what can be read."""
    return json.loads(json.dumps(facts or {}))


class AuditEntry(models.Model):
    """One mutation. Never changed, never deleted by the product."""

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

    # Empty for entries from before there was a chain.
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
        """The SHA-256, in hex, of the entry and of the hash before it.

        The person's row is left out: it is emptied when the person is deleted.
        """
        content = {name: getattr(self, name) for name in self.HASHED}
        content["at"] = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class AuditHeadManager(models.Manager["AuditHead"]):
    def advance(self) -> tuple[int, str]:
        """Take the next place; return it with the hash of the entry before it.

        The UPDATE is the lock, on SQLite and PostgreSQL alike: whoever comes next waits
        until this transaction has ended. Call it inside one.
        """
        head = self.filter(pk=AuditHead.ONLY)
        if not head.update(sequence=F("sequence") + 1):
            try:
                with transaction.atomic():
                    self.create(pk=AuditHead.ONLY)
            except IntegrityError:
                # Somebody else made the row at this moment: it exists now.
                pass
            head.update(sequence=F("sequence") + 1)
        chained = AuditEntry.objects.filter(sequence__isnull=False)
        last = chained.order_by("-sequence").values("hash")[:1]
        sequence, previous = head.values_list("sequence", Subquery(last))[0]
        return sequence, previous or ""


class AuditHead(models.Model):
    """How long the chain is: one row, which is also the lock of whoever appends."""

    ONLY = 1

    sequence = models.PositiveBigIntegerField(default=0)

    objects = AuditHeadManager()

    class Meta:
        app_label = "console"

    def __str__(self) -> str:
        return str(self.sequence)
