"""Versions of products: an immutable template each, with a recommendation."""

from collections.abc import Collection
from typing import Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, Q, When
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog.models.hooks import HOOKS
from catalog.models.product import Product
from catalog.models.region import Region
from catalog.models.template import Template
from catalog.models.trusted import is_trusted
from catalog.ros.document import read_document
from catalog.schema import Problem, TemplateError
from catalog.schema.size_limits import check_root
from catalog.terraform.policy import violations
from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import Editable
from console.lib.errors import ConflictError, InvalidInputError, NotFoundError
from console.lib.ids import id_field
from console.lib.names import check_name, normalized
from console.lib.records import listed
from console.lib.users import User

# A hostile document can have thousands of problems.
MAX_PROBLEMS_SHOWN = 20


class VersionQuerySet(models.QuerySet["Version"]):
    def active(self) -> Self:
        """Return the versions that end users can launch."""
        return self.filter(active=True)

    def by_advice(self) -> Self:
        """Order recommended and latest versions first, deprecated last; then by age."""
        guidance = Version.Guidance
        rank = Case(
            When(guidance=guidance.RECOMMENDED, then=0),
            When(guidance=guidance.LATEST, then=1),
            When(guidance=guidance.DEFAULT, then=2),
            default=3,
            output_field=models.IntegerField(),
        )
        return self.order_by(rank, "-created_at", "-pk")

    def launchable(self, product: Product, pk: str) -> "Version":
        """Return an active version of a product, with its template.

        Raises NotFoundError for a version that is missing, inactive or another product's.
        """
        versions = self.active().select_related("template", "product")
        version = versions.filter(product=product, pk=pk).first()
        if version is None:
            raise NotFoundError(
                _("This version does not exist or is not active."),
                code="InvalidProductVersion.NotFound",
            )
        return version

    @transaction.atomic
    def publish(
        self,
        *,
        product: Product,
        template: Template,
        name: str,
        description: str = "",
        guidance: str = "Default",
        active: bool = True,
        checked_first: bool = False,
        by: User,
    ) -> "Version":
        """Add a version to a product, and check it in the background.

        With `checked_first` the version becomes active only when its check has passed.
        Raises TemplateError with file and line if the template has forbidden contents,
        InvalidInputError, and ConflictError if the product has a version of this name.
        """
        if not product.template_kind:
            product.decide_kind(template.kind)
        if template.kind != product.template_kind:
            raise InvalidInputError({"template": [_wrong_kind(product, template)]})
        check_policy(template)
        version = self.model(
            product=product,
            template=template,
            name=name,
            description=description,
            guidance=guidance,
            active=active and not checked_first,
            waits_for_check=active and checked_first,
        )
        version.create_audited(by=by)
        version.queue_check(by=by)
        return version


def _wrong_kind(product: Product, template: Template) -> str:
    return _(
        "The template is a %(template)s template. %(product)s accepts "
        "only %(expected)s templates."
    ) % {
        "template": template.get_kind_display(),
        "product": product,
        "expected": product.get_template_kind_display(),
    }


def check_policy(template: Template) -> None:
    """Refuse a template with forbidden contents. Raises TemplateError with file and line."""
    if template.kind == Template.Kind.STANDARD:
        _check_document(template)
        return
    # Checked again: a template that an old release has stored can have an empty root.
    check_root(template.files)
    trusted = settings.ALLOW_PROVISIONERS or is_trusted(template)
    found = violations(template.files, allow_provisioners=trusted)
    if found:
        raise TemplateError(
            *(Problem(each.message, file=each.file, line=each.line) for each in found)
        )


def _check_document(template: Template) -> None:
    """Refuse a ROS document that the engine on this host cannot simulate.

    If a region is on Alibaba Cloud, ROS can run the document: then the check of the version
    reports what cannot be simulated.
    """
    if Region.objects.active().filter(engine=Region.Engine.ROS).exists():
        return
    found = HOOKS.document_problems(read_document(template.body).body)
    if found:
        raise TemplateError(
            *(Problem(str(each)) for each in found[:MAX_PROBLEMS_SHOWN])
        )


class VersionManager(models.Manager.from_queryset(VersionQuerySet)):  # type: ignore[misc]
    """A manager without removed versions, to which only past tasks refer."""

    def get_queryset(self) -> VersionQuerySet:
        return super().get_queryset().filter(removed_at=None)


