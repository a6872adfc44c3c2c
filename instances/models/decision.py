"""The decision on a plan: four eyes, an approver of this moment, one decision for one preview."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from console.lib.errors import ConflictError, ForbiddenError, InvalidInputError, Text
from console.lib.users import User
from instances.models.approval import COMMENT_LENGTH, OperationRecord, fits
from instances.models.notice import Notice
from instances.models.plan_life import PlanLife

if TYPE_CHECKING:
    from instances.models.plan import Plan


class Stale(ConflictError):
    """Something moved since the preview: nothing runs; `moved` says what it was."""

    code = "IncorrectStatus.Plan"

    def __init__(self, moved: Iterable[Text]) -> None:
        self.moved = list(moved)
        sentence = " ".join(str(each) for each in self.moved)
        super().__init__(
            _("The plan is out of date. %(moved)s Nothing was changed.")
            % {"moved": sentence},
            hint=_(
                "Preview the plan again, and then request approval for the new preview."
            ),
        )


class Decided(PlanLife):
    """Abstract: a plan that somebody else than its owner accepts or refuses."""

    class Meta:
        abstract = True

    def may_decide(self, user: User) -> bool:
        """Whether somebody is an approver now. Four eyes: the owner never is."""
        return user.pk != self.owner_id and fits(user, self.approvers)

    def visible_to(self, user: User) -> bool:
        """Return True if a user may see the plan: owner, administrator, present or past approver.

        An owner who lost the instance no longer sees what was planned for it.
        """
        if user.pk == self.owner_id and self._keeps_instance(user):
            return True
        if self.draft:
            return False
        if user.is_administrator or fits(user, self.approvers):
            return True
        return self._decisions().filter(operator=user).exists()

    def _keeps_instance(self, user: User) -> bool:
        """Return True if the user may still change the instance of the plan, if it has one."""
        instance = self.instance
        if instance is None or instance.owner_id == user.pk or user.is_administrator:
            return True
        role = instance.owner_role_id
        return role is not None and user.groups.filter(pk=role).exists()

    def deciders(self) -> "QuerySet[User]":
        """Who has decided on the plan."""
        return User.objects.filter(pk__in=self._decisions().values("operator"))

    def moved_approval(self) -> list[Text]:
        """Say so when the approval was given to something else than this."""
        if self.approved_digest() == self.digest:
            return []
        return [_("The approval was given for a different preview.")]

    def approved_digest(self) -> str:
        """What was approved last; empty when nobody has approved anything."""
        given = OperationRecord.objects.filter(
            plan_id=self.pk, action=OperationRecord.Action.APPROVE
        )
        last = given.order_by("-at", "-pk").values_list("digest", flat=True).first()
        return last or ""

    def _decisions(self) -> "QuerySet[OperationRecord]":
        return OperationRecord.objects.filter(
            plan_id=self.pk, action__in=OperationRecord.DECISIONS
        )

    def approve(self, *, by: User, comment: str = "", seen: str = "") -> None:
        """Accept exactly what was previewed. `seen` is the digest the approver looked at.

        Raises ForbiddenError for the owner and for who is no approver now, Stale when something
        moved, ConflictError when the plan no longer waits or is not what was seen.
        """
        with transaction.atomic():
            self._check_decision(by, comment, seen)
            if moved := self.moved() + self.moved_file():
                raise Stale(moved)
            self._decide(OperationRecord.Action.APPROVE, by, comment)

    def reject(self, *, by: User, comment: str = "", seen: str = "") -> None:
        """Refuse it. Raises ForbiddenError and ConflictError like `approve`."""
        with transaction.atomic():
            self._check_decision(by, comment, seen)
            self._decide(OperationRecord.Action.REJECT, by, comment)

    def _check_decision(self, by: User, comment: str, seen: str) -> None:
        if self.status != self.Status.APPLICATION_IN_PROGRESS:
            raise self._refusal()
        if by.pk == self.owner_id:
            raise ForbiddenError(
                _(
                    "You cannot approve or reject your own plan. Another approver must do this."
                )
            )
        # Asked anew: who was an approver when the plan was made may be none now.
        self.__dict__.pop("approvers", None)
        if not self.may_decide(by):
            raise ForbiddenError(_("You are not an approver of this plan."))
        if seen and seen != self.digest:
            raise ConflictError(
                _(
                    "The plan was previewed again after you opened it. Reload the page and "
                    "review the new preview."
                ),
                code="IncorrectStatus.Plan",
            )
        if len(comment) > COMMENT_LENGTH:
            problem = _("Enter up to %(most)d characters.") % {"most": COMMENT_LENGTH}
            raise InvalidInputError({"comment": [problem]}, code="InvalidComment")

    def _decide(self, action: str, by: User, comment: str) -> None:
        approved = action == OperationRecord.Action.APPROVE
        target = (
            self.Status.APPLICATION_APPROVED
            if approved
            else self.Status.APPLICATION_REJECTED
        )
        if not self._move(
            [self.Status.APPLICATION_IN_PROGRESS], target, digest=self.digest
        ):
            raise self._refusal()
        self._record(action, by, comment)
        facts = {"digest": self.digest, "file_digest": self.file_digest}
        self._audit(f"{action}Plan", by, after=facts, reason=comment)
        self._forget_requests()
        kind = Notice.Kind.APPROVED if approved else Notice.Kind.REJECTED
        Notice.objects.tell([self.owner], kind, cast("Plan", self), comment=comment)
