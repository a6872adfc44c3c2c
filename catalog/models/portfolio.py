"""Portfolios: sets of products that are granted to users."""

from typing import Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.models.grant import Grant
from catalog.models.product import Product
from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import Editable
from console.lib.errors import ConflictError, InvalidInputError, NotFoundError, Text
from console.lib.ids import id_field
from console.lib.names import FoldedField, FoldedQuerySet, Named, check_name
from console.lib.records import listed, store
from console.lib.users import Role, User


class PortfolioQuerySet(FoldedQuerySet):
    def granted_to(self, user: User) -> Self:
        """Return the portfolios that a user can launch from."""
        return self.filter(
            pk__in=Grant.objects.applying_to(user).values("portfolio_id")
        )

    def launch_options(self, product: Product, user: User) -> Self:
        """Return the portfolios through which a user may launch a product, by name."""
        return self.granted_to(user).filter(products=product).order_by("name", "pk")

    def open(
        self, *, name: str, provider: str, description: str = "", by: User
    ) -> "Portfolio":
        """Create an empty portfolio. Raises InvalidInputError."""
        portfolio = self.model(name=name, provider=provider, description=description)
        return portfolio.create_audited(by=by)


class Portfolio(Named, Editable):
    """A set of products, the grants of access to it, and the constraints on its products."""

    AUDIT_NAME = "Portfolio"
    FACTS = ("name", "provider", "description")

    id = id_field("port")
    name = models.CharField(_("name"), max_length=128, validators=[check_name])
    search_text = FoldedField(of=["name", "provider", "description"])
    provider = models.CharField(_("provider"), max_length=128)
    description = models.CharField(_("description"), max_length=128, blank=True)
    products = models.ManyToManyField(
        Product, related_name="portfolios", verbose_name=_("products")
    )
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    objects = PortfolioQuerySet.as_manager()

    class Meta:
        verbose_name = _("portfolio")
        verbose_name_plural = _("portfolios")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="portfolio_newest"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["name_key"], name="portfolio_name_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="portfolio_has_name"),
            models.CheckConstraint(
                condition=~Q(provider=""), name="portfolio_has_provider"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("manage:portfolio-detail", args=[self.pk])

    @property
    def arn(self) -> str:
        return (
            f"acs:servicecatalog:{settings.REGION_ID}:{settings.ACCOUNT_ID}"
            f":portfolio/{self.pk}"
        )

    def duplicate_message(self) -> Text:
        return _("A portfolio with this name already exists. Enter another name.")

    def edit(
        self,
        *,
        name: str | None = None,
        provider: str | None = None,
        description: str | None = None,
        by: User,
        seen: str = "",
    ) -> None:
        """Change the values that are not None.

        `seen` is the stamp of the record as the user saw it. Raises InvalidInputError,
        ConflictError, and EditConflictError if the record has changed since.
        """
        self.edit_audited(
            by=by, seen=seen, name=name, provider=provider, description=description
        )

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete the portfolio with its grants. Raises ConflictError if it has products."""
        if self.products.exists():
            raise ConflictError(
                _(
                    "%(portfolio)s still contains products: %(names)s. "
                    "Remove them first."
                )
                % {"portfolio": self, "names": listed(self.products.all())},
                code="PortfolioNotEmpty",
            )
        grants = [grant.audit_facts() for grant in self.grants.all()]
        self.delete_audited(by=by, also={"grants": grants})

    @transaction.atomic
    def add_product(self, product: Product, *, by: User) -> None:
        """Add a product. Do nothing if it is already in the portfolio."""
        if self.products.filter(pk=product.pk).exists():
            return
        self.products.add(product)
        AuditEntry.objects.record(
            "AssociateProductWithPortfolio", self, by=by, after=_reference(product)
        )

    @transaction.atomic
    def remove_product(self, product: Product, *, by: User) -> None:
        """Remove a product, with its constraints in this portfolio.

        Running instances stay. Raises NotFoundError if it is not in the portfolio.
        """
        if not self.products.filter(pk=product.pk).exists():
            raise NotFoundError(
                _("%(product)s is not in %(portfolio)s.")
                % {"product": product, "portfolio": self},
                code="InvalidProduct.NotFound",
            )
        constraints = self.constraints.filter(product=product)
        before = _reference(product)
        before["constraints"] = [
            {"id": each.pk, "kind": each.kind, "config": each.config}
            for each in constraints
        ]
        constraints.delete()
        self.products.remove(product)
        AuditEntry.objects.record(
            "DisassociateProductFromPortfolio", self, by=by, before=before
        )

    @transaction.atomic
    def grant(
        self,
        *,
        user: User | None = None,
        role: Role | None = None,
        pattern: str = "",
        by: User,
    ) -> Grant:
        """Grant access to exactly one of a user, a group and a pattern of names.

        Return the grant that exists if there is one. Raises InvalidInputError.
        """
        _check_principal(user, role, pattern)
        known = self.grants.filter(user=user, role=role, pattern=pattern).first()
        if known:
            return known
        grant = Grant(portfolio=self, user=user, role=role, pattern=pattern)
        taken = _("This access has already been granted.")
        store(grant, taken=taken, code="DuplicateName.Principal")
        AuditEntry.objects.record(
            "AssociatePrincipalWithPortfolio", self, by=by, after=grant.audit_facts()
        )
        return grant

    @transaction.atomic
    def withdraw(
        self,
        *,
        user: User | None = None,
        role: Role | None = None,
        pattern: str = "",
        by: User,
    ) -> None:
        """Remove a grant. Running instances stay. Raises InvalidInputError and NotFoundError."""
        _check_principal(user, role, pattern)
        grant = self.grants.filter(user=user, role=role, pattern=pattern).first()
        if grant is None:
            raise NotFoundError(
                _("This access has not been granted."), code="InvalidPrincipal.NotFound"
            )
        AuditEntry.objects.record(
            "DisassociatePrincipalFromPortfolio",
            self,
            by=by,
            before=grant.audit_facts(),
        )
        grant.delete()


def _reference(product: Product) -> dict[str, object]:
    return {"product": product.pk, "name": product.name}


def _check_principal(user: User | None, role: Role | None, pattern: str) -> None:
    if sum(map(bool, (user, role, pattern))) != 1:
        raise InvalidInputError(
            {"principal": [_("Specify exactly one user, group, or pattern.")]},
            code="InvalidPrincipalId",
        )
