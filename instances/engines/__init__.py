"""Engines run infrastructure code. Plain data in, plain data out; they import nothing of ours."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

# The launcher passes through this module on every start, so the promise (which
# needs dataclasses) is only imported for its types.
if TYPE_CHECKING:
    from instances.engines.base import Engine, Settings

ENGINES = {
    "terraform": "instances.engines.terraform.Terraform",
    "ros_local": "instances.engines.ros_local.RosLocal",
    "ros": "instances.engines.ros.Ros",
}


def engine_for(kind: str, settings: Settings) -> Engine:
    """The engine called `kind`, configured; KeyError when there is none of that name."""
    module, _, name = ENGINES[kind].rpartition(".")
    engine: Engine = getattr(import_module(module), name)(settings)
    return engine
