"""Query helpers: counts beside the rows of a list, and queries compiled once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import connection
from django.db.models import Count, IntegerField, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

Row = TypeVar("Row", bound=Model)
Value = int | str
# Placeholder values that no row and no user name has.
PLACEHOLDER_NUMBER = -(2**40)
PLACEHOLDER_TEXT = "\x1f{}\x1f"


def count_of(rows: QuerySet[Model], field: str) -> Coalesce:
    """Return an annotation that counts the rows whose `field` refers to the outer row.

    As a subquery it is computed for the rows of the page only, not for the whole table.
    """
    counts = rows.filter(**{field: OuterRef("pk")}).order_by().values(field)
    number = counts.annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(number, output_field=IntegerField()), 0)


@dataclass(frozen=True)
class CompiledQuery(Generic[Row]):
    """The SQL of a query, and its parameters, each with a flag: True for a placeholder."""

    model: type[Row]
    sql: str
    params: list[tuple[object, bool]]


class PreparedQuery(Generic[Row]):
    """A query for one row that the ORM compiles once; later calls only bind values.

    Measured: building and compiling the query of GetProductAsEndUser takes thirty times as
    long as running it. The access rules stay in a queryset; only its SQL is kept.

    `build` is called once with placeholders and returns the queryset. `kinds` gives the
    type of each of its arguments, `int` or `str`. A text may be part of a longer constant
    (a pattern); the shape of the query must not depend on the values.
    """

    def __init__(self, build: Callable[..., QuerySet[Row]], **kinds: type) -> None:
        self.build, self.kinds = build, kinds
        self._compiled: dict[str, CompiledQuery[Row]] = {}

    def first(self, **values: Value) -> Row | None:
        """Run the query with these values; return its row or None."""
        compiled = self._compiled.get(connection.vendor) or self._compile()
        params = [
            self._bind(param, values) if varies else param
            for param, varies in compiled.params
        ]
        # The SQL has all conditions: a filtering manager would build a query for nothing.
        rows = compiled.model._base_manager.raw(compiled.sql, params)
        return next(iter(rows), None)

    def _compile(self) -> "CompiledQuery[Row]":
        placeholders = {
            name: PLACEHOLDER_NUMBER - place
            if kind is int
            else PLACEHOLDER_TEXT.format(name)
            for place, (name, kind) in enumerate(self.kinds.items())
        }
        rows = self.build(**placeholders)
        sql, params = rows.query.sql_with_params()
        others = {name: kind() for name, kind in self.kinds.items()}
        marked = [(each, self._bind(each, others) != each) for each in params]
        self._compiled[connection.vendor] = CompiledQuery(rows.model, sql, marked)
        return self._compiled[connection.vendor]

    def _bind(self, param: object, values: Mapping[str, Value]) -> object:
        for place, (name, kind) in enumerate(self.kinds.items()):
            if kind is int and param == PLACEHOLDER_NUMBER - place:
                return values[name]
            if kind is str and isinstance(param, str):
                param = param.replace(PLACEHOLDER_TEXT.format(name), str(values[name]))
        return param
