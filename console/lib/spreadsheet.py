"""Tables for spreadsheets: CSV in which no cell is taken for a formula."""

import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.http import StreamingHttpResponse

from console.lib.exact import dumps

# Full-width forms too: some spreadsheets fold them. Source: OWASP, CSV Injection.
TRIGGERS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


# Excel reads a file without it in the code page of the computer.
MARK = "\N{BYTE ORDER MARK}"


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def cell(value: Any) -> str:
    """Return text that no spreadsheet takes for a formula; what is no text is JSON."""
    structured = isinstance(value, bool | dict | list)
    text = dumps(value, ensure_ascii=False) if structured else str(value)
    text = "" if value is None else text
    return f"'{text}" if text.startswith(TRIGGERS) else text


def lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Write rows as lines of CSV."""
    write = csv.writer(_Echo()).writerow
    for row in rows:
        yield write([cell(value) for value in row])


def download(rows: Iterable[Iterable[Any]], name: str) -> StreamingHttpResponse:
    """Answer with rows as a file to save; `name` is ours and plain."""
    return StreamingHttpResponse(
        chain([MARK], lines(rows)),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )
