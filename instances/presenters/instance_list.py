"""The instance list: scope, filters, columns, and one page of rows ready to render.

A row is a dictionary that holds every text it needs: at twenty rows a list page costs Python
time, not SQL time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypedDict

from django import forms
from django.db.models import IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.models import Product, Version
from console.lib.errors import Text
from console.lib.pagination import COUNT_CAP, SIZES, Page, page_size, paginate
from console.lib.users import User
from instances.filters import InstanceFilter, Option, filter_options
from instances.models import Instance
from instances.models.owner import owner_mark
from instances.presenters.task_progress import (
    heartbeat_text,
    heartbeat_token,
    is_lease_expired,
)

DEFAULT_SIZE = 20
# The name, the status and the operations are always shown.
FIXED_COLUMN = "name"
OPTIONAL_COLUMNS = {
    "product": gettext_lazy("Product name"),
    "version": gettext_lazy("Version name"),
    "owner": gettext_lazy("Owner"),
    "region": gettext_lazy("Stack region"),
    "created": gettext_lazy("Created time"),
}
# Cookies, because the choice outlasts the session and is not secret.
COLUMNS_COOKIE, SIZE_COOKIE = "instance-columns", "instance-rows"


class ColumnsForm(forms.Form):
    """The columns to show and the rows of a page; `columns` has a value for each column."""

    columns = forms.MultipleChoiceField(
        choices=[
            (FIXED_COLUMN, gettext_lazy("Instance name / ID")),
            *OPTIONAL_COLUMNS.items(),
        ],
        required=False,
    )
    size = forms.TypedChoiceField(
        choices=[(str(size), str(size)) for size in SIZES], required=False
    )

    def cookies(self) -> dict[str, str]:
        """Return the cookies to set, by name; a value that was not sent keeps its cookie."""
        chosen = {
            COLUMNS_COOKIE: ".".join(self.cleaned_data["columns"]),
            SIZE_COOKIE: self.cleaned_data["size"],
        }
        return {name: value for name, value in chosen.items() if value}


def shown_columns(cookies: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the optional columns to show: all of them without a cookie."""
    chosen = cookies.get(COLUMNS_COOKIE, "").split(".")
    if FIXED_COLUMN not in chosen:
        return frozenset(OPTIONAL_COLUMNS)
    return frozenset(OPTIONAL_COLUMNS.keys() & {*chosen})


class InstanceValues(TypedDict):
    """The columns that a row of the list is made from."""

    pk: str
    name: str
    status: str
    status_message: str
    product_id: str
    product_name: str
    version_name: str
    owner_id: int | None
    owner_role_id: int | None
    owner__username: str | None
    owner_role__name: str | None
    region_id: str
    created_at: datetime
    terminated_at: datetime | None
    last_task_id: str | None
    last_task__state: str | None
    last_task__lease_until: datetime | None
    last_task__heartbeat_at: datetime | None
    last_task__resources_done: int | None
    last_task__resources_total: int | None
    read_at: datetime


class InstanceRow(TypedDict):
    """A row of the list. `poll_token` changes when the row has something new to show."""

    pk: str
    name: str
    status: str
    message: str
    changing: bool
    url: str
    product: str
    product_url: str
    version: str
    owner: str
    owner_mark: str
    region: str
    created_at: datetime
    created_iso: str
    created: str
    task_url: str
    queued: bool
    lease_expired: bool
    heartbeat: str
    done: int
    total: int
    poll_token: str


