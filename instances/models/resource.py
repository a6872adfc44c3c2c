"""The resources of an instance."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from console.lib.masking import shortened
from instances.models.instance import Instance

ADDRESS_LENGTH = 512
NAME_LENGTH = 255
PHYSICAL_ID_LENGTH = 512


class Resource(models.Model):
    """A resource as the engine has reported it last. `status` has the values of ROS."""

    instance = models.ForeignKey(
        Instance, models.CASCADE, related_name="resources", verbose_name=_("instance")
    )
    address = models.CharField(_("address"), max_length=ADDRESS_LENGTH)
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    type = models.CharField(_("type"), max_length=255)
    physical_id = models.CharField(
        _("resource ID"), max_length=PHYSICAL_ID_LENGTH, blank=True
    )
    # The ID that it was imported by; empty for a resource that the instance has created.
    imported_id = models.CharField(
        _("imported as"),
        max_length=PHYSICAL_ID_LENGTH,
        blank=True,
        db_default="",
        editable=False,
    )
    status = models.CharField(_("status"), max_length=32)
    reason = models.TextField(_("description"), blank=True)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)
    updated_at = models.DateTimeField(_("updated"), default=now, editable=False)

    class Meta:
        verbose_name = _("resource")
        verbose_name_plural = _("resources")
        ordering = ["address"]
        constraints = [
            models.UniqueConstraint(
                fields=["instance", "address"], name="resource_once"
            )
        ]

    def __str__(self) -> str:
        return self.address

    @staticmethod
    def name_of(address: str, kind: str) -> str:
        """Return the address without the type, such as `server[0]`."""
        return shortened(address.replace(f"{kind}.", "", 1), NAME_LENGTH)
