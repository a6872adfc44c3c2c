"""Where stacks live, and with which credentials runs act there."""

from collections.abc import Mapping
from typing import Any, Self

from django.core.validators import RegexValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from console.lib.audit import AuditEntry
from console.lib.encryption import EncryptedJSONField
from console.lib.errors import Conflict
from console.lib.people import User
from console.lib.verbs import facts, listed, store


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
        credentials: Mapping[str, str] | None = None,
        suggestions: Mapping[str, list[str]] | None = None,
        by: User,
    ) -> "Region":
        """Offer a region. Raises InvalidInput, Conflict when the ID is taken."""
        if self.filter(pk=id).exists():
            raise Conflict(
                _("The region %(id)s exists already.") % {"id": id},
                code="DuplicateName.Region",
            )
        region = self.model(id=id, name=name, endpoint=endpoint, active=active)
        region.credentials = dict(credentials or {})
        region.suggestions = dict(suggestions or {})
        region.store()
        AuditEntry.objects.record("CreateRegion", region, by=by, after=region.told())
        return region


class Region(models.Model):
    """A stack region: an ID as the cloud writes it, and the environment its runs get."""

    FACTS = ("name", "endpoint", "active", "suggestions")

    id = models.CharField(
        _("region ID"),
        primary_key=True,
        max_length=64,
        validators=[
            RegexValidator(
                r"\A[a-z0-9][a-z0-9-]*\Z",
                _("Use lower-case letters, digits and dashes, as in cn-hangzhou."),
            )
        ],
    )
    name = models.CharField(_("name"), max_length=128)
    endpoint = models.CharField(_("endpoint"), max_length=255, blank=True)
    active = models.BooleanField(_("active"), default=True)
    # Environment variables of the runs in this region: keys, endpoints. Write-only.
    credentials = EncryptedJSONField(_("credentials"), default=dict)
    # What forms suggest here: an AssociationProperty with its values.
    suggestions = models.JSONField(_("suggestions"), default=dict, blank=True)

    objects = RegionQuerySet.as_manager()

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def store(self) -> None:
        """Check and save. Raises InvalidInput."""
        taken = _("The region %(id)s exists already.") % {"id": self.pk}
        store(self, taken=taken, code="DuplicateName.Region")

    @property
    def credential_names(self) -> list[str]:
        """All that is ever shown of the credentials."""
        credentials: Any = self.credentials
        return sorted(credentials)

    def told(self) -> dict[str, Any]:
        """What the audit trail may know: of credentials only the names."""
        return {**facts(self, *self.FACTS), "credentials": self.credential_names}

    @transaction.atomic
    def edit(
        self,
        *,
        name: str,
        endpoint: str = "",
        active: bool = True,
        credentials: Mapping[str, str] | None = None,
        suggestions: Mapping[str, list[str]] | None = None,
        by: User,
    ) -> None:
        """Replace the facts; credentials and suggestions of None stay as they are.

        Raises InvalidInput.
        """
        before = self.told()
        self.name, self.endpoint, self.active = name, endpoint, active
        if credentials is not None:
            self.credentials = dict(credentials)
        if suggestions is not None:
            self.suggestions = dict(suggestions)
        self.store()
        after = {**self.told(), "credentials_replaced": credentials is not None}
        AuditEntry.objects.record(
            "UpdateRegion", self, by=by, before=before, after=after
        )

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete the region. Raises Conflict when an instance was ever launched there."""
        AuditEntry.objects.record("DeleteRegion", self, by=by, before=self.told())
        try:
            self.delete()
        except models.ProtectedError as error:
            raise Conflict(
                _("These instances are, were or are planned in this region: %(names)s.")
                % {"names": listed(self.instances.all()) or _("plans only")},
                code="ResourceInUse.Region",
                hint=_("Deactivate the region: it is then offered to nobody."),
            ) from error
