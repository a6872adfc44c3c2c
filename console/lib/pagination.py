"""Keyset pagination: a page is found by its first row, rows are neither counted nor skipped.

Measured with a million rows: OFFSET at 90 % takes 330-430 ms, a keyset 0.1-0.4 ms.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.db.models import Model, Q, QuerySet

SIZES = (10, 20, 50, 100)
COUNT_CAP = 1000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cursor:
    """The start of a page: after or before a row. `position` is the number of its first row."""

    direction: str  # "n" next page, "p" previous page
    position: int
    created_at: datetime
    pk: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the cursor of a URL, or None if it is invalid."""
        parts = text.split(".", 2)
        head = parts[0]
        if len(parts) != 3 or head[:1] not in ("n", "p") or len(text) > 80:
            return None
        number, micros = head[1:], parts[1]
        if not (number.isascii() and number.isdecimal()):
            return None
        if not (micros.isascii() and micros.isdecimal() and len(micros) <= 17):
            return None
        if not (parts[2].isascii() and parts[2].isprintable()):
            return None
        moment = EPOCH + timedelta(microseconds=int(micros))
        return cls(head[0], min(int(number), 10**9), moment, parts[2])

    def __str__(self) -> str:
        micros = (self.created_at - EPOCH) // timedelta(microseconds=1)
        return f"{self.direction}{self.position}.{micros}.{self.pk}"


@dataclass(frozen=True)
class Page:
    """Rows of a list, with the cursors of the previous and next page."""

    rows: list[Any]
    count: int
    count_capped: bool
    first: int
    size: int
    previous: str
    next: str

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def count_text(self) -> str:
        """The number of rows, or "1000+" above the limit of counting."""
        return f"{COUNT_CAP}+" if self.count_capped else str(self.count)


def capped_count(rows: QuerySet[Any]) -> int:
    """Count at most COUNT_CAP + 1 rows, so that the cost is independent of the table."""
    return rows.order_by()[: COUNT_CAP + 1].count()


def page_size(text: str, default: int = 20) -> int:
    """Return the page size of a URL; sizes that are not offered give the default."""
    return int(text) if text in {str(size) for size in SIZES} else default


def paginate(
    rows: QuerySet[Any], *, cursor: str = "", size: int = 20, ascending: bool = False
) -> Page:
    """Return a page of rows ordered by (created_at, pk), newest first unless `ascending`.

    A cursor whose rows were deleted gives the first page.
    """
    start = Cursor.parse(cursor)
    found = _slice(rows, start, size, ascending)
    if start and not found:
        start, found = None, _slice(rows, None, size, ascending)
    backwards = start is not None and start.direction == "p"
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    first = _first_position(start, len(found), more)
    has_next = (more or backwards) and bool(found)
    has_previous = first > 1 and bool(found)
    count = capped_count(rows) if has_next or has_previous else len(found)
    return Page(
        rows=found,
        count=count,
        count_capped=count > COUNT_CAP,
        first=first,
        size=size,
        previous=_cursor("p", first, found[0]) if has_previous else "",
        next=_cursor("n", first + len(found), found[-1]) if has_next else "",
    )


def _first_position(start: Cursor | None, found: int, more: bool) -> int:
    if start is None:
        return 1
    if start.direction == "n":
        return max(start.position, 2)
    return max(start.position - found, 1) if more else 1


def _slice(
    rows: QuerySet[Any], start: Cursor | None, size: int, ascending: bool
) -> list[Any]:
    backwards = start is not None and start.direction == "p"
    upwards = ascending != backwards
    order = ("created_at", "pk") if upwards else ("-created_at", "-pk")
    if start:
        compare = "gt" if upwards else "lt"
        beyond = Q(**{f"created_at__{compare}": start.created_at})
        tie = Q(created_at=start.created_at, **{f"pk__{compare}": start.pk})
        rows = rows.filter(
            Q(**{f"created_at__{compare}e": start.created_at}), beyond | tie
        )
    return list(rows.order_by(*order)[: size + 1])


def _cursor(direction: str, position: int, row: Any) -> str:
    if isinstance(row, Model):
        return str(Cursor(direction, position, row.created_at, row.pk))  # type: ignore[attr-defined]
    return str(Cursor(direction, position, row["created_at"], row["pk"]))
