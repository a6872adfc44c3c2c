"""A constraint: a limit on launching one product through one portfolio."""

from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.models.constraint_config import clean_config, describe_config
from catalog.models.portfolio import Portfolio
from catalog.models.product import Product
from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import Editable
from console.lib.errors import InvalidInputError
from console.lib.ids import id_field
from console.lib.records import facts, store
from console.lib.users import PrincipalType, User


class ConstraintQuerySet(models.QuerySet["Constraint"]):
    def on(self, product: Product, portfolio: Portfolio) -> "ConstraintQuerySet":
        """Constraints of a product inside a portfolio: they hold for all its versions."""
        return self.filter(product=product, portfolio=portfolio)

    def naming(self, person: User) -> list["Constraint"]:
        """The approval constraints that name this person as an approver.

        Read and compared here: SQLite cannot search inside JSON. There are few of them.
        """
        found = self.filter(kind=Constraint.Kind.APPROVAL).select_related(
            "product", "portfolio"
        )
        me = _as_approver(person)
        return [each for each in found if me in each.config.get("Approvers", ())]

    @transaction.atomic
    def impose(
        self,
        *,
        kind: str,
        portfolio: Portfolio,
        product: Product,
        config: Any,
        description: str = "",
        by: User,
    ) -> "Constraint":
        """Limit how a product of a portfolio may be launched.

        Raises InvalidInputError when the product is not in the portfolio or the configuration
        does not fit the type, ConflictError for a second launch constraint.
        """
        _check_target(kind, portfolio, product)
        constraint = self.model(
            kind=kind,
            portfolio=portfolio,
            product=product,
            config=clean_config(kind, config, product),
            description=description,
        )
        constraint.store()
        after = facts(constraint, *Constraint.FACTS, "kind", "portfolio", "product")
        AuditEntry.objects.record("CreateConstraint", constraint, by=by, after=after)
        return constraint


def _as_approver(person: User) -> dict[str, str]:
    name = person.get_username()
    return {"PrincipalType": PrincipalType.USER.value, "PrincipalName": name}


def _check_target(kind: str, portfolio: Portfolio, product: Product) -> None:
    if kind not in Constraint.Kind.values:
        raise InvalidInputError(
            {"kind": [_("This type of constraint does not exist.")]}
        )
    if not portfolio.products.filter(pk=product.pk).exists():
        sentence = _("%(product)s is not in %(portfolio)s. Add it there first.")
        names = {"product": product, "portfolio": portfolio}
        raise InvalidInputError(
            {"product": [sentence % names]}, code="InvalidProductId"
        )


class Constraint(Editable):
    """The shape of `config` depends on the type.

    Launch: `{"LocalRoleName": name}`. Template: `{"Rules": [...]}`. Approval:
    `{"OperationTypes": [...], "Approvers": [...]}`. StackRegion: `{"StackRegions": [...]}`.
    """

    FACTS = ("description", "config")

    class Kind(models.TextChoices):
        LAUNCH = "Launch", _("Launch")
        TEMPLATE = "Template", _("Template")
        APPROVAL = "Approval", _("Approval")
        STACK_REGION = "StackRegion", _("Region")

    id = id_field("cons")
    kind = models.CharField(_("type"), max_length=16, choices=Kind)
    portfolio = models.ForeignKey(
        Portfolio,
        models.CASCADE,
        related_name="constraints",
        verbose_name=_("portfolio"),
    )
    product = models.ForeignKey(
        Product, models.CASCADE, related_name="constraints", verbose_name=_("product")
    )
    description = models.CharField(_("description"), max_length=128, blank=True)
    config = models.JSONField(_("configuration"), default=dict)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    objects = ConstraintQuerySet.as_manager()

    class Meta:
        verbose_name = _("constraint")
        verbose_name_plural = _("constraints")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["Launch", "Template", "Approval", "StackRegion"]),
                name="constraint_kind_known",
            ),
            models.UniqueConstraint(
                fields=["portfolio", "product"],
                condition=Q(kind="Launch"),
                name="constraint_one_launch_role",
            ),
        ]
        indexes = [
            models.Index(fields=["product", "portfolio"], name="constraint_of_product")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.description}"

    @property
    def sentences(self) -> list[str]:
        """What the constraint demands, for people."""
        return list(describe_config(self.kind, self.config))

    def store(self) -> None:
        """Check and save. Raises InvalidInputError; ConflictError for a second launch constraint."""
        taken = _("%(product)s already has a launch constraint in %(portfolio)s.") % {
            "product": self.product,
            "portfolio": self.portfolio,
        }
        store(self, taken=taken, code="LimitExceeded.Constraint")

    def with_approver(self, person: User, instead_of: User) -> dict[str, Any]:
        """The configuration in which one person approves instead of another."""
        old, new = _as_approver(instead_of), _as_approver(person)
        approvers: list[Any] = []
        for each in self.config.get("Approvers", ()):
            approver = new if each == old else each
            if approver not in approvers:
                approvers.append(approver)
        return {**self.config, "Approvers": approvers}

    def edit(
        self, *, config: Any, description: str | None = None, by: User, seen: str = ""
    ) -> None:
        """Replace the configuration, and the description unless it is None.

        `seen` is the stamp of what the person saw. Raises InvalidInputError, and
        EditConflictError when the constraint is no longer that.
        """
        cleaned = clean_config(self.kind, config, self.product)
        columns: dict[str, Any] = {"config": cleaned}
        if description is not None:
            columns["description"] = description
        self.change("UpdateConstraint", columns, by=by, seen=seen)

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Lift the constraint: from the next launch, update or plan on."""
        before = facts(self, *self.FACTS, "kind", "portfolio", "product")
        AuditEntry.objects.record("DeleteConstraint", self, by=by, before=before)
        self.delete()
