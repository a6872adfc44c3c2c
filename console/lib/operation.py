"""What an operation of the signed API is: a function, what it takes, what it answers.

One table per operation drives validation, the OpenAPI document and the reference page. The
tables stand beside the operations of each app; the wire's names live there and nowhere else.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from django.db.models import QuerySet

from console.lib.errors import InvalidInput
from console.lib.people import User

Values = dict[str, Any]
Answer = dict[str, Any]
Kind = Literal["text", "integer", "boolean", "list", "object"]
LONGEST = 128


@dataclass(frozen=True)
class Parameter:
    """One thing an operation takes, by its name on the wire.

    `least` and `most` bound a text's length in characters, an integer's value or the
    number of a list's entries. A required text may not be empty unless it may be `blank`.
    `fields` are those of a list's entries, or of an object, which arrives as JSON in one
    field. `any_case` accepts choices in any case. A `clearable` list tells an empty list
    from one that was not sent.
    """

    name: str
    help: str = ""
    kind: Kind = "text"
    required: bool = False
    least: int = 0
    most: int = LONGEST
    choices: tuple[str, ...] = ()
    any_case: bool = False
    clearable: bool = False
    blank: bool = False
    default: Any = None
    example: str = ""
    fields: tuple["Parameter", ...] = ()


@dataclass(frozen=True)
class Operation:
    """One operation. Its summary is the first line of the function's docstring.

    `answer` maps a field to `str`, `int`, `bool`, a mapping, or a list of one of these.
    `administrators` refuses everybody else; `scoped` says that being an administrator
    changes what the caller sees. `in_query` and `method` say how the SDK sends it; the
    door takes query and form, with any method.
    """

    run: Callable[[Values, User], Answer]
    group: str
    parameters: tuple[Parameter, ...] = ()
    answer: Mapping[str, Any] = field(default_factory=dict)
    administrators: bool = False
    scoped: bool = True
    in_query: bool = False
    method: str = "POST"

    @property
    def summary(self) -> str:
        return (self.run.__doc__ or "").strip().split("\n")[0]

    @property
    def description(self) -> str:
        lines = (self.run.__doc__ or "").strip().split("\n")[1:]
        return " ".join(line.strip() for line in lines if line.strip())


PAGING = (
    Parameter(
        "PageNumber", "The page, from 1.", "integer", least=1, most=10**9, default=1
    ),
    Parameter("PageSize", "Rows on a page.", "integer", least=1, most=100, default=10),
)
SORTING = (
    Parameter("SortBy", "What to sort by.", choices=("CreateTime",)),
    Parameter("SortOrder", "The order.", choices=("Asc", "Desc"), default="Desc"),
)
PAGED_ANSWER = {"PageNumber": int, "PageSize": int, "TotalCount": int}


def an_id(name: str, example: str, *, required: bool = True) -> Parameter:
    """Return a parameter that names something by its ID."""
    # ProductVersionId: the ID of the product version.
    noun = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("Id")).lower()
    return Parameter(name, f"The ID of the {noun}.", required=required, example=example)


def filters(*keys: str) -> Parameter:
    """Return the list of key and value conditions a list operation takes."""
    return Parameter(
        "Filters",
        "Conditions; all of them must hold.",
        "list",
        most=10,
        fields=(
            Parameter("Key", "What to compare.", required=True, choices=keys),
            Parameter(
                "Value", "The value to look for.", required=True, blank=True, most=256
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
    except InvalidInput as error:
        renamed = {_spelled(key, names): found for key, found in error.errors.items()}
        code = error.code
        first = next(iter(error.errors), "").partition(".")[0]
        if code in (InvalidInput.code, f"Invalid{first.capitalize()}"):
            code = f"Invalid{names.get(first, first) or 'Parameter'}"
        raise InvalidInput(renamed, code=code) from error


def _spelled(key: str, names: Mapping[str, str]) -> str:
    head, dot, rest = key.partition(".")
    # The wire counts a list's entries from 1, forms from 0.
    place = str(int(rest) + 1) if rest.isdecimal() else rest
    return f"{names.get(head, head)}{dot}{place}"
