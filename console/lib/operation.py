"""Declarative tables for the operations of the API.

A table drives validation, the OpenAPI document and the reference page of an operation.
The tables are next to the operations of each app; only they contain the names of the
API.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from console.lib.errors import InvalidInputError, Text
from console.lib.users import User

Row = TypeVar("Row", bound=Model)
Values = dict[str, Any]
Answer = dict[str, Any]
Kind = Literal["text", "integer", "boolean", "list", "object"]
MAX_TEXT_LENGTH = 128
Choices = Mapping[str, Text]


@dataclass(frozen=True)
class Parameter:
    """A request parameter with its name in the API.

    `least` and `most` limit the length of a text in characters, the value of an integer
    or the number of entries of a list. A required text must not be empty unless it is
    `blank`. `choices` maps each valid value to its meaning; with `any_case` case is
    ignored. `fields` are those of a list's entries, or of an object, which is sent as
    JSON in one field. `note` is further documentation. `in_sample` is false for a
    parameter that excludes another. A `clearable` list distinguishes an empty list from
    one not sent.
    """

    name: str
    help: Text = ""
    kind: Kind = "text"
    required: bool = False
    least: int = 0
    most: int = MAX_TEXT_LENGTH
    choices: Choices = field(default_factory=dict)
    any_case: bool = False
    clearable: bool = False
    blank: bool = False
    default: Any = None
    example: str = ""
    note: Text = ""
    in_sample: bool = True
    fields: tuple["Parameter", ...] = ()

    @property
    def sample(self) -> object:
        """The example as a JSON value of the parameter's type."""
        if self.fields:
            entry = sample_of(self.fields)
            return [entry] if self.kind == "list" else entry
        if self.kind == "boolean":
            return True
        if self.kind == "integer":
            return int(self.example or self.default or self.least)
        return self.example or self.default or next(iter(self.choices), "")


@dataclass(frozen=True)
class Field:
    """A response field with its name in the API.

    The type follows from the example: text, integer, boolean, or list of texts. A field
    with `fields` is an object, or a list of objects if `several`. `choices` maps each
    possible value to its meaning; with `blank` it can be empty instead. A field that is
    not `always` present is left out in some states, which its help or note lists.
    `in_sample` is false for a field that is empty or absent in the state that the
    sample shows.
    """

    name: str
    help: Text
    example: Any = ""
    choices: Choices = field(default_factory=dict)
    note: Text = ""
    blank: bool = False
    always: bool = True
    time: bool = False
    several: bool = False
    in_sample: bool = True
    fields: tuple["Field", ...] = ()

    @property
    def kind(self) -> Kind:
        if self.fields:
            return "list" if self.several else "object"
        if isinstance(self.example, list):
            return "list"
        if isinstance(self.example, bool):
            return "boolean"
        return "integer" if isinstance(self.example, int) else "text"

    @property
    def sample(self) -> object:
        """The example as a JSON value of the field's type."""
        if not self.in_sample:
            return type(self.example)()
        if not self.fields:
            return self.example
        entry = sample_of(self.fields)
        return [entry] if self.several else entry


@dataclass(frozen=True)
class Operation:
    """An operation of the API: function, parameters, response fields, texts.

    `answer` are the fields besides RequestId. `errors` are the codes of errors that do
    not follow from the parameters. `administrators` restricts the operation to
    administrators; `scoped` means that the result depends on whether the caller is one.
    `in_query` and `method` say how the SDK sends it; the endpoint accepts query, form
    and JSON, with any method.
    """

    run: Callable[[Values, User], Answer]
    group: str
    parameters: tuple[Parameter, ...] = ()
    answer: tuple[Field, ...] = ()
    summary: Text = ""
    description: Text = ""
    errors: tuple[str, ...] = ()
    administrators: bool = False
    scoped: bool = True
    in_query: bool = False
    method: str = "POST"


def sample_of(rows: Iterable[Parameter | Field]) -> Answer:
    """Return the examples of parameters or fields as a JSON object."""
    return {
        row.name: row.sample
        for row in rows
        if row.in_sample or (isinstance(row, Field) and row.always)
    }


def explained(values: Iterable[str], meanings: Choices) -> Choices:
    """Return the meanings in the order of the values. Raises ValueError if the sets differ.

    The values are those that the code checks, for example of an enumeration.
    """
    known = [str(value) for value in values]
    if set(known) != {str(value) for value in meanings}:
        raise ValueError(f"Explain each of {known}, and nothing else.")
    return {value: meanings[value] for value in known}


