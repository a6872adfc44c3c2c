"""Regions: locations of instances, with the credentials of their tasks."""

from collections.abc import Mapping
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from console.lib.edit_conflicts import Editable
from console.lib.encryption import EncryptedJSONField
from console.lib.errors import ConflictError
from console.lib.records import facts, listed
from console.lib.users import User

# The credentials that a region on Alibaba Cloud must have.
CLOUD_KEYS = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")

# The vendor's names, which pages show in the reader's language.
VENDOR_NAMES = {
    "cn-qingdao": gettext_noop("China (Qingdao)"),
    "cn-beijing": gettext_noop("China (Beijing)"),
    "cn-zhangjiakou": gettext_noop("China (Zhangjiakou)"),
    "cn-huhehaote": gettext_noop("China (Hohhot)"),
    "cn-wulanchabu": gettext_noop("China (Ulanqab)"),
    "cn-hangzhou": gettext_noop("China (Hangzhou)"),
    "cn-shanghai": gettext_noop("China (Shanghai)"),
    "cn-shenzhen": gettext_noop("China (Shenzhen)"),
    "cn-heyuan": gettext_noop("China (Heyuan)"),
    "cn-guangzhou": gettext_noop("China (Guangzhou)"),
    "cn-chengdu": gettext_noop("China (Chengdu)"),
    "cn-hongkong": gettext_noop("China (Hong Kong)"),
    "ap-southeast-1": gettext_noop("Singapore"),
    "ap-southeast-3": gettext_noop("Malaysia (Kuala Lumpur)"),
    "ap-southeast-5": gettext_noop("Indonesia (Jakarta)"),
    "ap-southeast-6": gettext_noop("Philippines (Manila)"),
    "ap-southeast-7": gettext_noop("Thailand (Bangkok)"),
    "ap-northeast-1": gettext_noop("Japan (Tokyo)"),
    "ap-northeast-2": gettext_noop("South Korea (Seoul)"),
    "eu-central-1": gettext_noop("Germany (Frankfurt)"),
    "eu-west-1": gettext_noop("UK (London)"),
    "us-west-1": gettext_noop("US (Silicon Valley)"),
    "us-east-1": gettext_noop("US (Virginia)"),
    "me-east-1": gettext_noop("UAE (Dubai)"),
}


class RegionQuerySet(models.QuerySet["Region"]):
    def active(self) -> Self:
        """Return the regions in which products can be launched."""
        return self.filter(active=True)

    def add(
        self,
        *,
        id: str,
        name: str,
        endpoint: str = "",
        active: bool = True,
        engine: str | None = None,
        credentials: Mapping[str, str] | None = None,
        suggestions: Mapping[str, list[str]] | None = None,
        by: User,
    ) -> "Region":
        """Create a region. Raises InvalidInputError, ConflictError if the ID is in use."""
        if self.filter(pk=id).exists():
            raise ConflictError(
                _("The region %(id)s already exists.") % {"id": id},
                code="DuplicateName.Region",
            )
        region = self.model(
            id=id,
            name=name,
            endpoint=endpoint,
            active=active,
            engine=engine or Region.Engine.LOCAL,
        )
        region.credentials = dict(credentials or {})
        region.suggestions = dict(suggestions or {})
        return region.create_audited(by=by)


class Region(Editable):
    """A region, by the cloud's ID, with the environment variables of its tasks.

    Its engine creates new instances; existing instances keep theirs.
    """

    AUDIT_NAME = "Region"
    FACTS = ("name", "endpoint", "active", "engine", "suggestions")
    SECRET_COLUMNS = ("credentials",)

    class Engine(models.TextChoices):
        LOCAL = (
            "local",
            _("This machine: runs Terraform and simulates ROS templates"),
        )
        ROS = "ros", _("Alibaba Cloud: ROS creates stacks for both template types")

    id = models.CharField(
        _("region ID"),
        primary_key=True,
        max_length=64,
        validators=[
            RegexValidator(
                r"\A[a-z0-9][a-z0-9-]*\Z",
                _(
                    "Use lowercase letters, digits, and hyphens, for example, cn-hangzhou."
                ),
            )
        ],
    )
    name = models.CharField(_("name"), max_length=128)
    endpoint = models.CharField(_("endpoint"), max_length=255, blank=True)
    active = models.BooleanField(_("active"), default=True)
    engine = models.CharField(
        _("engine"), max_length=8, choices=Engine, default=Engine.LOCAL
    )
    # Environment variables, such as keys and endpoints. Write-only: never shown.
    credentials = EncryptedJSONField(_("credentials"), default=dict)
    # Values that forms suggest, by AssociationProperty.
    suggestions = models.JSONField(_("suggestions"), default=dict, blank=True)

    objects = RegionQuerySet.as_manager()

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(engine__in=["local", "ros"]),
                name="region_engine_known",
            )
        ]

    def __str__(self) -> str:
        """Return the name, translated if it is the vendor's name of the region."""
        vendors = VENDOR_NAMES.get(self.pk) == self.name
        return gettext(self.name) if vendors else self.name

    @property
    def in_cloud(self) -> bool:
        """True if new instances become stacks on Alibaba Cloud."""
        return self.engine == self.Engine.ROS

    def clean(self) -> None:
        """Refuse a region on Alibaba Cloud without its credentials."""
        credentials: Any = self.credentials
        if self.in_cloud and not all(credentials.get(key) for key in CLOUD_KEYS):
            raise ValidationError(
                {
                    "engine": _("Alibaba Cloud requires these credentials: %(names)s.")
                    % {"names": ", ".join(CLOUD_KEYS)}
                }
            )

    def duplicate_message(self) -> str:
        return _("The region %(id)s already exists.") % {"id": self.pk}

    @property
    def credential_names(self) -> list[str]:
        """The names of the environment variables; their values are never shown."""
        credentials: Any = self.credentials
        return sorted(credentials)

    def audit_facts(self) -> dict[str, object]:
        return {**facts(self, *self.FACTS), "credentials": self.credential_names}

    def edit(
        self,
        *,
        name: str | None = None,
        endpoint: str | None = None,
        active: bool | None = None,
        engine: str | None = None,
        credentials: Mapping[str, str] | None = None,
        suggestions: Mapping[str, list[str]] | None = None,
        by: User,
        seen: str = "",
    ) -> None:
        """Change the values that are not None.

        `seen` is the stamp of the record as the user saw it. Raises InvalidInputError,
        and EditConflictError if the record has changed since.
        """
        self.edit_audited(
            by=by,
            seen=seen,
            also={"credentials_replaced": credentials is not None},
            name=name,
            endpoint=endpoint,
            active=active,
            engine=engine,
            credentials=None if credentials is None else dict(credentials),
            suggestions=None if suggestions is None else dict(suggestions),
        )

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete the region. Raises ConflictError if it has or had instances."""
        try:
            self.delete_audited(by=by)
        except models.ProtectedError as error:
            raise ConflictError(
                _("This region has current, past, or planned instances: %(names)s.")
                % {"names": listed(self.instances.all()) or _("plans only")},
                code="ResourceInUse.Region",
                hint=_(
                    "Deactivate the region instead. Users can then no longer choose it."
                ),
            ) from error
