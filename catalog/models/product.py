"""A product: what a platform team offers, in versions."""

from typing import Any, Self

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
from console.lib.records import facts, listed, store
from console.lib.users import User

SIMULATED = _(
    "These resources are simulated and have generated IDs. Nothing is "
    "created on Alibaba Cloud."
)
SIMULATED_IN = _(
    "In %(regions)s, resources are simulated and have generated IDs. In "
    "other regions, they are created on Alibaba Cloud."
)


NAME_TAKEN = _("A product with this name already exists. Enter another name.")
# A name is looked for among so many; then one has to be given.
MAX_COPIES = 100


class ProductQuerySet(FoldedQuerySet):
    def visible_to(self, user: User) -> Self:
        """Products that some portfolio granted to this person holds."""
        return self.filter(Exists(self._granted_portfolios(user)))

    def with_launch_options(self, user: User) -> Self:
        """Count, as `launch_option_count`, the portfolios that give this person the product."""
        granted = Grant.objects.covering(user).values("portfolio_id")
        return self.annotate(
            launch_option_count=Count(
                "portfolios", filter=Q(portfolios__in=granted), distinct=True
            )
        )

    def with_launchable(self) -> Self:
        """Say, as `launchable`, whether there is an active version to launch."""
        active = Product.objects.filter(pk=OuterRef("pk"), versions__active=True)
        return self.annotate(launchable=Exists(active))

    @transaction.atomic
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
        product.store()
        after = facts(product, *Product.FACTS, "template_kind")
        AuditEntry.objects.record("CreateProduct", product, by=by, after=after)
        return product

    @staticmethod
    def _granted_portfolios(user: User) -> models.QuerySet[Any]:
        return Product.portfolios.through.objects.filter(
            product_id=OuterRef("pk"),
            portfolio_id__in=Grant.objects.covering(user).values("portfolio_id"),
        )


class ProductManager(models.Manager.from_queryset(ProductQuerySet)):  # type: ignore[misc]
    """Leaves out removed products, which only past tasks still name."""

    def get_queryset(self) -> ProductQuerySet:
        return super().get_queryset().filter(removed_at=None)


class Product(Named, Editable):
    """What can be launched. Its type is always `Ros`, as the vendor's is.

    A removed product keeps its row: the history of terminated instances refers to it.
    """

    TYPE = "Ros"
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
        # Empty until the first version decides, where none was announced.
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
        """What to know of instances that are imitations; empty when they are real."""
        if self.template_kind != Template.Kind.STANDARD:
            return ""
        regions = list(Region.objects.active())
        local = [str(region) for region in regions if not region.in_cloud]
        if len(local) == len(regions):
            return SIMULATED
        return SIMULATED_IN % {"regions": ", ".join(local)} if local else ""

    def store(self) -> None:
        """Check and save. Raises InvalidInputError."""
        store(self, taken=NAME_TAKEN, code="DuplicateName.Product")

    def edit(
        self,
        *,
        name: str | None = None,
        provider: str | None = None,
        description: str | None = None,
        by: User,
        seen: str = "",
    ) -> None:
        """Change name, provider or description; None leaves one as it is.

        `seen` is the stamp of what the person saw. Raises InvalidInputError, and
        EditConflictError when the product is no longer that.
        """
        given = {"name": name, "provider": provider, "description": description}
        columns = {key: value for key, value in given.items() if value is not None}
        self.change(
            "UpdateProduct",
            columns,
            by=by,
            seen=seen,
            taken=NAME_TAKEN,
            code="DuplicateName.Product",
        )

    @transaction.atomic
    def copy(self, *, name: str = "", by: User) -> "Product":
        """Make a product with the same versions, in no portfolio. Raises InvalidInputError."""
        twin = Product(
            name=name or self._name_of_copy(),
            provider=self.provider,
            description=self.description,
            template_kind=self.template_kind,
        )
        twin.store()
        for version in self.versions.order_by("created_at", "pk"):
            version.copy_to(twin)
        after = {**facts(twin, *self.FACTS), "source": self.pk}
        AuditEntry.objects.record("CopyProduct", twin, by=by, after=after)
        return twin

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Remove the product and its versions.

        Raises ConflictError while a portfolio holds it or an instance of it lives.
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
        before = facts(self, *self.FACTS)
        AuditEntry.objects.record("DeleteProduct", self, by=by, before=before)

    def decide_kind(self, kind: str) -> None:
        """Take the template type of the first version, where none was announced."""
        undecided = Product.objects.filter(pk=self.pk, template_kind="")
        if not undecided.update(template_kind=kind):
            # Another version may have been first at this very moment.
            self.refresh_from_db(fields=["template_kind"])
        else:
            self.template_kind = kind

    def _name_of_copy(self) -> str:
        """Return a name that no product has."""
        names = {"name": self.name[:100]}
        made = [
            _("%(name)s (copy)") % names,
            *(
                _("%(name)s (copy %(number)d)") % {**names, "number": number}
                for number in range(2, MAX_COPIES)
            ),
        ]
        taken = set(
            Product.objects.filter(name_key__in=map(folded, made)).values_list(
                "name_key", flat=True
            )
        )
        return next((name for name in made if folded(name) not in taken), made[-1])


def product_for(user: User, pk: str) -> Product:
    """Return a product granted to this person. Raises NotFoundError: missing and foreign are one."""
    product = Product.objects.visible_to(user).filter(pk=pk).first()
    if product is None:
        raise NotFoundError(
            _("The product does not exist, or you do not have access to it."),
            code="InvalidProduct.NotFound",
        )
    return product


def granted_product(user: User, pk: str) -> Product:
    """Return a product granted to this person, and tell who knows it that the grant is missing.

    Administrators know every product, others those of their instances. Raises ForbiddenError
    for them, NotFoundError for everybody else: there, missing and foreign are one.
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
