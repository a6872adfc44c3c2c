"""Tables that describe the operations of the signed API.

One table per operation drives validation, the OpenAPI document and the reference page. The
tables stand beside the operations of each app; the wire's names live there and nowhere else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from console.lib.errors import InvalidInputError, Text
from console.lib.users import User

Values = dict[str, Any]
Answer = dict[str, Any]
Kind = Literal["text", "integer", "boolean", "list", "object"]
LONGEST = 128


Choices = Mapping[str, Text]


@dataclass(frozen=True)
class Parameter:
    """A request parameter, by its name on the wire.

    `least` and `most` bound a text's length in characters, an integer's value or the
    number of a list's entries. A required text may not be empty unless it may be `blank`.
    `choices` maps each valid value to its meaning; `any_case` accepts them in any case.
    `fields` are those of a list's entries, or of an object, which arrives as JSON in one
    field. `note` says what else must be known. `in_sample` is false for one that excludes
    another. A `clearable` list tells an empty list from one that was not sent.
    """

    name: str
    help: Text = ""
    kind: Kind = "text"
    required: bool = False
    least: int = 0
    most: int = LONGEST
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
    def sample(self) -> Any:
        """Return the example as a JSON value of the parameter's type."""
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
    """A field of an answer, by its name on the wire.

    The type follows from the example: a text, an integer, a boolean, or a list of texts.
    A field with `fields` is an object, or a list of objects when there are `several`.
    `choices` maps each value that can occur to its meaning; with `blank` it can be empty
    instead. A field that is not `always`
    there is left out in some states; its help or note says in which. `in_sample` is false
    for one that is empty, or left out, in the state which the sample shows.
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
    def sample(self) -> Any:
        """Return the example as a JSON value of the field's type."""
        if not self.in_sample:
            return type(self.example)()
        if not self.fields:
            return self.example
        entry = sample_of(self.fields)
        return [entry] if self.several else entry


@dataclass(frozen=True)
class Operation:
    """One operation of the API: the function, its parameters, its answer, its texts.

    `answer` are the fields beside RequestId. `errors` are the codes of refusals that do not
    follow from the parameters. `administrators` refuses everybody else; `scoped` says that
    being an administrator changes what the caller sees. `in_query` and `method` say how
    the SDK sends it; the door takes query, form and JSON, with any method.
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


def sample_of(rows: Iterable[Parameter | Field]) -> dict[str, Any]:
    """Return the examples of parameters or fields as a JSON object."""
    return {
        row.name: row.sample
        for row in rows
        if row.in_sample or (isinstance(row, Field) and row.always)
    }


def explained(values: Iterable[str], meanings: Choices) -> Choices:
    """Return the meanings in the order of the values. Raises ValueError if the sets differ.

    The values are those that code checks, for example of an enumeration.
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


def an_id(name: str, help: Text, example: str, *, required: bool = True) -> Parameter:
    """Return a parameter that names something by its ID."""
    return Parameter(name, help, required=required, example=example)


def filters(example: str, keys: Choices) -> Parameter:
    """Return the list of conditions of a list operation; `example` is a value of the first key."""
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


def numbered(rows: QuerySet[Any], params: Values) -> tuple[list[Any], Answer]:
    """Return one page of rows by number, and the answer's paging fields.

    The vendor's TotalCount is exact, so the rows are counted; a page behind the last is
    empty and costs nothing more.
    """
    total = rows.order_by().count()
    start = (params["PageNumber"] - 1) * params["PageSize"]
    page = sliced(rows, params) if start < total else []
    return page, paging(params, total)


def sliced(rows: QuerySet[Any], params: Values) -> list[Any]:
    """Return one page of rows by number, in the order asked for."""
    number, size = params["PageNumber"], params["PageSize"]
    up = params.get("SortOrder") == "Asc"
    order = ("created_at", "pk") if up else ("-created_at", "-pk")
    return list(rows.order_by(*order)[(number - 1) * size : number * size])


def paging(params: Values, total: int) -> Answer:
    """Return the answer's paging fields."""
    return {
        "PageNumber": params["PageNumber"],
        "PageSize": params["PageSize"],
        "TotalCount": total,
    }


def stamp(moment: datetime) -> str:
    """Write a time as the API does: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def spelled(**names: str) -> Iterator[None]:
    """Give the refusals of a verb the wire's names: `spelled(name="ProductName")`.

    A refusal without a code of its own gets the one of its first field, written as the
    vendor's gateway does: `InvalidProductName`.
    """
    try:
        yield
    except InvalidInputError as error:
        renamed = {_spelled(key, names): found for key, found in error.errors.items()}
        code = error.code
        first = next(iter(error.errors), "").partition(".")[0]
        if code in (InvalidInputError.code, f"Invalid{first.capitalize()}"):
            code = f"Invalid{names.get(first, first) or 'Parameter'}"
        raise InvalidInputError(renamed, code=code) from error


def _spelled(key: str, names: Mapping[str, str]) -> str:
    head, dot, rest = key.partition(".")
    # The wire counts a list's entries from 1, forms from 0.
    place = str(int(rest) + 1) if rest.isdecimal() else rest
    return f"{names.get(head, head)}{dot}{place}"
