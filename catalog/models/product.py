"""Products: templates that users can launch, in versions."""

from typing import Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.models.grant import Grant
from catalog.models.region import Region
from catalog.models.template import Template
from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import Editable
from console.lib.errors import ConflictError, ForbiddenError, NotFoundError, Text
from console.lib.ids import id_field
from console.lib.names import FoldedField, FoldedQuerySet, Named, check_name, folded
from console.lib.records import listed
from console.lib.users import User

SIMULATED = _(
    "These resources are simulated and have generated IDs. Nothing is "
    "created on Alibaba Cloud."
)
SIMULATED_IN = _(
    "In %(regions)s, resources are simulated and have generated IDs. In "
    "other regions, they are created on Alibaba Cloud."
)
# The number of generated names that are tried for a copy.
MAX_COPIES = 100


class ProductQuerySet(FoldedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Return the products in the portfolios that are granted to a user."""
        return self.filter(Exists(self._granted_portfolios(user)))

    def with_launch_options(self, user: User) -> Self:
        """Annotate each product with `launch_option_count`, the user's launch options."""
        granted = Grant.objects.applying_to(user).values("portfolio_id")
        return self.annotate(
            launch_option_count=Count(
                "portfolios", filter=Q(portfolios__in=granted), distinct=True
            )
        )

    def with_launchable(self) -> Self:
        """Annotate each product with `launchable`: True if it has an active version."""
        active = Product.objects.filter(pk=OuterRef("pk"), versions__active=True)
        return self.annotate(launchable=Exists(active))

    def publish(
        self,
        *,
        name: str,
        provider: str,
        description: str = "",
        template_kind: str = Template.Kind.TERRAFORM,
        by: User,
    ) -> "Product":
        """Create a product without versions. Raises InvalidInputError."""
        product = self.model(
            name=name,
            provider=provider,
            description=description,
            template_kind=template_kind,
        )
        return product.create_audited(by=by, also={"template_kind": template_kind})

    @staticmethod
    def _granted_portfolios(user: User) -> models.QuerySet[models.Model]:
        return Product.portfolios.through.objects.filter(
            product_id=OuterRef("pk"),
            portfolio_id__in=Grant.objects.applying_to(user).values("portfolio_id"),
        )


class ProductManager(models.Manager.from_queryset(ProductQuerySet)):  # type: ignore[misc]
    """A manager without removed products, to which only past tasks refer."""

    def get_queryset(self) -> ProductQuerySet:
        return super().get_queryset().filter(removed_at=None)


class Product(Named, Editable):
    """A template that users can launch, in versions. Its type is always the vendor's `Ros`.

    A removed product keeps its row, because past tasks refer to it.
    """

    TYPE = "Ros"
    AUDIT_NAME = "Product"
    FACTS = ("name", "provider", "description")

    id = id_field("prod")
    name = models.CharField(_("name"), max_length=128, validators=[check_name])
    search_text = FoldedField(of=["name", "provider", "description"])
    provider = models.CharField(_("provider"), max_length=128)
    description = models.CharField(_("description"), max_length=128, blank=True)
    template_kind = models.CharField(
        _("template type"),
        max_length=24,
        choices=[("", _("Set by the first version")), *Template.Kind.choices],
        default=Template.Kind.TERRAFORM,
        # Empty until the first version is published, if none was specified.
        blank=True,
    )
    created_at = models.DateTimeField(_("created"), default=now, editable=False)
    removed_at = models.DateTimeField(_("removed"), null=True, editable=False)

    objects = ProductManager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="product_newest"),
            models.Index(fields=["name"], name="product_name"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["name_key"],
                condition=Q(removed_at=None),
                name="product_name_unique",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="product_has_name"),
            models.CheckConstraint(
                condition=~Q(provider=""), name="product_has_provider"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("catalog:product-detail", args=[self.pk])

    @property
    def arn(self) -> str:
        return (
            f"acs:servicecatalog:{settings.REGION_ID}:{settings.ACCOUNT_ID}"
            f":product/{self.pk}"
        )

    @property
    def simulated(self) -> Text:
        """A warning that resources are simulated, or an empty text."""
        if self.template_kind != Template.Kind.STANDARD:
            return ""
        regions = list(Region.objects.active())
        local = [str(region) for region in regions if not region.in_cloud]
        if len(local) == len(regions):
            return SIMULATED
        return SIMULATED_IN % {"regions": ", ".join(local)} if local else ""

    def duplicate_message(self) -> Text:
        return _("A product with this name already exists. Enter another name.")

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
    def copy(self, *, name: str = "", by: User) -> "Product":
        """Create a product with the same versions, in no portfolio. Raises InvalidInputError."""
        copy = Product(
            name=name or self._name_of_copy(),
            provider=self.provider,
            description=self.description,
            template_kind=self.template_kind,
        )
        copy.store()
        for version in self.versions.order_by("created_at", "pk"):
            version.copy_to(copy)
        after = {**copy.audit_facts(), "source": self.pk}
        AuditEntry.objects.record("CopyProduct", copy, by=by, after=after)
        return copy

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Remove the product and its versions.

        Raises ConflictError while it is in a portfolio or has instances.
        """
        if self.portfolios.exists():
            raise ConflictError(
                _(
                    "%(product)s is in these portfolios: %(names)s. Remove "
                    "it from them first."
                )
                % {"product": self, "names": listed(self.portfolios.all())},
                code="ResourceInUse.Product",
            )
        if self.instances.living().exists():
            raise ConflictError(
                _("%(product)s is used by these instances: %(names)s.")
                % {"product": self, "names": listed(self.instances.living())},
                code="ResourceInUse.Product",
                hint=_("Terminate these instances first."),
            )
        moment = now()
        self.versions.update(removed_at=moment)
        self.tag_options.clear()
        Product.objects.filter(pk=self.pk).update(removed_at=moment)
        self.record_deletion(by=by)

    def decide_kind(self, kind: str) -> None:
        """Set the template type to that of the first version, if none was specified."""
        undecided = Product.objects.filter(pk=self.pk, template_kind="")
        if not undecided.update(template_kind=kind):
            # A concurrent request may have published the first version.
            self.refresh_from_db(fields=["template_kind"])
        else:
            self.template_kind = kind

    def _name_of_copy(self) -> str:
        """Return a name that is not in use."""
        names = {"name": self.name[:100]}
        candidates = [
            _("%(name)s (copy)") % names,
            *(
                _("%(name)s (copy %(number)d)") % {**names, "number": number}
                for number in range(2, MAX_COPIES)
            ),
        ]
        taken = set(
            Product.objects.filter(name_key__in=map(folded, candidates)).values_list(
                "name_key", flat=True
            )
        )
        return next(
            (name for name in candidates if folded(name) not in taken), candidates[-1]
        )


def product_for(user: User, pk: str) -> Product:
    """Return a product that is granted to a user.

    Raises NotFoundError, also for products that are not granted to the user.
    """
    product = Product.objects.visible_to(user).filter(pk=pk).first()
    if product is None:
        raise NotFoundError(
            _("The product does not exist, or you do not have access to it."),
            code="InvalidProduct.NotFound",
        )
    return product


def granted_product(user: User, pk: str) -> Product:
    """Return a product that is granted to a user.

    Raises ForbiddenError if it is not granted, but the user may know that it exists: as an
    administrator, or as the owner of one of its instances. Raises NotFoundError otherwise.
    """
    product = Product.objects.filter(pk=pk).first()
    if product is not None and _is_known_to(product, user):
        if not Product.objects.visible_to(user).filter(pk=pk).exists():
            raise ForbiddenError(
                _("You do not have access to a portfolio that contains %(product)s.")
                % {"product": product},
                code="NoPermission.ProductNotGranted",
                hint=_(
                    "Ask an administrator for access to a portfolio that "
                    "contains the product."
                ),
            )
        return product
    return product_for(user, pk)


def _is_known_to(product: Product, user: User) -> bool:
    own = product.instances.living().owned_by(user)
    return user.is_administrator or bool(own.exists())
