"""The tabs of a page."""

from dataclasses import dataclass

from console.lib.errors import Text


@dataclass(frozen=True)
class Tab:
    """A link to a tab; `count` is the number of its rows, if the page shows it."""

    name: str
    label: Text
    url: str
    current: bool
    count: str = ""
