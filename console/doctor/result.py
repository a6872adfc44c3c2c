"""What an examination found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True)
class Finding:
    """One sentence, and for what is not well what to do about it."""

    level: str
    about: str
    said: str
    remedy: str = ""


Examination = Callable[[], Iterator[Finding]]
