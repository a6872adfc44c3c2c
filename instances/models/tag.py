"""The tags of an instance."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from instances.models.instance import Instance


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
