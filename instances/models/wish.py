"""What a person asks an instance to be."""

from dataclasses import dataclass, field
from typing import Any, Self

from catalog.models import Portfolio, Version


@dataclass(frozen=True)
class Wish:
    """What a person asks an instance to be, already checked by a form.

    `values` are the typed parameters, secret ones included. `option_named` is False where
    the launch option was taken because none was named.
    """

    version: Version
    portfolio: Portfolio | None
    values: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    option_named: bool = True

    @classmethod
    def of(cls, work: Any) -> Self:
        """What a task or plan asks for, secrets included."""
        return cls(work.version, work.portfolio, work.values, work.tags)

    def columns(self) -> dict[str, Any]:
        """The same as columns of a task or plan, secrets apart from the rest."""
        parameters, secrets = self.version.template.split(self.values)
        return {
            "version": self.version,
            "portfolio": self.portfolio,
            "parameters": parameters,
            "secrets": secrets,
            "tags": self.tags,
        }