class CappedCount(Subquery):
    """The number of rows of a queryset, counted up to COUNT_CAP + 1."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet) -> None:
        super().__init__(rows.order_by().values("pk")[: COUNT_CAP + 1])


def with_names(instances: QuerySet) -> QuerySet:
    """Annotate the names of product and version, and the database's time.

    The names are subqueries, so only the rows of the page look them up. With joins, SQLite
    starts from the few products and sorts every instance: measured 140 ms for 100,000
    instances, against 1.3 ms. Leases are compared with the database's time.
    """
    product = Product.objects.filter(pk=OuterRef("product_id"))
    version = Version.objects.filter(pk=OuterRef("version_id"))
    return instances.annotate(
        product_name=Subquery(product.values("name")[:1]),
        version_name=Subquery(version.values("name")[:1]),
        read_at=Now(),
    )


def row_values(instances: QuerySet) -> QuerySet:
    """Read the `InstanceValues` of each instance."""
    return with_names(instances).values(*InstanceValues.__annotations__)


def count_text(count: int) -> str:
    return f"{COUNT_CAP}+" if count > COUNT_CAP else str(count)


@dataclass(frozen=True)
class StatusFacet:
    """A status with the number of instances in it; the empty status counts all of them."""

    status: str
    label: Text
    count: str
    current: bool
    url: str


def instance_rows(found: Iterable[InstanceValues]) -> list[InstanceRow]:
    list_url = reverse("instances:instance-list")
    products_url = reverse("catalog:product-list")
    return [_row(values, list_url, products_url) for values in found]


def _row(values: InstanceValues, list_url: str, products_url: str) -> InstanceRow:
    url, created = f"{list_url}{values['pk']}/", localtime(values["created_at"])
    done, total = (
        values["last_task__resources_done"],
        values["last_task__resources_total"],
    )
    changing = values["status"] == Instance.Status.UNDER_CHANGE
    state, heartbeat = values["last_task__state"], values["last_task__heartbeat_at"]
    as_of, task = values["read_at"], values["last_task_id"]
    expired = changing and is_lease_expired(
        state, values["last_task__lease_until"], as_of
    )
    suffix = f".expired{heartbeat_token(heartbeat, as_of)}" if expired else ""
    return {
        "pk": values["pk"],
        "name": values["name"],
        "status": values["status"],
        "message": values["status_message"],
        "changing": changing,
        "url": url,
        "product": values["product_name"],
        "product_url": f"{products_url}{values['product_id']}/",
        "version": values["version_name"],
        "owner": values["owner__username"] or values["owner_role__name"] or "",
        "owner_mark": owner_mark(values),
        "region": values["region_id"],
        "created_at": values["created_at"],
        "created_iso": created.isoformat(timespec="seconds"),
        "created": f"{created:%Y-%m-%d %H:%M}",
        "task_url": f"{url}tasks/{task}/" if task else "",
        "queued": state == "queued",
        "lease_expired": expired,
        "heartbeat": heartbeat_text(heartbeat, as_of) if expired else "",
        "done": done or 0,
        "total": total or 0,
        "poll_token": f"{state}.{done}.{total}{suffix}" if changing else "",
    }


@dataclass(frozen=True)
class FilterToken:
    """An active filter, and the URL of the list without it."""

    label: Text
    value: str
    url_without: str


class InstanceList:
    """The instance list of one request, as `user` may see it."""

    sizes = SIZES
    optional_columns = OPTIONAL_COLUMNS

    def __init__(
        self, user: User, query: Mapping[str, str], cookies: Mapping[str, str]
    ) -> None:
        self.user = user
        self.columns = shown_columns(cookies)
        self.query = query
        self.filter = InstanceFilter(query, Instance.objects.living(), user=user)
        self.access = self.filter.granted_access
        self.account_refused = self.filter.requested_access != self.access
        self.ascending = query.get("sort") == "created"
        preferred = page_size(cookies.get(SIZE_COOKIE, ""), DEFAULT_SIZE)
        self.size = page_size(query.get("size", ""), preferred)
        # The URL names a size that is not the default: a shared link shows as many rows.
        self.size_in_url = {self.size, preferred} != {DEFAULT_SIZE}

    @property
    def instances(self) -> QuerySet:
        """Return the instances in scope that pass the filters, unordered."""
        return self.filter.qs

    @cached_property
    def page(self) -> Page:
        cursor = self.query.get("cursor", "")
        rows = row_values(self.instances)
        return paginate(rows, cursor=cursor, size=self.size, ascending=self.ascending)

    @cached_property
    def rows(self) -> list[InstanceRow]:
        return instance_rows(self.page.rows)

    @cached_property
    def facets(self) -> list[StatusFacet]:
        """Count all instances in scope and those of each status; other filters do not apply."""
        scope = self.filter.scope
        counts = User.objects.filter(pk=self.user.pk).values_list(
            CappedCount(scope),
            *(CappedCount(scope.filter(status=status)) for status in Instance.Status),
        )[0]
        choices: list[tuple[str, Text]] = [("", _("All"))]
        choices += [(status.value, status.label) for status in Instance.Status]
        current = self.filter.values.get("status", "")
        return [
            StatusFacet(
                status,
                label,
                count_text(count),
                status == current,
                self._url_with(status=status),
            )
            for (status, label), count in zip(choices, counts, strict=True)
        ]

    @property
    def selectable(self) -> bool:
        """Return True if rows can be selected: an administrator transfers many at once."""
        return self.access == "account"

    @property
    def total(self) -> str:
        return self.facets[0].count

    @cached_property
    def _options(self) -> tuple[list[Option], list[Option]]:
        return filter_options(self.user)

    @property
    def products(self) -> list[Option]:
        return self._options[0]

    @property
    def regions(self) -> list[Option]:
        return self._options[1]

    @cached_property
    def tokens(self) -> list[FilterToken]:
        """Return the active filters; a product takes its name from the rows, without a query."""
        product = self.filter.values.get("product")
        names = {product: self.rows[0]["product"]} if product and self.rows else {}
        return [
            FilterToken(each.label, each.value, self._url_with(**{each.name: ""}))
            for each in self.filter.active(names)
        ]

    @property
    def url(self) -> str:
        """Return the URL of this page of the list, without parameters that are empty."""
        return self._url_with(cursor=self.query.get("cursor", ""))

    @property
    def reset_url(self) -> str:
        """Return the URL of the list without filters."""
        return self._url_with(**dict.fromkeys(self.filter.values, ""))

    @property
    def url_without_size(self) -> str:
        """Return the URL of the list with the page size that the browser prefers."""
        return self._url_with(size="")

    @property
    def account_url(self) -> str:
        """Return the URL of the list of all instances of the account."""
        return self._url_with(access="account")

    @property
    def reverse_url(self) -> str:
        """Return the URL of the list in the opposite order."""
        return self._url_with(sort="" if self.ascending else "created")

    def _url_with(self, **changes: str) -> str:
        """Return the URL of the list's first page, with these parameters replaced."""
        query = {
            "access": self.access if self.query.get("access") else "",
            **self.filter.values,
            "sort": "created" if self.ascending else "",
            "size": str(self.size) if self.size_in_url else "",
            **changes,
        }
        query = {name: value for name, value in query.items() if value}
        list_url = reverse("instances:instance-list")
        return f"{list_url}?{urlencode(query)}" if query else list_url

    @property
    def empty_reason(self) -> str:
        """Return why there are no rows: "match", "account", "others", "grant" or "start"."""
        if self.filter.values:
            return "match"
        if self.access == "account":
            return "account"
        if self.user.is_administrator:
            return "others"
        return "start" if self.products else "grant"
