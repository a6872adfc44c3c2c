"""Functions of the app `instances` that the catalog uses, but must not import.

InstancesConfig.ready() registers them. Without a function, the catalog refuses to go on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.lib.users import User


def _no_problems(document: Mapping[str, Any]) -> Sequence[object]:
    raise RuntimeError("No check of ROS documents is registered.")


def _no_check(version: Any, *, by: User) -> None:
    raise RuntimeError("No check of versions is registered.")


@dataclass
class Hooks:
    """The registered functions."""

    # Returns why the engine on this host cannot run a ROS document.
    document_problems: Callable[[dict[str, Any]], Sequence[object]] = _no_problems
    # Queues the check of a version: called with the version, and `by`.
    queue_version_check: Callable[..., None] = _no_check


HOOKS = Hooks()
