"""Defaults that are constant expressions, such as `[for i in [1, 2] : i * 2]`.

Only the Terraform binary can evaluate them. The catalog cannot import the engines, so the
readers of templates take the function that runs the binary as an argument.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Constants:
    """The evaluated defaults, and the errors, by variable; others are unknown."""

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


# Evaluates blocks with the type and the default of variables, by their names.
Evaluate = Callable[[Mapping[str, str]], Constants]


def evaluate_nothing(_blocks: Mapping[str, str]) -> Constants:
    """Leave all defaults unknown: Terraform evaluates them in the run."""
    return Constants()
