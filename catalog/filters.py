"""Searches of the lists of the catalog."""

import re

import django_filters as filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from catalog.models import Portfolio, Product, TagOption
from console.lib.names import folded
from console.lib.users import User

# Zero-width characters that come along when an ID is copied from a page.
INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")


class SearchFilter(filters.FilterSet):
    """Search for a text in the columns that `search_text` holds, or for an ID or its beginning."""

    ID = "pk"

    q = filters.CharFilter(method="search", label=_("Search"))

    def search(self, rows: QuerySet, name: str, text: str) -> QuerySet:
        text = INVISIBLE.sub("", text).strip()
        if not text:
            return rows
        by_id = Q(**{f"{self.ID}__istartswith": text})
        return rows.filter(by_id | Q(search_text__contains=folded(text)))


class ProductFilter(SearchFilter):
    class Meta:
        model = Product
        fields: list[str] = []


class PortfolioFilter(SearchFilter):
    class Meta:
        model = Portfolio
        fields: list[str] = []


class TagOptionFilter(SearchFilter):
    class Meta:
        model = TagOption
        fields: list[str] = []


class UserFilter(SearchFilter):
    ID = "principal_id"

    class Meta:
        model = User
        fields: list[str] = []
