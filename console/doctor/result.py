"""The result type of the checks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True)
class DoctorResult:
    """A message of one line, and what to do about a problem."""

    level: str
    subject: str
    message: str
    remedy: str = ""


DoctorCheck = Callable[[], Iterator[DoctorResult]]
