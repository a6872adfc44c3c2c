"""Constraints: restrictions on launching a product through a portfolio."""

from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.models.constraint_config import (
    ApproverName,
    ConstraintConfig,
    clean_config,
    describe_config,
)
from catalog.models.portfolio import Portfolio
from catalog.models.product import Product
from console.lib.edit_conflicts import Editable
from console.lib.errors import InvalidInputError
from console.lib.ids import id_field
from console.lib.users import PrincipalType, User


class ConstraintQuerySet(models.QuerySet["Constraint"]):
    def on(self, product: Product, portfolio: Portfolio) -> "ConstraintQuerySet":
        """Return the constraints on a product in a portfolio."""
        return self.filter(product=product, portfolio=portfolio)

    def naming(self, user: User) -> list["Constraint"]:
        """Return the approval constraints that name a user as an approver.

        They are compared in Python, because SQLite cannot search inside JSON.
        """
        found = self.filter(kind=Constraint.Kind.APPROVAL).select_related(
            "product", "portfolio"
        )
        approver = _as_approver(user)
        return [each for each in found if approver in each.config.get("Approvers", ())]

    def impose(
        self,
        *,
        kind: str,
        portfolio: Portfolio,
        product: Product,
        config: object,
        description: str = "",
        by: User,
    ) -> "Constraint":
        """Create a constraint on a product in a portfolio.

        Raises InvalidInputError if the product is not in the portfolio or the
        configuration does not match the type, ConflictError for a second launch constraint.
        """
        _check_target(kind, portfolio, product)
        constraint = self.model(
            kind=kind,
            portfolio=portfolio,
            product=product,
            config=clean_config(kind, config, product),
            description=description,
        )
        return constraint.create_audited(by=by)


def _as_approver(user: User) -> ApproverName:
    name = user.get_username()
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
    """A restriction on one product in one portfolio. `config` depends on the type.

    Launch: `{"LocalRoleName": name}`. Template: `{"Rules": [...]}`. Approval:
    `{"OperationTypes": [...], "Approvers": [...]}`. StackRegion: `{"StackRegions": [...]}`.
    """

    AUDIT_NAME = "Constraint"
    FACTS = ("description", "config")
    FIXED_FACTS = ("kind", "portfolio", "product")
    duplicate_code = "LimitExceeded.Constraint"

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
        """The constraint in sentences, to show it to users."""
        return list(describe_config(self.kind, self.config))

    def duplicate_message(self) -> str:
        return _("%(product)s already has a launch constraint in %(portfolio)s.") % {
            "product": self.product,
            "portfolio": self.portfolio,
        }

    def with_approver(self, user: User, instead_of: User) -> ConstraintConfig:
        """Return the configuration with one user as an approver instead of another."""
        old, new = _as_approver(instead_of), _as_approver(user)
        config: ConstraintConfig = self.config
        approvers: list[ApproverName] = []
        for each in config.get("Approvers", ()):
            approver = new if each == old else each
            if approver not in approvers:
                approvers.append(approver)
        return {**config, "Approvers": approvers}

    def edit(
        self,
        *,
        config: object,
        description: str | None = None,
        by: User,
        seen: str = "",
    ) -> None:
        """Replace the configuration, and the description unless it is None.

        `seen` is the stamp of the record as the user saw it. Raises InvalidInputError,
        ConflictError, and EditConflictError if the record has changed since.
        """
        cleaned = clean_config(self.kind, config, self.product)
        self.edit_audited(by=by, seen=seen, config=cleaned, description=description)

    def remove(self, *, by: User) -> None:
        """Delete the constraint. It no longer applies to launches, updates and plans."""
        self.delete_audited(by=by)
