"""The audit log as a page and as a CSV file, newest entry first."""

import json
import re
from collections.abc import Iterator
from itertools import chain

from django.db.models import F, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from console.audit_log.filters import AuditFilter
from console.lib.access import administrator_required
from console.lib.audit import AuditEntry
from console.lib.htmx import render_page
from console.lib.http import Request
from console.lib.pagination import page_size, paginate
from console.lib.spreadsheet import download

MAX_ROWS = 100_000
# Primary keys are numbers; other cursors give the first page.
CURSOR = re.compile(r"[np][0-9]{1,9}\.[0-9]{1,17}\.[0-9]{1,18}")


@require_safe
@administrator_required
def audit_list(request: Request) -> HttpResponse:
    """Show one page of the filtered entries."""
    found = AuditFilter(request.GET, AuditEntry.objects.all())
    cursor = request.GET.get("cursor", "")
    page = paginate(
        _newest(found.qs),
        cursor=cursor if CURSOR.fullmatch(cursor) else "",
        size=page_size(request.GET.get("size", ""), 50),
    )
    context = {"page": page, "rows": page.rows, "filter": found}
    return render_page(
        request,
        "audit_log/audit_list.html",
        context,
        fragment="audit_log/_audit_table.html",
    )


@require_safe
@administrator_required
def audit_csv(request: Request) -> HttpResponse | StreamingHttpResponse:
    """Export the filtered entries, newest first, up to MAX_ROWS.

    With an invalid filter the page with the error is shown: a file would contain more
    entries than expected.
    """
    found = AuditFilter(request.GET, AuditEntry.objects.all())
    if not found.is_valid():
        return audit_list(request)
    # The heading is translated here: rows are streamed after the request.
    return download(chain([_heading()], _rows(found.qs)), "audit.csv")


def _newest(entries: QuerySet) -> QuerySet:
    # Pagination needs `created_at`, which is `at` in this table.
    return entries.annotate(created_at=F("at"))


def _heading() -> list[str]:
    return [
        _("Time"),
        _("Actor"),
        _("From address"),
        _("Action"),
        _("Target type"),
        _("Target ID"),
        _("Target"),
        _("Before"),
        _("After"),
        _("Reason"),
        _("Request ID"),
        _("Chain position"),
        _("Hash"),
    ]


def _rows(entries: QuerySet) -> Iterator[list[object]]:
    for entry in entries.order_by("-at", "-pk")[:MAX_ROWS].iterator():
        yield [
            f"{entry.at:%Y-%m-%dT%H:%M:%S.%fZ}",
            entry.actor_name,
            entry.source,
            entry.action,
            entry.target_type,
            entry.target_id,
            entry.target_name,
            json.dumps(entry.before, ensure_ascii=False),
            json.dumps(entry.after, ensure_ascii=False),
            entry.reason,
            entry.request_id,
            entry.sequence,
            entry.hash,
        ]
