"""The resources, tags and states of an instance."""

from typing import Self

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from console.lib.encryption import EncryptedField
from console.lib.ids import id_field
from console.lib.masking import shortened
from instances.models.instance import Instance
from instances.models.task import Task

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


class Tag(models.Model):
    """A tag of an instance, as its last successful task has set it."""

    instance = models.ForeignKey(Instance, models.CASCADE, related_name="tags")
    key = models.CharField(_("key"), max_length=128)
    value = models.CharField(_("value"), max_length=128, blank=True)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "key"], name="tag_once")
        ]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class StateVersionQuerySet(models.QuerySet["StateVersion"]):
    def newest_first(self) -> Self:
        return self.order_by("-serial", "-created_at")

    def latest_of(self, instance: Instance) -> "StateVersion | None":
        """Return the newest state of an instance, or None before anything was made."""
        return self.filter(instance=instance).newest_first().first()


class StateVersion(models.Model):
    """One serial of the state of an instance. Rows are added and never overwritten."""

    id = id_field("state")
    instance = models.ForeignKey(Instance, models.CASCADE, related_name="states")
    task = models.ForeignKey(
        Task, models.SET_NULL, null=True, related_name="states", editable=False
    )
    lineage = models.CharField(_("lineage"), max_length=64, editable=False)
    serial = models.PositiveIntegerField(_("serial"), editable=False)
    digest = models.CharField(_("digest"), max_length=64, editable=False)
    body = EncryptedField(_("state"))
    resource_count = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    objects = StateVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("state version")
        verbose_name_plural = _("state versions")
        constraints = [
            models.UniqueConstraint(
                fields=["instance", "lineage", "serial"], name="state_serial_once"
            )
        ]
        indexes = [
            models.Index(fields=["instance", "-created_at"], name="state_newest")
        ]

    def __str__(self) -> str:
        return f"{self.instance_id} #{self.serial}"