def time_field(name: str, help: Text) -> Field:
    """Return a field that holds a time."""
    return Field(name, help, "2024-04-07T06:10:37Z", note=TIME_NOTE, time=True)


TIME_NOTE = _(
    "The time follows the ISO 8601 standard in the yyyy-MM-ddTHH:mm:ssZ format. "
    "The time is displayed in UTC."
)
PAGING = (
    Parameter(
        "PageNumber",
        _("The page number. Pages start from page 1."),
        "integer",
        least=1,
        most=10**9,
        default=1,
    ),
    Parameter(
        "PageSize",
        _("The number of entries on each page."),
        "integer",
        least=1,
        most=100,
        default=10,
    ),
)
SORTING = (
    Parameter(
        "SortBy",
        _("The field by which the entries are sorted."),
        choices={"CreateTime": _("The time of creation.")},
    ),
    Parameter(
        "SortOrder",
        _("The order in which the entries are sorted."),
        choices={
            "Asc": _("Ascending: the oldest entry first."),
            "Desc": _("Descending: the newest entry first."),
        },
        default="Desc",
    ),
)
PAGED_ANSWER = (
    Field("PageNumber", _("The page number."), 1),
    Field("PageSize", _("The number of entries on each page."), 10),
    Field("TotalCount", _("The number of entries on all pages."), 1),
)


def id_parameter(
    name: str, help: Text, example: str, *, required: bool = True
) -> Parameter:
    """Return a parameter that takes an ID."""
    return Parameter(name, help, required=required, example=example)


def filters(example: str, keys: Choices) -> Parameter:
    """Return the filter conditions of a list operation; `example` is a value of the first key."""
    return Parameter(
        "Filters",
        _("The filter conditions. An entry is returned if it meets all conditions."),
        "list",
        most=10,
        fields=(
            Parameter(
                "Key", _("The name of the condition."), required=True, choices=keys
            ),
            Parameter(
                "Value",
                _("The value of the condition."),
                required=True,
                blank=True,
                most=256,
                example=example,
            ),
        ),
    )


def page_by_number(rows: QuerySet[Row], params: Values) -> tuple[list[Row], Answer]:
    """Return a page of rows by its number, and the paging fields of the answer.

    The vendor's TotalCount is exact, so all rows are counted. A page beyond the last is
    empty and needs no further query.
    """
    total = rows.order_by().count()
    start = (params["PageNumber"] - 1) * params["PageSize"]
    page = page_rows(rows, params) if start < total else []
    return page, paging(params, total)


def page_rows(rows: QuerySet[Row], params: Values) -> list[Row]:
    """Return a page of rows by its number, in the requested order."""
    number, size = params["PageNumber"], params["PageSize"]
    up = params.get("SortOrder") == "Asc"
    order = ("created_at", "pk") if up else ("-created_at", "-pk")
    return list(rows.order_by(*order)[(number - 1) * size : number * size])


def paging(params: Values, total: int) -> Answer:
    """Return the paging fields of an answer."""
    return {
        "PageNumber": params["PageNumber"],
        "PageSize": params["PageSize"],
        "TotalCount": total,
    }


def stamp(moment: datetime) -> str:
    """Return a time in the format of the API: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def wire_names(**names: str) -> Iterator[None]:
    """Translate field names of an InvalidInputError: `wire_names(name="ProductName")`.

    An error without a code of its own gets the one of its first field, in the form that
    the vendor's gateway uses: `InvalidProductName`.
    """
    try:
        yield
    except InvalidInputError as error:
        renamed = {_wire_name(key, names): found for key, found in error.errors.items()}
        code = error.code
        first = next(iter(error.errors), "").partition(".")[0]
        if code in (InvalidInputError.code, f"Invalid{first.capitalize()}"):
            code = f"Invalid{names.get(first, first) or 'Parameter'}"
        raise InvalidInputError(renamed, code=code) from error


def _wire_name(key: str, names: Mapping[str, str]) -> str:
    head, dot, rest = key.partition(".")
    # The API counts the entries of a list from 1, forms from 0.
    place = str(int(rest) + 1) if rest.isdecimal() else rest
    return f"{names.get(head, head)}{dot}{place}"
