"""The plans of lists, and those that a user may see or has to decide on."""

from datetime import timedelta
from typing import Self

from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from console.lib.names import FoldedQuerySet
from console.lib.users import User
from instances.models.approval import ApproverDuties, OperationRecord
from instances.models.instance import Instance
from instances.models.plan_status import PlanStatus
from instances.models.work import Work, WorkQuerySet

DRAFT_LIFE = timedelta(hours=24)


class PlanQuerySet(FoldedQuerySet, WorkQuerySet):  # type: ignore[override]
    def submitted(self) -> Self:
        """Return the plans of lists: the drafts of wizards are not among them."""
        return self.filter(draft=False)

    def light(self) -> Self:
        """Defer the columns that only a plan's own page needs: saved file, changes and log."""
        return self.defer("file", "changes", "log")

    def abandoned(self) -> Self:
        """Return the drafts that were not executed within a day."""
        return self.filter(
            draft=True, task=None, created_at__lt=now() - DRAFT_LIFE
        ).exclude(state=Work.State.RUNNING)

    def waiting(self) -> Self:
        """Return the plans that wait for approval. Few: an index finds them."""
        waiting = PlanStatus.APPLICATION_IN_PROGRESS
        return self.filter(draft=False, status=waiting)

    def received_by(self, user: User, duties: ApproverDuties) -> Self:
        """Return the plans that wait for the approval of this user."""
        return self.waiting().exclude(owner=user).filter(duties.covered())

    def reviewed_by(self, user: User) -> Self:
        """Return the plans that this user has approved or rejected."""
        decided = OperationRecord.objects.filter(
            operator=user, action__in=OperationRecord.DECISIONS
        )
        return self.submitted().filter(pk__in=decided.values("plan"))

    def owned_by(self, user: User) -> Self:
        """Return the plans of a user, without those of instances that the user has lost.

        An administrator keeps all: administrators may change every instance.
        """
        if user.is_administrator:
            return self.filter(owner=user)
        lost = (
            Instance.objects.filter(pk=OuterRef("instance"))
            .exclude(owner=user)
            .exclude(owner_role__in=user.groups.values("pk"))
        )
        return self.filter(~Exists(lost), owner=user)

    def shown_to(self, user: User) -> Self:
        """Return the submitted plans that a user may open, like `Plan.visible_to`."""
        if user.is_administrator:
            return self.submitted()
        every = type(self)(self.model)
        mine = every.owned_by(user).values("pk")
        reviewed = every.reviewed_by(user).values("pk")
        return self.submitted().filter(
            Q(pk__in=mine) | ApproverDuties.of(user).covered() | Q(pk__in=reviewed)
        )
