"""The owners of instances, and the transfer of instances to another owner.

A transfer changes the row of the instance and nothing else, so it is possible while a task
runs: the task finishes under the new owner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypedDict

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from console.lib.audit import AuditEntry
from console.lib.errors import InvalidInputError, Text
from console.lib.users import Role, User

Principal = User | Role
REASON_LENGTH = 500


class OwnerColumns(TypedDict):
    """The columns of an owner: one of them is None."""

    owner_id: int | None
    owner_role_id: int | None


@dataclass(frozen=True)
class Transfer:
    """The transfer of one instance, or the reason for its refusal.

    It is `outdated` when the instance had another owner than the one that was seen.
    """

    pk: str
    name: str
    before: OwnerColumns
    refusal: Text = ""
    outdated: bool = False

    @property
    def done(self) -> bool:
        return not self.refusal


def owner_columns(owner: Principal) -> OwnerColumns:
    """Return the columns of an instance that belongs to a user or a group."""
    if isinstance(owner, Role):
        return {"owner_id": None, "owner_role_id": owner.pk}
    return {"owner_id": owner.pk, "owner_role_id": None}


def owner_mark(columns: Mapping[str, object]) -> str:
    """Return the stamp of an owner: a transfer names the owner that the user saw."""
    role = columns["owner_role_id"]
    return f"role-{role}" if role else f"user-{columns['owner_id']}"


def owner_name(columns: Mapping[str, Any]) -> str:
    """Return the name of the owner, such as `user/alice` or `role/operators`."""
    if role := columns.get("owner_role_id"):
        name = Role.objects.filter(pk=role).values_list("name", flat=True).first()
        return f"role/{name or role}"
    people = User.objects.filter(pk=columns.get("owner_id"))
    return f"user/{people.values_list('username', flat=True).first() or ''}"


def check_recipient(to: Principal, reason: str = "") -> None:
    """Raise InvalidInputError for a deactivated user or a reason that is too long."""
    if isinstance(to, User) and not to.is_active:
        sentence = _("%(name)s is deactivated. Choose another user.")
        raise InvalidInputError({"to": [sentence % {"name": to.get_username()}]})
    if len(reason) > REASON_LENGTH:
        sentence = _("Enter up to %(most)d characters.") % {"most": REASON_LENGTH}
        raise InvalidInputError({"reason": [sentence]})


class OwnedQuerySet(models.QuerySet[Any]):
    """Abstract: rows with an owner, which can be transferred to another one."""

    def ownerless(self) -> Self:
        """Return the living instances whose user, or all users of the group, are deactivated."""
        deactivated = User.objects.filter(is_active=False)
        staffed = Role.objects.filter(user__is_active=True)
        deserted = Role.objects.exclude(pk__in=staffed.values("pk"))
        without_owner = Q(owner__in=deactivated.values("pk")) | Q(
            owner_role__in=deserted.values("pk")
        )
        return self.filter(without_owner, terminated_at=None)

    @transaction.atomic
    def change_owner(
        self, to: Principal, seen: Mapping[str, str] | None = None
    ) -> list[Transfer]:
        """Give each row to a user or a group; the caller records it in the audit log.

        `seen` maps an instance to the mark of the owner that the user saw. An instance
        that has another owner by now is not transferred. Raises InvalidInputError when the
        recipient is deactivated.
        """
        check_recipient(to)
        columns = ("pk", "name", "owner_id", "owner_role_id", "terminated_at")
        rows = self.order_by("name").values(*columns)
        return [
            self._change_owner(row, to, (seen or {}).get(row["pk"], "")) for row in rows
        ]

    def _change_owner(
        self, row: Mapping[str, Any], to: Principal, seen: str
    ) -> Transfer:
        before = OwnerColumns(
            owner_id=row["owner_id"], owner_role_id=row["owner_role_id"]
        )
        after, refusal = owner_columns(to), ""
        # Not `self`: afterwards the row is no longer in a set chosen by its owner.
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
            return Transfer(row["pk"], row["name"], before, refusal, outdated=True)
        elif not same.update(**after):
            refusal = _(
                "The instance was just changed by another operation. Try again."
            )
        return Transfer(row["pk"], row["name"], before, refusal)

    @transaction.atomic
    def transfer(
        self,
        *,
        to: Principal,
        by: User,
        reason: str = "",
        seen: Mapping[str, str] | None = None,
    ) -> list[Transfer]:
        """Give each row to a user or a group, with one entry in the audit log.

        `seen` and the errors are those of `change_owner`.
        """
        check_recipient(to, reason)
        transfers = self.change_owner(to, seen)
        if any(each.done for each in transfers):
            AuditEntry.objects.record(
                "TransferInstances",
                to,
                by=by,
                before={"owners": owners_before(transfers)},
                after={"owner": owner_name(owner_columns(to))},
                reason=reason,
            )
        return transfers


def owners_before(transfers: Iterable[Transfer]) -> dict[str, str]:
    """Return the former owner of each transferred instance, for the audit log."""
    done = [each for each in transfers if each.done]
    names = {tuple(each.before.values()): "" for each in done}
    for each in done:
        key = tuple(each.before.values())
        names[key] = names[key] or owner_name(each.before)
    return {each.pk: names[tuple(each.before.values())] for each in done}
