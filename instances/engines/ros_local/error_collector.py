"""The problems that keep a template from being simulated, in the order of the template."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from instances.engines.ros_local.expressions import TranslationError

SECTIONS = (
    *("Parameters", "Mappings", "Conditions", "Locals"),
    *("Rules", "Resources", "Outputs"),
)
MAX_PROBLEMS = 100
TOO_DEEP = "The value is nested too deeply."


@dataclass(frozen=True)
class Problem:
    """A part of a template that cannot be simulated, and its place, such as Outputs.Url."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class ErrorCollector:
    """Collects the problems of one template, so that one does not hide the others."""

    def __init__(self, sections: Mapping[str, Mapping[str, object]]) -> None:
        places = ((each, name) for each in SECTIONS for name in sections[each])
        self.positions = {place: number for number, place in enumerate(places)}
        self.found: list[tuple[int, Problem]] = []

    @contextmanager
    def at(self, section: str, name: str) -> Iterator[None]:
        """Turn a TranslationError inside of the block into a problem of this place."""
        try:
            yield
        except TranslationError as error:
            self.add(section, name, str(error))
        except RecursionError:
            self.add(section, name, TOO_DEEP)

    def add(self, section: str, name: str, message: str, below: str = "") -> None:
        """Add a problem of a place, or of a place `below` it."""
        place = f"{section}.{name}" if name else section
        problem = Problem(f"{place}.{below}" if below else place, message)
        position = self.positions.get((section, name), -1)
        if all(known != problem for _, known in self.found[-1:]):
            self.found.append((position, problem))

    @property
    def problems(self) -> list[Problem]:
        """The problems by their places, those of the whole template first."""
        ordered = sorted(self.found, key=lambda each: each[0])
        return [problem for _, problem in ordered][:MAX_PROBLEMS]