class Version(Editable):
    """A published template of a product. A removed version keeps its row, as products do."""

    AUDIT_NAME = "ProductVersion"
    FACTS = ("name", "description", "guidance", "active")
    FIXED_FACTS = ("product", "template")

    class Guidance(models.TextChoices):
        DEFAULT = "Default", pgettext_lazy("guidance", "Default")
        RECOMMENDED = "Recommended", _("Recommended")
        LATEST = "Latest", _("Latest")
        DEPRECATED = "Deprecated", _("Deprecated")

    id = id_field("pv")
    product = models.ForeignKey(
        Product, models.CASCADE, related_name="versions", verbose_name=_("product")
    )
    template = models.ForeignKey(
        Template, models.PROTECT, related_name="versions", verbose_name=_("template")
    )
    name = models.CharField(_("name"), max_length=128, validators=[check_name])
    description = models.CharField(_("description"), max_length=128, blank=True)
    guidance = models.CharField(
        _("guidance"), max_length=16, choices=Guidance, default=Guidance.DEFAULT
    )
    active = models.BooleanField(_("active"), default=True)
    waits_for_check = models.BooleanField(
        _("activates when the check passes"), default=False, editable=False
    )
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    removed_at = models.DateTimeField(_("removed"), null=True, editable=False)

    objects = VersionManager()

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "name"],
                condition=Q(removed_at=None),
                name="version_name_unique",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="version_has_name"),
            models.CheckConstraint(
                condition=Q(
                    guidance__in=["Default", "Recommended", "Latest", "Deprecated"]
                ),
                name="version_guidance_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["product", "-created_at", "-id"], name="version_of_product"
            )
        ]

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        self.name = normalized(self.name or "")
        super().clean_fields(exclude=exclude)

    def __str__(self) -> str:
        return self.name

    def duplicate_message(self) -> str:
        return _("%(product)s already has a version %(name)s. Enter another name.") % {
            "product": self.product,
            "name": self.name,
        }

    def edit(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        guidance: str | None = None,
        active: bool | None = None,
        by: User,
        seen: str = "",
    ) -> None:
        """Change the values that are not None. The template cannot be changed.

        If `active` is given, the version no longer waits for its check. `seen` is the
        stamp of the record as the user saw it. Raises InvalidInputError, ConflictError,
        and EditConflictError if the record has changed since.
        """
        self.edit_audited(
            by=by,
            seen=seen,
            name=name,
            description=description,
            guidance=guidance,
            active=active,
            waits_for_check=None if active is None else False,
        )

    def queue_check(self, *, by: User) -> None:
        """Queue a check of the version by `init` and `validate`."""
        HOOKS.queue_version_check(self, by=by)

    def switch(self, *, active: bool, by: User, seen: str = "") -> None:
        """Activate or deactivate the version, regardless of its check."""
        self.edit(active=active, by=by, seen=seen)

    @transaction.atomic
    def activate_after_check(self, *, by: User | None) -> None:
        """Activate the version if it waits for its check, which has passed."""
        waiting = Version.objects.filter(pk=self.pk, waits_for_check=True)
        if not waiting.update(active=True, waits_for_check=False):
            return
        self.active, self.waits_for_check = True, False
        AuditEntry.objects.record(
            "UpdateProductVersion",
            self,
            by=by,
            before={"active": False},
            after={"active": True},
            reason=str(_("The version passed its check.")),
        )

    def copy_to(self, product: Product) -> "Version":
        """Create the same version of another product, with the same template."""
        copy = Version(
            product=product,
            template_id=self.template_id,
            name=self.name,
            description=self.description,
            guidance=self.guidance,
            active=self.active,
        )
        copy.store()
        return copy

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Remove the version. Raises ConflictError while an instance uses it."""
        users = self.instances.living()
        if users.exists():
            raise ConflictError(
                _("Version %(version)s is used by these instances: %(names)s.")
                % {"version": self, "names": listed(users)},
                code="ResourceInUse.ProductVersion",
                hint=_(
                    "Update these instances to another version, or "
                    "deactivate this version."
                ),
            )
        Version.objects.filter(pk=self.pk).update(removed_at=now())
        self.record_deletion(by=by)
