"""Engines run infrastructure code. They take and return plain data, and import no other app."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

# Each start of the launcher imports this module, so it does not import `base`, which needs
# dataclasses.
if TYPE_CHECKING:
    from instances.engines.base import Engine, Settings

ENGINES = {
    "terraform": "instances.engines.terraform.Terraform",
    "ros_local": "instances.engines.ros_local.RosLocal",
    "ros": "instances.engines.ros.Ros",
}


def engine_for(kind: str, settings: Settings) -> Engine:
    """Return the engine of a kind with its settings. Raises KeyError for an unknown kind."""
    module, _, name = ENGINES[kind].rpartition(".")
    engine: Engine = getattr(import_module(module), name)(settings)
    return engine
