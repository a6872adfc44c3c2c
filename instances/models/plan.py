"""A plan: a change computed before it is made. A draft is the plan a wizard's review shows."""

from datetime import timedelta
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.models import Region
from console.lib.errors import NotFoundError
from console.lib.ids import id_field, new_id
from console.lib.names import FoldedQuerySet
from console.lib.users import User
from instances.models.approval import Duties, OperationRecord
from instances.models.execution import Executable
from instances.models.instance import Instance
from instances.models.plan_life import PlanLife
from instances.models.wish import Wish
from instances.models.work import Work, WorkQuerySet, queue_indexes
from instances.wakeup import announce

DRAFT_LIFE = timedelta(hours=24)


class PlanQuerySet(FoldedQuerySet, WorkQuerySet):  # type: ignore[override]
    def submitted(self) -> Self:
        """Plans people see in lists: a wizard's drafts are not among them."""
        return self.filter(draft=False)

    def light(self) -> Self:
        """Without the columns only a plan's own page needs: the saved file, changes and log."""
        return self.defer("file", "changes", "log")

    def abandoned(self) -> Self:
        """Drafts nobody executed within a day."""
        return self.filter(
            draft=True, task=None, created_at__lt=now() - DRAFT_LIFE
        ).exclude(state=Work.State.RUNNING)

    def waiting(self) -> Self:
        """Plans that wait for a decision. Few: an index finds them."""
        waiting = Plan.Status.APPLICATION_IN_PROGRESS
        return self.filter(draft=False, status=waiting)

    def received_by(self, user: User, duties: Duties) -> Self:
        """Plans that wait for this person's decision."""
        return self.waiting().exclude(owner=user).filter(duties.covered())

    def reviewed_by(self, user: User) -> Self:
        """Plans this person has decided on."""
        decided = OperationRecord.objects.filter(
            operator=user, action__in=OperationRecord.DECISIONS
        )
        return self.submitted().filter(pk__in=decided.values("plan"))

    def owned_by(self, user: User) -> Self:
        """This person's plans, without those of an instance that they lost.

        An administrator plans changes of everybody's instances.
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
        """Plans in lists that this person may open: what `plan.visible_to` says of one."""
        if user.is_administrator:
            return self.submitted()
        mine = Plan.objects.owned_by(user).values("pk")
        reviewed = Plan.objects.reviewed_by(user).values("pk")
        return self.submitted().filter(
            Q(pk__in=mine) | Duties.of(user).covered() | Q(pk__in=reviewed)
        )

    @transaction.atomic
    def draft_for(
        self,
        operation: str,
        wish: Wish,
        *,
        by: User,
        region: Region,
        instance: Instance | None = None,
        instance_name: str = "",
        trial: bool = False,
    ) -> "Plan":
        """Store what a wizard has collected and queue its preview. Nothing is launched.

        A `trial` never is: no verb, no page and no row of the database lets it.
        """
        plan: Plan = self.create(
            operation=operation,
            draft=True,
            trial=trial,
            owner=by,
            created_by=by,
            region=region,
            instance=instance,
            instance_name=instance.name if instance else instance_name,
            reserved_instance_id=instance.pk if instance else new_id("pp"),
            base_task=instance.last_task if instance else None,
            **wish.columns(),
        )
        announce(plan.pk)
        return plan

    @transaction.atomic
    def submit(
        self,
        operation: str,
        wish: Wish,
        *,
        name: str,
        description: str = "",
        by: User,
        region: Region,
        instance: Instance | None = None,
        instance_name: str = "",
    ) -> "Plan":
        """Make a plan at once, without a wizard's draft before it.

        Raises InvalidInputError for the texts, ConflictError while a task runs on the instance.
        """
        if instance is not None:
            instance.check_idle()
        plan = self.draft_for(
            operation,
            wish,
            by=by,
            region=region,
            instance=instance,
            instance_name=instance_name,
        )
        plan.submit(name=name, description=description, by=by)
        return plan


class Plan(Executable):
    """A launch, update or termination that was previewed. `status` is the API's word."""

    id = id_field("plan")

    objects = PlanQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("plan")
        verbose_name_plural = gettext_lazy("plans")
        ordering = ["-created_at", "-id"]
        indexes = [
            *queue_indexes("plan"),
            models.Index(
                fields=["owner", "-created_at", "-id"],
                name="plan_by_owner",
                condition=Q(draft=False),
            ),
            models.Index(
                fields=["-created_at", "-id"],
                name="plan_newest",
                condition=Q(draft=False),
            ),
            models.Index(
                fields=["instance", "-created_at", "-id"], name="plan_of_instance"
            ),
            models.Index(
                fields=["created_at"], name="plan_drafts", condition=Q(draft=True)
            ),
            models.Index(
                fields=["status", "-created_at", "-id"],
                name="plan_by_status",
                condition=Q(draft=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(draft=True) | ~Q(name=""), name="plan_has_name"
            ),
            models.UniqueConstraint(
                fields=["owner", "name_key"],
                condition=Q(draft=False, status__in=sorted(PlanLife.OPEN)),
                name="plan_name_unique",
            ),
            models.CheckConstraint(
                condition=Q(status__in=PlanLife.Status.values),
                name="plan_status_known",
            ),
            models.CheckConstraint(
                condition=Q(trial=False)
                | Q(draft=True) & ~Q(status__startswith="Execute"),
                name="plan_trial_never_runs",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.pk

    def get_absolute_url(self) -> str:
        return reverse("instances:plan-detail", args=[self.pk])


def plan_for(user: User, pk: str, **scope: Any) -> Plan:
    """Return a plan this person may see. Raises NotFoundError: missing and foreign are one."""
    plans = Plan.objects.filter(pk=pk, **scope).select_related(
        "version__template",
        "version__product",
        "portfolio",
        "region",
        "instance__last_task",
        "instance__last_successful_task",
        "instance__version__template",
        "instance__portfolio",
        "owner",
    )
    plan: Plan | None = plans.first()
    if plan is None or not plan.visible_to(user):
        raise NotFoundError(
            _("The plan does not exist, or you do not have access to it."),
            code="InvalidPlan.NotFound",
        )
    return plan
