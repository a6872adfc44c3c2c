"""The approval of a plan: its approvers, the decision, and the record of each step."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.effective_constraints import Approver
from catalog.models import Constraint
from console.lib.errors import ConflictError, ForbiddenError, InvalidInputError, Text
from console.lib.users import PrincipalType, User

COMMENT_LENGTH = 1024


class OperationRecord(models.Model):
    """A step of the approval of a plan, never changed. `action` has the values of the API."""

    class Action(models.TextChoices):
        SUBMIT = "Submit", gettext_lazy("Submitted")
        APPROVE = "Approve", gettext_lazy("Approved")
        REJECT = "Reject", gettext_lazy("Rejected")
        CANCEL = "Cancel", gettext_lazy("Canceled")

    DECISIONS = ("Approve", "Reject")

    plan = models.ForeignKey(
        "instances.Plan",
        models.CASCADE,
        related_name="records",
        verbose_name=gettext_lazy("plan"),
    )
    action = models.CharField(gettext_lazy("action"), max_length=8, choices=Action)
    operator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=gettext_lazy("operator"),
    )
    comment = models.CharField(
        gettext_lazy("comment"), max_length=COMMENT_LENGTH, blank=True
    )
    # The fingerprint that was decided on: another preview needs another decision.
    digest = models.CharField(gettext_lazy("digest"), max_length=64, blank=True)
    at = models.DateTimeField(gettext_lazy("time"), default=now, editable=False)

    class Meta:
        verbose_name = gettext_lazy("operation record")
        verbose_name_plural = gettext_lazy("operation records")
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "digest"],
                condition=Q(action__in=["Approve", "Reject"]),
                name="record_one_decision",
            ),
            models.CheckConstraint(
                condition=Q(action__in=["Submit", "Approve", "Reject", "Cancel"]),
                name="record_action_known",
            ),
        ]
        indexes = [models.Index(fields=["operator", "plan"], name="record_of_person")]

    def __str__(self) -> str:
        return f"{self.action} {self.plan_id}"


def fits(user: User, approvers: Iterable[Approver]) -> bool:
    """Return True if a user is among the approvers, by name or through a group."""
    assigned = list(approvers)
    if Approver(PrincipalType.USER, user.get_username()) in assigned:
        return True
    groups = [each.name for each in assigned if each.type == PrincipalType.ROLE]
    return bool(groups) and user.groups.filter(name__in=groups).exists()


def people_among(approvers: Iterable[Approver]) -> QuerySet[User]:
    """Return the active users among the approvers and the members of their groups."""
    names: dict[str, list[str]] = defaultdict(list)
    for each in approvers:
        names[each.type].append(each.name)
    named = Q(username__in=names[PrincipalType.USER])
    grouped = Q(groups__name__in=names[PrincipalType.ROLE])
    return User.objects.filter(named | grouped, is_active=True).distinct()


@dataclass(frozen=True)
class Approval:
    """The approval of one preview of a plan, which its digest names."""

    plan_id: str
    owner_id: int
    digest: str
    approvers: Sequence[Approver]

    def may_decide(self, user: User) -> bool:
        """Return True if a user is an approver now. The owner of the plan never is."""
        return user.pk != self.owner_id and fits(user, self.approvers)

    def people(self) -> QuerySet[User]:
        """Return the users who may decide: active approvers without the owner of the plan."""
        return people_among(self.approvers).exclude(pk=self.owner_id)

    def decisions(self) -> QuerySet[OperationRecord]:
        return OperationRecord.objects.filter(
            plan_id=self.plan_id, action__in=OperationRecord.DECISIONS
        )

    def deciders(self) -> QuerySet[User]:
        """Return the users who have approved or rejected the plan."""
        return User.objects.filter(pk__in=self.decisions().values("operator"))

    def approved_digest(self) -> str:
        """Return the digest that was approved last; empty without an approval."""
        given = self.decisions().filter(action=OperationRecord.Action.APPROVE)
        last = given.order_by("-at", "-pk").values_list("digest", flat=True).first()
        return last or ""

    def changed(self) -> list[Text]:
        """Return a sentence when another preview than this one was approved."""
        if self.approved_digest() == self.digest:
            return []
        return [_("The approval was given for a different preview.")]

    def check_decision(self, by: User, *, comment: str = "", seen: str = "") -> None:
        """Raise an error for a decision that this user may not take.

        `seen` is the digest that the user looked at. Raises ForbiddenError for the owner and
        for users who are no approver now, ConflictError when the plan was previewed again
        since, InvalidInputError for the comment.
        """
        if by.pk == self.owner_id:
            raise ForbiddenError(
                _(
                    "You cannot approve or reject your own plan. Another approver must do this."
                )
            )
        if not self.may_decide(by):
            raise ForbiddenError(_("You are not an approver of this plan."))
        if seen and seen != self.digest:
            raise ConflictError(
                _(
                    "The plan was previewed again after you opened it. Reload the page and review the new preview."
                ),
                code="IncorrectStatus.Plan",
            )
        if len(comment) > COMMENT_LENGTH:
            problem = _("Enter up to %(most)d characters.") % {"most": COMMENT_LENGTH}
            raise InvalidInputError({"comment": [problem]}, code="InvalidComment")

    def record(self, action: str, by: User, comment: str = "") -> None:
        """Store a step of the approval."""
        OperationRecord.objects.create(
            plan_id=self.plan_id,
            action=action,
            operator=by,
            comment=comment,
            digest=self.digest,
        )


@dataclass(frozen=True)
class ApproverDuties:
    """The approval constraints that assign a user now, by operation."""

    constraints: Mapping[str, list[str]]

    @classmethod
    def of(cls, user: User) -> "ApproverDuties":
        """Read the constraints: one query, and one more where groups are assigned."""
        rows = list(
            Constraint.objects.filter(kind=Constraint.Kind.APPROVAL).values_list(
                "pk", "config"
            )
        )
        me = {(PrincipalType.USER.value, user.get_username())}
        if any(PrincipalType.ROLE in str(config) for _pk, config in rows):
            groups = user.groups.values_list("name", flat=True)
            me |= {(PrincipalType.ROLE.value, name) for name in groups}
        found: dict[str, list[str]] = defaultdict(list)
        for pk, config in rows:
            assigned = config.get("Approvers") or ()
            if any(
                (a.get("PrincipalType"), a.get("PrincipalName")) in me for a in assigned
            ):
                for operation in config.get("OperationTypes") or ():
                    found[operation].append(pk)
        return cls(found)

    def covered(self) -> Q:
        """Return the condition for plans to which one of the constraints applies."""
        query = Q(pk__in=[])
        for operation, constraints in self.constraints.items():
            here = Constraint.objects.filter(
                pk__in=constraints,
                portfolio=OuterRef("portfolio"),
                product=OuterRef("version__product"),
            )
            query |= Q(Exists(here), operation=operation)
        return query


def duties_of(user: User) -> ApproverDuties:
    """Return the duties of a user, read once for each user object."""
    known: ApproverDuties | None = getattr(user, "_duties", None)
    if known is None:
        known = ApproverDuties.of(user)
        user._duties = known  # type: ignore[attr-defined]
    return known
