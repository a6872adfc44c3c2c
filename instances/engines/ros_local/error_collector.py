"""What keeps a document from being simulated, told in the order of the document."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from instances.engines.ros_local.expressions import TranslationError

SECTIONS = (
    *("Parameters", "Mappings", "Conditions", "Locals"),
    *("Rules", "Resources", "Outputs"),
)
MOST = 100
TOO_DEEP = "It is nested too deeply."


@dataclass(frozen=True)
class Problem:
    """What cannot be simulated and where in the document it stands."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class ErrorCollector:
    """The problems of one document."""

    def __init__(self, sections: Mapping[str, Mapping[str, Any]]) -> None:
        places = ((each, name) for each in SECTIONS for name in sections[each])
        self.order = {place: number for number, place in enumerate(places)}
        self.found: list[tuple[int, Problem]] = []

    @contextmanager
    def at(self, section: str, name: str) -> Iterator[None]:
        """Whatever is refused inside is a problem of this place."""
        try:
            yield
        except TranslationError as refused:
            self.add(section, name, str(refused))
        except RecursionError:
            self.add(section, name, TOO_DEEP)

    def add(self, section: str, name: str, message: str, below: str = "") -> None:
        """Note a problem of a place, or of one `below` it."""
        place = f"{section}.{name}" if name else section
        problem = Problem(f"{place}.{below}" if below else place, message)
        number = self.order.get((section, name), -1)
        if all(known != problem for _, known in self.found[-1:]):
            self.found.append((number, problem))

    @property
    def problems(self) -> list[Problem]:
        """The problems, those of the document as a whole first."""
        ordered = sorted(self.found, key=lambda each: each[0])
        return [problem for _, problem in ordered][:MOST]
