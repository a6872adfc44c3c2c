"""The stored states of an instance."""

from typing import Self

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from console.lib.encryption import EncryptedField
from console.lib.ids import id_field
from instances.models.instance import Instance
from instances.models.task import Task


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
