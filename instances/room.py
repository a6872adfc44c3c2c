"""Whether this host has room for another run."""

import shutil

from django.conf import settings
from django.utils.translation import gettext as _

from instances.engines.base import EngineError


def room_for_runs() -> bool:
    """Whether the disk of the runs is above its floor."""
    return shutil.disk_usage(settings.DATA_DIR).free >= settings.FREE_BYTES


def check_room() -> None:
    """Raise EngineError when a run must not begin for lack of space.

    Terraform with a full disk loses the record of what it has just made.
    """
    if not room_for_runs():
        raise EngineError(
            _(
                "Not started: free space on the worker's disk is below the floor of "
                "%(floor)d MB (CONSOLE_FREE_BYTES). Try again when there is room."
            )
            % {"floor": settings.FREE_BYTES // 1_000_000}
        )
