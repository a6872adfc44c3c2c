"""A query the ORM builds once: later calls only bind values.

Measured: building and compiling the query behind GetProductAsEndUser costs thirty times as
much as running it. The rule stays where it is written, in a queryset; what is kept is its SQL.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)
# No row has such a number, and nobody is called this.
NUMBER = -(2**40)
TEXT = "\x1f{}\x1f"


@dataclass(frozen=True)
class Compiled(Generic[Row]):
    """A query's SQL, and its parameters with whether a value goes into each."""

    model: type[Row]
    sql: str
    params: list[tuple[Any, bool]]


class Prepared(Generic[Row]):
    """`build` is called once with stand-ins and returns a queryset of one row.

    `kinds` says for each of its arguments whether it is an `int` or a `str`. A text may
    stand inside a longer constant; the shape of the query must not depend on the values.
    """

    def __init__(self, build: Callable[..., QuerySet[Row]], **kinds: type) -> None:
        self.build, self.kinds = build, kinds
        self._compiled: dict[str, Compiled[Row]] = {}

    def first(self, **values: Any) -> Row | None:
        """Run the query with these values; return its row or None."""
        compiled = self._compiled.get(connection.vendor) or self._compile()
        params = [
            self._bind(param, values) if varies else param
            for param, varies in compiled.params
        ]
        # The SQL says all: a manager that filters would build a query to no end.
        rows = compiled.model._base_manager.raw(compiled.sql, params)
        return next(iter(rows), None)

    def _compile(self) -> "Compiled[Row]":
        stand_ins = {
            name: NUMBER - place if kind is int else TEXT.format(name)
            for place, (name, kind) in enumerate(self.kinds.items())
        }
        rows = self.build(**stand_ins)
        sql, params = rows.query.sql_with_params()
        others = {name: kind() for name, kind in self.kinds.items()}
        marked = [(each, self._bind(each, others) != each) for each in params]
        self._compiled[connection.vendor] = Compiled(rows.model, sql, marked)
        return self._compiled[connection.vendor]

    def _bind(self, param: Any, values: dict[str, Any]) -> Any:
        for place, (name, kind) in enumerate(self.kinds.items()):
            if kind is int and param == NUMBER - place:
                return values[name]
            if kind is str and isinstance(param, str):
                param = param.replace(TEXT.format(name), values[name])
        return param
