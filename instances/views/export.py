"""The instance list as a CSV file."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from console.lib.http import Request
from console.lib.spreadsheet import download
from instances.presenters.instance_list import Listing, with_names
from instances.views.instances import instance_list

MOST_ROWS = 10_000
COLUMNS = (
    "pk",
    "name",
    "status",
    "product_name",
    "product_id",
    "version_name",
    "version_id",
    "owner__username",
    "owner_role__name",
    "region_id",
    "created_at",
    "stack_id",
)


@require_safe
def instance_csv(request: Request) -> HttpResponse | StreamingHttpResponse:
    """Export the filtered list, newest first, at most MOST_ROWS of it.

    With a filter that cannot be read, show the page that says so: a file would hold more
    than was asked for.
    """
    listing = Listing(request.user, request.GET.dict())
    if not listing.filter.is_valid():
        return instance_list(request)
    # The rows are written when the language of the request is not in force any more.
    cut = _(
        "This file contains only the first %(count)d rows. Use filters to "
        "export fewer rows."
    )
    rows = _rows(listing.found, cut % {"count": MOST_ROWS})
    return download(chain([_heading()], rows), "instances.csv")


def _rows(found: QuerySet, cut: str) -> Iterator[list[Any]]:
    newest = with_names(found).order_by("-created_at", "-pk").values_list(*COLUMNS)
    for position, row in enumerate(newest[: MOST_ROWS + 1].iterator()):
        if position == MOST_ROWS:
            yield [cut]
            return
        *front, person, role, region, created, stack = row
        moment = f"{created:%Y-%m-%dT%H:%M:%SZ}"
        yield [*front, person or role, region, moment, stack]


def _heading() -> list[str]:
    return [
        _("Product instance ID"),
        _("Name"),
        _("Instance status"),
        _("Product name"),
        _("Product ID"),
        _("Version name"),
        _("Version ID"),
        _("Owner"),
        _("Stack region"),
        _("Created time"),
        _("Resource stack ID"),
    ]
