"""Searches of the administrator's lists."""

import django_filters as filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from catalog.filters import INVISIBLE
from catalog.models import Portfolio, TagOption
from console.lib.names import folded
from console.lib.users import User


class SearchFilter(filters.FilterSet):
    """Search in the fields the subclass names, and for an ID or its beginning."""

    SEARCHED: tuple[str, ...] = ()
    ID = "pk"

    q = filters.CharFilter(method="search", label=_("Search"))

    def search(self, rows: QuerySet, name: str, text: str) -> QuerySet:
        """Keep rows in which the text occurs, in any case."""
        text = INVISIBLE.sub("", text).strip()
        if not text:
            return rows
        by_id = Q(**{f"{self.ID}__istartswith": text})
        return rows.filter(by_id | Q(search_text__contains=folded(text)))


class PortfolioFilter(SearchFilter):
    SEARCHED = ("name", "provider", "description")

    class Meta:
        model = Portfolio
        fields: list[str] = []


class TagOptionFilter(SearchFilter):
    SEARCHED = ("key", "value")

    class Meta:
        model = TagOption
        fields: list[str] = []


class PersonFilter(SearchFilter):
    SEARCHED = ("username", "first_name", "last_name")
    ID = "principal_id"

    class Meta:
        model = User
        fields: list[str] = []
