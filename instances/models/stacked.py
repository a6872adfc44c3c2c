"""The stack an instance is: which engine made it, what it is called, where it can be seen."""

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from catalog.models.product import SIMULATED
from console.lib.errors import Text
from instances.models.engine_name import CLOUD, SIMULATION, local_engine

if TYPE_CHECKING:
    from catalog.models import Region, Version

# Any fixed UUID: stack IDs are made in its name space.
STACKS = uuid.UUID("5d1f6a0e-3c57-4a0b-9d3e-1f6f2b7a9c40")
CONSOLE = "https://ros.console.aliyun.com"


def stack_id_of(pk: str) -> uuid.UUID:
    """Return the stack ID of a new instance, which its plan needs before it is made."""
    return uuid.uuid5(STACKS, pk)


class Stacked(models.Model):
    """Abstract: what is made as a stack, by an engine that stays its own for life."""

    stack_id = models.UUIDField(
        _("resource stack ID"), default=uuid.uuid4, editable=False
    )
    # Empty on instances older than the choice: those were all made on this machine.
    engine = models.CharField(_("engine"), max_length=16, blank=True, editable=False)

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        region: Region
        region_id: str
        version: Version
        terminated_at: object

    @property
    def made_by(self) -> str:
        """The engine that made the instance and goes on changing it."""
        return self.engine or local_engine(self.version.template)

    @property
    def simulated(self) -> Text:
        """What to know of resources that are imitations; empty when they are real."""
        return SIMULATED if self.made_by == SIMULATION else ""

    @property
    def console_url(self) -> str:
        """The page of the stack in the vendor's console; empty where there is none.

        A stack has its real ID as soon as the cloud has said that it makes it.
        """
        known = self.stack_id != stack_id_of(str(self.pk))
        if self.engine != CLOUD or not known or self.terminated_at:
            return ""
        return f"{self.region_console_url}/{self.stack_id}"

    @property
    def region_console_url(self) -> str:
        """The page of all stacks of the region in the vendor's console."""
        if self.engine != CLOUD:
            return ""
        return f"{CONSOLE}/{self.region_id}/stacks"
