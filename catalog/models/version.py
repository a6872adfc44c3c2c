"""A version of a product: one immutable template, with advice on whether to use it."""

from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Case, Q, When
from django.utils.module_loading import import_string
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog.models.product import Product
from catalog.models.region import Region
from catalog.models.template import Template
from catalog.models.trusted import is_trusted
from catalog.ros.document import read_document
from catalog.schema import Problem, TemplateError
from catalog.schema.size_limits import check_root
from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import Editable
from console.lib.errors import ConflictError, InvalidInputError, NotFoundError
from console.lib.ids import id_field
from console.lib.names import check_name, normalized
from console.lib.records import facts, listed, store
from console.lib.users import User

# Enough to mend a document; a hostile one has thousands.
MAX_PROBLEMS_SHOWN = 20


class VersionQuerySet(models.QuerySet["Version"]):
    def active(self) -> Self:
        """Versions end users may launch."""
        return self.filter(active=True)

    def by_advice(self) -> Self:
        """Recommended and latest first, deprecated last; newest first within each."""
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
        """Add a version to a product, and have it checked in the background.

        With `checked_first` it only becomes active when the check has passed. Raises
        TemplateError with file and line when the template holds what may not run here,
        InvalidInputError, and ConflictError when the product has a version of this name.
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
        version.store()
        after = facts(version, *Version.FACTS, "product", "template")
        AuditEntry.objects.record("CreateProductVersion", version, by=by, after=after)
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
    """Refuse a template with contents that may not run here, naming file and line.

    Raises TemplateError.
    """
    if template.kind == Template.Kind.STANDARD:
        _check_document(template)
        return
    # Asked again here: a template stored by an earlier release may have an empty root.
    check_root(template.files)
    # A setting, not an import: the policy belongs to the engines, which the catalogue
    # must not know.
    violations = import_string(settings.TEMPLATE_POLICY)
    trusted = settings.ALLOW_PROVISIONERS or is_trusted(template)
    found = violations(template.files, allow_provisioners=trusted)
    if found:
        raise TemplateError(
            *(Problem(each.message, file=each.file, line=each.line) for each in found)
        )


def _check_document(template: Template) -> None:
    """Refuse a ROS document that no engine here can run, naming function and place.

    Where a region makes stacks on Alibaba Cloud, ROS itself is the judge: what only the
    simulation cannot do is told by the version's check, and by a run on this machine.
    """
    if Region.objects.active().filter(engine=Region.Engine.ROS).exists():
        return
    problems = import_string(settings.DOCUMENT_POLICY)
    found = problems(read_document(template.body).body)
    if found:
        raise TemplateError(
            *(Problem(str(each)) for each in found[:MAX_PROBLEMS_SHOWN])
        )


class VersionManager(models.Manager.from_queryset(VersionQuerySet)):  # type: ignore[misc]
    """Leaves out removed versions, which only past tasks still name."""

    def get_queryset(self) -> VersionQuerySet:
        return super().get_queryset().filter(removed_at=None)


class Version(Editable):
    """One published state of a product. A removed one keeps its row, as products do."""

    FACTS = ("name", "description", "guidance", "active")
    TAKEN = "DuplicateName.ProductVersion"

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

    def clean_fields(self, exclude: Any = None) -> None:
        self.name = normalized(self.name or "")
        super().clean_fields(exclude=exclude)

    def __str__(self) -> str:
        return self.name

    @property
    def deprecated(self) -> bool:
        return self.guidance == self.Guidance.DEPRECATED

    def store(self) -> None:
        """Check and save. Raises InvalidInputError; ConflictError when the name is taken."""
        store(self, taken=self._taken(self.name), code=self.TAKEN)

    def _taken(self, name: str) -> str:
        return _("%(product)s already has a version %(name)s. Enter another name.") % {
            "product": self.product,
            "name": name,
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
        """Change everything but the template; None leaves a column as it is.

        A version made active, or inactive, waits for its check no longer. `seen` is the
        stamp of what the person saw. Raises InvalidInputError, ConflictError, and EditConflictError
        when the version is no longer that.
        """
        columns: dict[str, Any] = {
            "name": name,
            "description": description,
            "guidance": guidance,
            "active": active,
        }
        columns = {key: value for key, value in columns.items() if value is not None}
        if active is not None:
            columns["waits_for_check"] = False
        self.change(
            "UpdateProductVersion",
            columns,
            by=by,
            seen=seen,
            taken=self._taken(name or self.name),
            code=self.TAKEN,
        )

    def queue_check(self, *, by: User) -> None:
        """Have `init` and `validate` tried in the background."""
        # A setting, not an import: who checks is beyond what the catalogue knows.
        import_string(settings.VERSION_CHECK)(self, by=by)

    def switch(self, *, active: bool, by: User, seen: str = "") -> None:
        """Offer the version to end users or hide it, whatever its check has found."""
        self.edit(active=active, by=by, seen=seen)

    @transaction.atomic
    def admit(self, *, by: User | None) -> None:
        """Make active what only waited for its check, which has passed."""
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
        """Give another product this version; both use the one immutable template."""
        twin = Version(
            product=product,
            template_id=self.template_id,
            name=self.name,
            description=self.description,
            guidance=self.guidance,
            active=self.active,
        )
        twin.store()
        return twin

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Remove the version. Raises ConflictError while an instance runs it."""
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
        before = facts(self, *self.FACTS, "product", "template")
        AuditEntry.objects.record("DeleteProductVersion", self, by=by, before=before)
