"""Tag options: tags that administrators define for the instances of products."""

from typing import Self

from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from catalog.models.portfolio import Portfolio
from catalog.models.product import Product
from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import Editable
from console.lib.errors import NotFoundError
from console.lib.ids import id_field
from console.lib.names import Folded, FoldedField, FoldedQuerySet
from console.lib.users import User

# The vendor's rules: prefixes that it reserves, and no web addresses.
key_rule = RegexValidator(
    r"(?i)\A(?!aliyun|acs:)(?!.*https?://)",
    _("A key cannot start with aliyun or acs: and cannot contain http:// or https://."),
)
value_rule = RegexValidator(
    r"(?i)\A(?!acs:)(?!.*https?://)",
    _("A value cannot start with acs: and cannot contain http:// or https://."),
)


class TagOptionQuerySet(FoldedQuerySet):
    def active(self) -> Self:
        """Return the tag options that apply to new instances."""
        return self.filter(active=True)

    def offer(self, *, key: str, value: str, by: User) -> "TagOption":
        """Create an active tag option. Raises InvalidInputError and ConflictError."""
        return self.model(key=key, value=value).create_audited(by=by)


class TagOption(Folded, Editable):
    """One key and one value; several values of a key are several tag options."""

    AUDIT_NAME = "TagOption"
    FACTS = ("key", "value", "active")

    id = id_field("tag")
    key = models.CharField(_("key"), max_length=128, validators=[key_rule])
    value = models.CharField(_("value"), max_length=128, validators=[value_rule])
    search_text = FoldedField(of=["key", "value"])
    active = models.BooleanField(_("active"), default=True)
    products = models.ManyToManyField(
        Product, related_name="tag_options", blank=True, verbose_name=_("products")
    )
    portfolios = models.ManyToManyField(
        Portfolio, related_name="tag_options", blank=True, verbose_name=_("portfolios")
    )
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    objects = TagOptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("tag option")
        verbose_name_plural = _("tag options")
        ordering = ["key", "value"]
        constraints = [
            models.UniqueConstraint(fields=["key", "value"], name="tag_option_once"),
            models.CheckConstraint(
                condition=~Q(key="") & ~Q(value=""), name="tag_option_complete"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"

    def duplicate_message(self) -> str:
        return _("The tag option %(option)s already exists.") % {"option": self}

    def edit(
        self,
        *,
        value: str | None = None,
        active: bool | None = None,
        by: User,
        seen: str = "",
    ) -> None:
        """Change the values that are not None.

        `seen` is the stamp of the record as the user saw it. Raises InvalidInputError,
        ConflictError, and EditConflictError if the record has changed since.
        """
        self.edit_audited(by=by, seen=seen, value=value, active=active)

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete the tag option. Tags of instances stay."""
        attached = {
            "products": list(self.products.values_list("pk", flat=True)),
            "portfolios": list(self.portfolios.values_list("pk", flat=True)),
        }
        self.delete_audited(by=by, also=attached)

    @transaction.atomic
    def associate(self, resource: Product | Portfolio, *, by: User) -> None:
        """Attach the tag option to a product or portfolio, unless it is attached already."""
        if resource.tag_options.filter(pk=self.pk).exists():
            return
        resource.tag_options.add(self)
        AuditEntry.objects.record(
            "AssociateTagOptionWithResource", self, by=by, after=_reference(resource)
        )

    @transaction.atomic
    def dissociate(self, resource: Product | Portfolio, *, by: User) -> None:
        """Detach the tag option. Raises NotFoundError if it is not attached."""
        if not resource.tag_options.filter(pk=self.pk).exists():
            raise NotFoundError(
                _("%(option)s is not attached to %(resource)s.")
                % {"option": self, "resource": resource},
                code="InvalidTagOption.NotFound",
            )
        resource.tag_options.remove(self)
        AuditEntry.objects.record(
            "DisAssociateTagOptionFromResource",
            self,
            by=by,
            before=_reference(resource),
        )


def _reference(resource: Product | Portfolio) -> dict[str, str]:
    return {"resource": resource.pk, "name": resource.name}
