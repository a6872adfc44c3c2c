"""What the tables of Django admin have in common: they stay cheap however long they are."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest
from django.utils.functional import cached_property

from console.lib.pagination import capped_count


class CappedPaginator(Paginator):
    """Pages over at most a thousand rows: whoever looks further back searches."""

    @cached_property
    def count(self) -> int:
        return capped_count(self.object_list)  # type: ignore[arg-type]


class BigTable(admin.ModelAdmin):
    """A list that costs the same however long the table is."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    paginator = CappedPaginator
    # Columns a list never shows: large, or sealed.
    heavy: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).defer(*self.heavy)


class Record(BigTable):
    """Records of what happened: read, never added, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
