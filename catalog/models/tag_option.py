"""A tag option: a tag the platform team offers or imposes on what is launched."""

from typing import Any, Self

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
from console.lib.records import facts, store
from console.lib.users import User

# The vendor's rules: names it keeps for itself, and nothing that looks like an address.
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
        """Tag options that launch forms take into account."""
        return self.filter(active=True)

    @transaction.atomic
    def offer(self, *, key: str, value: str, by: User) -> "TagOption":
        """Create an active tag option. Raises InvalidInputError, ConflictError when it exists."""
        option = self.model(key=key, value=value)
        option.store()
        after = facts(option, *TagOption.FACTS)
        AuditEntry.objects.record("CreateTagOption", option, by=by, after=after)
        return option


class TagOption(Folded, Editable):
    """One key and one value; several values of a key are several tag options."""

    FACTS = ("key", "value", "active")
    TAKEN = "DuplicateName.TagOption"

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

    def store(self) -> None:
        """Check and save. Raises InvalidInputError; ConflictError when key and value exist already."""
        store(self, taken=self._taken(str(self)), code=self.TAKEN)

    @staticmethod
    def _taken(option: str) -> str:
        return _("The tag option %(option)s already exists.") % {"option": option}

    def edit(
        self,
        *,
        value: str | None = None,
        active: bool | None = None,
        by: User,
        seen: str = "",
    ) -> None:
        """Change value or activity; None keeps it.

        `seen` is the stamp of what the person saw. Raises InvalidInputError, ConflictError, and
        EditConflictError when the tag option is no longer that.
        """
        columns: dict[str, Any] = {"value": value, "active": active}
        columns = {key: given for key, given in columns.items() if given is not None}
        option = f"{self.key}={columns.get('value', self.value)}"
        self.change(
            "UpdateTagOption",
            columns,
            by=by,
            seen=seen,
            taken=self._taken(option),
            code=self.TAKEN,
        )

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete the tag option everywhere. Tags on running instances stay."""
        before = facts(self, *self.FACTS)
        before["products"] = list(self.products.values_list("pk", flat=True))
        before["portfolios"] = list(self.portfolios.values_list("pk", flat=True))
        AuditEntry.objects.record("DeleteTagOption", self, by=by, before=before)
        self.delete()

    @transaction.atomic
    def associate(self, resource: Product | Portfolio, *, by: User) -> None:
        """Attach it to a product or portfolio. Attaching again is no change."""
        if resource.tag_options.filter(pk=self.pk).exists():
            return
        resource.tag_options.add(self)
        AuditEntry.objects.record(
            "AssociateTagOptionWithResource", self, by=by, after=_reference(resource)
        )

    @transaction.atomic
    def dissociate(self, resource: Product | Portfolio, *, by: User) -> None:
        """Detach it. Raises NotFoundError when it is not attached."""
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
