"""Base classes of the data fixes, whose lists cost the same at any length."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest
from django.utils.functional import cached_property

from console.lib.pagination import capped_count


class CappedPaginator(Paginator):
    """Pagination that counts at most COUNT_CAP rows; a search finds the others."""

    @cached_property
    def count(self) -> int:
        return capped_count(self.object_list)  # type: ignore[arg-type]


class LargeTableAdmin(admin.ModelAdmin):
    """A list that costs the same at any length of the table."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    paginator = CappedPaginator
    # Columns that a list never shows: large or encrypted.
    heavy: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).defer(*self.heavy)


class RecordAdmin(LargeTableAdmin):
    """Records of what happened: read, never added, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
