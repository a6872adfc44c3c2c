"""Offboarding: deactivate a user and transfer what they have, in one transaction."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.models import Constraint
from console.accounts.sessions import Session
from console.api.access_keys import AccessKey
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, InvalidInputError
from console.lib.users import User
from instances.models import ApproverDuties, Instance, Notice, Plan, Principal, Transfer
from instances.models.owner import check_recipient, owner_columns, owner_name

UNDO_FOR = timedelta(hours=24)


class OffboardingManager(models.Manager["Offboarding"]):
    @transaction.atomic
    def begin(
        self,
        person: User,
        *,
        by: User,
        instances: QuerySet[Instance],
        to: Principal | None = None,
        approver: User | None = None,
        reason: str = "",
    ) -> "Offboarding":
        """Deactivate a user, end their sessions and access keys, and transfer the instances.

        `to` becomes the owner of the instances. `approver` replaces the user in all
        approval constraints; without one the constraints stay and are flagged on the
        page of the user. Raises ConflictError for one's own account, InvalidInputError
        if there are instances but no new owner.
        """
        _check(person, by, instances, to, approver, reason)
        waiting = list(Plan.objects.received_by(person, ApproverDuties.of(person)))
        offboarding = self.model(user=person, by=by, reason=reason)
        offboarding.was_active = bool(
            User.objects.filter(pk=person.pk, is_active=True).update(is_active=False)
        )
        person.is_active = False
        offboarding.sessions = Session.objects.of(person).end()
        offboarding.keys = _disable_keys(person)
        offboarding._transfer(instances, to)
        offboarding._replace_approver(approver)
        offboarding.save()
        if approver is not None:
            _notify_approver(approver, waiting)
        offboarding._record("DeactivatePerson", by, reason)
        return offboarding

    def undoable(self, person: User) -> "Offboarding | None":
        """Return the last offboarding of the user if it can still be undone."""
        last = self.filter(user=person).order_by("-at", "-pk").first()
        return last if last and last.can_be_undone else None


def _check(
    person: User,
    by: User,
    instances: QuerySet[Instance],
    to: Principal | None,
    approver: User | None,
    reason: str,
) -> None:
    if person == by:
        raise ConflictError(
            _("You cannot deactivate your own account. Ask another administrator.")
        )
    for field, principal in (("to", to), ("approver", approver)):
        if principal == person:
            sentence = _("This user is being deactivated. Choose another user.")
            raise InvalidInputError({field: [sentence]})
        if principal is not None:
            check_recipient(principal, reason)
    if to is None and instances.exists():
        sentence = _("Choose a new owner for the instances.")
        raise InvalidInputError({"to": [sentence]})


def _disable_keys(person: User) -> list[str]:
    keys = AccessKey.objects.filter(user=person, active=True)
    found = list(keys.values_list("pk", flat=True))
    keys.update(active=False)
    return found


def _notify_approver(approver: User, waiting: Iterable[Plan]) -> None:
    """Notify the new approver of the plans that wait for approval."""
    for plan in waiting:
        if plan.approval.may_decide(approver):
            plan.notify([approver], Notice.Kind.REQUESTED)


class Offboarding(models.Model):
    """The offboarding of a user, with everything needed to undo it.

    `instances` maps instance IDs to the columns of the new owner, `constraints` maps
    constraint IDs to the configurations before and after; `flagged` lists the
    constraints that still name the user.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="offboardings",
        verbose_name=gettext_lazy("user"),
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField(gettext_lazy("time"), default=now, editable=False)
    reason = models.TextField(gettext_lazy("reason"), blank=True)
    was_active = models.BooleanField(default=True)
    sessions = models.PositiveIntegerField(default=0)
    keys = models.JSONField(default=list)
    instances = models.JSONField(default=dict)
    constraints = models.JSONField(default=dict)
    flagged = models.JSONField(default=list)
    new_owner = models.CharField(max_length=200, blank=True)
    new_approver = models.CharField(max_length=200, blank=True)
    undone_at = models.DateTimeField(null=True, editable=False)

    objects = OffboardingManager()

    class Meta:
        app_label = "console"
        # The table and its index keep the names they were created with.
        db_table = "console_departure"
        verbose_name = gettext_lazy("offboarding")
        verbose_name_plural = gettext_lazy("offboardings")
        indexes = [models.Index(fields=["user", "-at"], name="departure_of_person")]

    def __str__(self) -> str:
        return str(self.user)

    # Transfers that failed, for the page that follows; not stored.
    refused: list[Transfer]

    @property
    def undo_until(self) -> datetime:
        return self.at + UNDO_FOR

    @property
    def can_be_undone(self) -> bool:
        return self.undone_at is None and self.undo_until > now()

    @transaction.atomic
    def undo(self, *, by: User) -> list[str]:
        """Reactivate the user and restore what has not changed since.

        Return the IDs of the instances and constraints that changed meanwhile and keep
        their new owner or approver. Ended sessions stay ended. Raises ConflictError after
        24 hours, or if it was undone already.
        """
        mine = Offboarding.objects.filter(pk=self.pk, undone_at=None)
        moment = now()
        if not mine.filter(at__gt=moment - UNDO_FOR).update(undone_at=moment):
            raise ConflictError(_("This can no longer be undone."))
        self.undone_at = moment
        if self.was_active:
            User.objects.filter(pk=self.user_id).update(is_active=True)
            self.user.is_active = True
        keys = AccessKey.objects.filter(pk__in=self.keys, user=self.user)
        keys.update(active=True)
        kept = [*self._restore_instances(), *self._restore_constraints()]
        back = [pk for pk in (*self.instances, *self.constraints) if pk not in kept]
        AuditEntry.objects.record(
            "ReactivatePerson", self.user, by=by, after={"back": back, "kept": kept}
        )
        return kept

    def _transfer(self, instances: QuerySet[Instance], to: Principal | None) -> None:
        self.refused = []
        if to is None:
            return
        mine: Any = instances.filter(owner=self.user)
        transfers = mine.change_owner(to)
        self.refused = [each for each in transfers if not each.done]
        columns = owner_columns(to)
        self.instances = {each.pk: columns for each in transfers if each.done}
        self.new_owner = owner_name(columns) if self.instances else ""

    def _replace_approver(self, approver: User | None) -> None:
        for constraint in Constraint.objects.naming(self.user):
            if approver is None:
                self.flagged.append(constraint.pk)
                continue
            before = constraint.config
            after = constraint.with_approver(approver, self.user)
            same = Constraint.objects.filter(pk=constraint.pk, config=before)
            if not same.update(config=after):
                # Edited concurrently: leave it to that administrator.
                self.flagged.append(constraint.pk)
                continue
            self.constraints[constraint.pk] = [before, after]
            self.new_approver = owner_name(owner_columns(approver))

    def _restore_instances(self) -> list[str]:
        kept = []
        for pk, columns in self.instances.items():
            same = Instance.objects.living().filter(pk=pk, **columns)
            if not same.update(**owner_columns(self.user)):
                kept.append(pk)
        return kept

    def _restore_constraints(self) -> list[str]:
        kept = []
        for pk, (before, after) in self.constraints.items():
            same = Constraint.objects.filter(pk=pk, config=after)
            if not same.update(config=before):
                kept.append(pk)
        return kept

    def _record(self, action: str, by: User, reason: str) -> None:
        before = {
            "active": self.was_active,
            "owner": owner_name(owner_columns(self.user)),
        }
        after = {
            "active": False,
            "sessions_ended": self.sessions,
            "keys_disabled": self.keys,
            "instances": list(self.instances),
            "new_owner": self.new_owner,
            "constraints": list(self.constraints),
            "new_approver": self.new_approver,
            "flagged": self.flagged,
        }
        AuditEntry.objects.record(
            action, self.user, by=by, before=before, after=after, reason=reason
        )
