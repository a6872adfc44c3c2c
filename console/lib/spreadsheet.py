"""CSV export for spreadsheets, protected against formula injection."""

import csv
from collections.abc import Iterable, Iterator
from itertools import chain

from django.http import StreamingHttpResponse

from console.lib.exact import dumps

# Full-width forms too: some spreadsheets fold them. Source: OWASP, CSV Injection.
TRIGGERS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


# Without it Excel reads the file in the code page of the computer.
BOM = "\N{BYTE ORDER MARK}"


class _Echo:
    """A file object that returns what is written to it."""

    def write(self, text: str) -> str:
        return text


def cell(value: object) -> str:
    """Return a value as text that no spreadsheet interprets as a formula.

    Booleans, lists and maps are written as JSON.
    """
    structured = isinstance(value, bool | dict | list)
    text = dumps(value, ensure_ascii=False) if structured else str(value)
    text = "" if value is None else text
    return f"'{text}" if text.startswith(TRIGGERS) else text


def lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield rows as lines of CSV."""
    write = csv.writer(_Echo()).writerow
    for row in rows:
        yield write([cell(value) for value in row])


def download(rows: Iterable[Iterable[object]], name: str) -> StreamingHttpResponse:
    """Return a response that downloads the rows as a file. `name` must be plain ASCII."""
    return StreamingHttpResponse(
        chain([BOM], lines(rows)),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )
