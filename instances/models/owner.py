"""Who an instance belongs to, and how it gets to somebody else: above all when its owner leaves.

A transfer moves the row of the instance and nothing else, so it is possible while a task
runs: the task finishes under the new owner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from console.lib.audit import AuditEntry
from console.lib.errors import InvalidInputError, Text
from console.lib.users import Role, User

Principal = User | Role
REASON_LENGTH = 500


@dataclass(frozen=True)
class Move:
    """What became of one instance in a transfer. `refusal` is empty when it was moved.

    `outdated` says that it had another owner than the person saw.
    """

    pk: str
    name: str
    before: dict[str, Any]
    refusal: Text = ""
    outdated: bool = False

    @property
    def moved(self) -> bool:
        return not self.refusal


def owner_columns(owner: Principal) -> dict[str, Any]:
    """The columns of an instance that belongs to a person or a group."""
    if isinstance(owner, Role):
        return {"owner_id": None, "owner_role_id": owner.pk}
    return {"owner_id": owner.pk, "owner_role_id": None}


def owner_mark(columns: Mapping[str, Any]) -> str:
    """The stamp of an owner: a transfer names the one that the person saw."""
    role = columns["owner_role_id"]
    return f"role-{role}" if role else f"user-{columns['owner_id']}"


def owner_name(columns: dict[str, Any]) -> str:
    """The owner behind such columns in words, `user/alice` or `role/operators`."""
    if role := columns.get("owner_role_id"):
        name = Role.objects.filter(pk=role).values_list("name", flat=True).first()
        return f"role/{name or role}"
    people = User.objects.filter(pk=columns.get("owner_id"))
    return f"user/{people.values_list('username', flat=True).first() or ''}"


def check_recipient(to: Principal, reason: str = "") -> None:
    """Raise InvalidInputError for somebody who has left: nothing is handed over to them."""
    if isinstance(to, User) and not to.is_active:
        sentence = _("%(name)s is deactivated. Choose another user.")
        raise InvalidInputError({"to": [sentence % {"name": to.get_username()}]})
    if len(reason) > REASON_LENGTH:
        sentence = _("Enter up to %(most)d characters.") % {"most": REASON_LENGTH}
        raise InvalidInputError({"reason": [sentence]})


class OwnedQuerySet(models.QuerySet[Any]):
    """Abstract: the part of the instances' queryset that is about owners."""

    def ownerless(self) -> Self:
        """Living instances nobody looks after: the person, or everybody in the group, has left."""
        left = User.objects.filter(is_active=False)
        looked_after = Role.objects.filter(user__is_active=True)
        deserted = Role.objects.exclude(pk__in=looked_after.values("pk"))
        nobody = Q(owner__in=left.values("pk")) | Q(
            owner_role__in=deserted.values("pk")
        )
        return self.filter(nobody, terminated_at=None)

    @transaction.atomic
    def move(self, to: Principal, seen: Mapping[str, str] | None = None) -> list[Move]:
        """Give every one of these to a person or a group; the caller puts it on record.

        `seen` maps an instance to the mark of the owner that the person saw. Says of each
        what became of it. One that has changed hands since, or does at this moment, is
        left where it is. Raises InvalidInputError when the recipient has left.
        """
        check_recipient(to)
        columns = ("pk", "name", "owner_id", "owner_role_id", "terminated_at")
        rows = self.order_by("name").values(*columns)
        return [self._move(row, to, (seen or {}).get(row["pk"], "")) for row in rows]

    def _move(self, row: dict[str, Any], to: Principal, seen: str) -> Move:
        before = {name: row[name] for name in ("owner_id", "owner_role_id")}
        after, refusal = owner_columns(to), ""
        # Not `self`: after a move the row is no longer in a set chosen by its owner.
        same = self.model.objects.filter(pk=row["pk"], terminated_at=None, **before)
        if row["terminated_at"] is not None:
            refusal = _("The instance has been terminated.")
        elif before == after:
            refusal = _("The instance already belongs to this owner.")
        elif seen and seen != owner_mark(before):
            sentence = _(
                "The instance was transferred to %(owner)s after you opened this page."
            )
            refusal = sentence % {"owner": owner_name(before)}
            return Move(row["pk"], row["name"], before, refusal, outdated=True)
        elif not same.update(**after):
            refusal = _(
                "The instance was just changed by another operation. Try again."
            )
        return Move(row["pk"], row["name"], before, refusal)

    @transaction.atomic
    def hand_over(
        self,
        *,
        to: Principal,
        by: User,
        reason: str = "",
        seen: Mapping[str, str] | None = None,
    ) -> list[Move]:
        """Give all of these to a person or a group, with one entry in the audit trail.

        `seen` maps an instance to the mark of the owner that the person saw. Says of each what became of it. Raises InvalidInputError when the recipient has left.
        """
        check_recipient(to, reason)
        moves = self.move(to, seen)
        if any(each.moved for each in moves):
            AuditEntry.objects.record(
                "TransferInstances",
                to,
                by=by,
                before={"owners": owners_before(moves)},
                after={"owner": owner_name(owner_columns(to))},
                reason=reason,
            )
        return moves


def owners_before(moves: Iterable[Move]) -> dict[str, str]:
    """Who had each instance that was moved, for the audit trail."""
    moved = [each for each in moves if each.moved]
    names = {tuple(each.before.values()): "" for each in moved}
    for each in moved:
        key = tuple(each.before.values())
        names[key] = names[key] or owner_name(each.before)
    return {each.pk: names[tuple(each.before.values())] for each in moved}
