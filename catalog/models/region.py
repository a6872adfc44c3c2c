"""Where stacks live, and with which credentials runs act there."""

from collections.abc import Mapping
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from console.lib.audit import AuditEntry
from console.lib.edit_conflicts import Editable
from console.lib.encryption import EncryptedJSONField
from console.lib.errors import ConflictError
from console.lib.records import facts, listed, store
from console.lib.users import User

# Without these nobody may ask Alibaba Cloud for a stack.
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
        """Regions people may launch in."""
        return self.filter(active=True)

    @transaction.atomic
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
        """Offer a region. Raises InvalidInputError, ConflictError when the ID is taken."""
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
        region.store()
        AuditEntry.objects.record("CreateRegion", region, by=by, after=region.told())
        return region


class Region(Editable):
    """A stack region: an ID as the cloud writes it, and the environment its runs get.

    New instances are made by its engine; those that exist keep the one that made them.
    """

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
    # Environment variables of the runs in this region: keys, endpoints. Write-only.
    credentials = EncryptedJSONField(_("credentials"), default=dict)
    # What forms suggest here: an AssociationProperty with its values.
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
        """Whether new instances become stacks on Alibaba Cloud."""
        return self.engine == self.Engine.ROS

    def clean(self) -> None:
        """Refuse the cloud without the keys to it."""
        credentials: Any = self.credentials
        if self.in_cloud and not all(credentials.get(key) for key in CLOUD_KEYS):
            raise ValidationError(
                {
                    "engine": _("Alibaba Cloud requires these credentials: %(names)s.")
                    % {"names": ", ".join(CLOUD_KEYS)}
                }
            )

    def store(self) -> None:
        """Check and save. Raises InvalidInputError."""
        taken = _("The region %(id)s already exists.") % {"id": self.pk}
        store(self, taken=taken, code="DuplicateName.Region")

    @property
    def credential_names(self) -> list[str]:
        """All that is ever shown of the credentials."""
        credentials: Any = self.credentials
        return sorted(credentials)

    def told(self) -> dict[str, Any]:
        """What the audit trail may know: of credentials only the names."""
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
        """Change the region; None leaves a column as it is.

        `seen` is the stamp of what the person saw. Raises InvalidInputError, and
        EditConflictError when the region is no longer that.
        """
        given: dict[str, Any] = {
            "name": name,
            "endpoint": endpoint,
            "active": active,
            "engine": engine,
            "credentials": None if credentials is None else dict(credentials),
            "suggestions": None if suggestions is None else dict(suggestions),
        }
        columns = {key: value for key, value in given.items() if value is not None}
        replaced = {"credentials_replaced": credentials is not None}
        self.change("UpdateRegion", columns, by=by, seen=seen, also=replaced)

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete the region. Raises ConflictError when an instance was ever launched there."""
        AuditEntry.objects.record("DeleteRegion", self, by=by, before=self.told())
        try:
            self.delete()
        except models.ProtectedError as error:
            raise ConflictError(
                _("This region has current, past, or planned instances: %(names)s.")
                % {"names": listed(self.instances.all()) or _("plans only")},
                code="ResourceInUse.Region",
                hint=_(
                    "Deactivate the region instead. Users can then no longer choose it."
                ),
            ) from error
