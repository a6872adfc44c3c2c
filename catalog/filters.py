"""Filters of the catalogue's lists: one for page and API alike."""

import re

import django_filters as filters
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models import Product
from catalog.models.product import ProductQuerySet
from console.lib.names import folded

# Pasted IDs bring these along, and nobody sees them.
INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")


class ProductFilter(filters.FilterSet):
    """Search in name, provider, description; an ID or its beginning."""

    q = filters.CharFilter(method="search", label=_("Search"))

    class Meta:
        model = Product
        fields: list[str] = []

    def search(
        self, products: ProductQuerySet, name: str, text: str
    ) -> ProductQuerySet:
        """Keep products in which the text occurs, in any case."""
        text = INVISIBLE.sub("", text).strip()
        if not text:
            return products
        return products.filter(
            Q(search_text__contains=folded(text)) | Q(pk__istartswith=text)
        )
