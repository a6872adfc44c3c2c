"""Defaults that only Terraform can compute: constant expressions.

Terraform accepts `true ? "x" : "y"` and `[for i in [1, 2] : i * 2]` as a default. What
they come to is asked of the binary, which the catalogue does not know: whoever reads a
template hands in the function that asks it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Constants:
    """The answer, by the name of the variable; what is in neither part is not known."""

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


# Takes variable blocks with nothing but type and default, by the variable's name.
Evaluate = Callable[[Mapping[str, str]], Constants]


def evaluate_nothing(_blocks: Mapping[str, str]) -> Constants:
    """Leave every constant to the run, where nobody can be asked."""
    return Constants()
