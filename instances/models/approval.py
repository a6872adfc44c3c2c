"""Who may decide on a plan, asked anew at each decision, and the record of what was decided."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.effective_constraints import Approver, Limits
from catalog.models import Constraint
from console.lib.users import PrincipalType, User

if TYPE_CHECKING:
    from instances.models.previewed import Previewed

COMMENT_LENGTH = 1024


class OperationRecord(models.Model):
    """One step of a plan's approval: never changed. `action` is the API's word."""

    class Action(models.TextChoices):
        SUBMIT = "Submit", _("Submitted")
        APPROVE = "Approve", _("Approved")
        REJECT = "Reject", _("Rejected")
        CANCEL = "Cancel", _("Canceled")

    DECISIONS = ("Approve", "Reject")

    plan = models.ForeignKey(
        "instances.Plan",
        models.CASCADE,
        related_name="records",
        verbose_name=_("plan"),
    )
    action = models.CharField(_("action"), max_length=8, choices=Action)
    operator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        verbose_name=_("operator"),
    )
    comment = models.CharField(_("comment"), max_length=COMMENT_LENGTH, blank=True)
    # The fingerprint this was said about: another preview needs another decision.
    digest = models.CharField(_("digest"), max_length=64, blank=True)
    at = models.DateTimeField(_("time"), default=now, editable=False)

    class Meta:
        verbose_name = _("operation record")
        verbose_name_plural = _("operation records")
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


def limits_of(plan: "Previewed") -> Limits:
    """The constraints a plan falls under now."""
    return Limits.of(plan.version.product, plan.portfolio)


def fits(user: User, approvers: Iterable[Approver]) -> bool:
    """Whether a person is among the approvers, by name or through a group."""
    assigned = list(approvers)
    if Approver(PrincipalType.USER, user.get_username()) in assigned:
        return True
    groups = [each.name for each in assigned if each.type == PrincipalType.ROLE]
    return bool(groups) and user.groups.filter(name__in=groups).exists()


def people_among(approvers: Iterable[Approver]) -> QuerySet[User]:
    """The active people whom approvers, groups included, stand for."""
    names: dict[str, list[str]] = defaultdict(list)
    for each in approvers:
        names[each.type].append(each.name)
    named = Q(username__in=names[PrincipalType.USER])
    grouped = Q(groups__name__in=names[PrincipalType.ROLE])
    return User.objects.filter(named | grouped, is_active=True).distinct()


@dataclass(frozen=True)
class Duties:
    """What one person may approve now: the constraints that assign them, by operation."""

    constraints: Mapping[str, list[str]]

    @classmethod
    def of(cls, user: User) -> "Duties":
        """Read them: one query, and one more where groups are assigned."""
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
        """The plans that fall under one of the constraints."""
        query = Q(pk__in=[])
        for operation, constraints in self.constraints.items():
            here = Constraint.objects.filter(
                pk__in=constraints,
                portfolio=OuterRef("portfolio"),
                product=OuterRef("version__product"),
            )
            query |= Q(Exists(here), operation=operation)
        return query
