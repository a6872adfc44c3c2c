"""Counts beside the rows of a list: counted for the rows shown, not for the table."""

from typing import Any

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce


def count_of(rows: QuerySet[Any], field: str) -> Coalesce:
    """Return an annotation: how many of these rows point to the outer row through a field."""
    counts = rows.filter(**{field: OuterRef("pk")}).order_by().values(field)
    number = counts.annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(number, output_field=IntegerField()), 0)
