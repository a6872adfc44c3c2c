"""The API reference: pages, and the OpenAPI document."""

import json
from collections.abc import Iterable, Iterator
from typing import TypedDict

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from console.api.endpoint import OPERATIONS
from console.api.error_codes import CODES, COMMON, errors_of
from console.api.examples import (
    SETUP,
    example,
    json_request,
    json_response,
    wire_request,
)
from console.api.openapi import GROUPS, REQUEST_ID, document, groups
from console.lib.errors import NotFoundError
from console.lib.http import Request
from console.lib.operation import Field, Parameter


class Row(TypedDict):
    """A row of a parameter or response table; `depth` is the level of nesting."""

    row: Parameter | Field
    depth: int
    type: str
    example: str


@login_not_required
@require_safe
@cache_control(max_age=300)
def openapi(request: HttpRequest) -> JsonResponse:
    """Serve the OpenAPI document in English, the language of the API.

    The document is public, like the documentation of the vendor, and caches keep one copy.
    """
    with override(settings.LANGUAGE_CODE):
        return JsonResponse(document(f"{request.scheme}://{request.get_host()}"))


@require_safe
def reference(request: Request) -> HttpResponse:
    """Show how to connect, the operations by group, and the common error codes."""
    context = {
        "groups": [
            (GROUPS[group][0], [(name, OPERATIONS[name]) for name in names])
            for group, names in groups().items()
        ],
        "count": len(OPERATIONS),
        "errors": [(code, CODES[code]) for code in COMMON],
        "setup": SETUP.format(scheme=request.scheme or "http", host=request.get_host()),
    }
    return render(request, "console/api_reference.html", context)


@require_safe
def operation(request: Request, name: str) -> HttpResponse:
    """Show the parameters, response, samples and error codes of an operation."""
    if name not in OPERATIONS:
        raise NotFoundError(_("The operation does not exist."))
    found, host = OPERATIONS[name], request.get_host()
    scheme = request.scheme or "http"
    samples = (
        ("json-request", _("Sample request"), json_request(name, found, host=host)),
        ("response", _("Sample success response"), json_response(found)),
        (
            "wire-request",
            _("Request sent by an SDK"),
            wire_request(name, found, host=host),
        ),
        ("sdk", _("SDK for Python"), example(name, found, scheme=scheme, host=host)),
    )
    context = {
        "name": name,
        "operation": found,
        "parameters": list(_parameter_rows(found.parameters)),
        "answer": list(_field_rows((REQUEST_ID, *found.answer))),
        "samples": [sample for sample in samples if sample[2]],
        "errors": list(errors_of(found)),
    }
    return render(request, "console/api_operation.html", context)


def _parameter_rows(parameters: Iterable[Parameter], depth: int = 0) -> Iterator[Row]:
    """Yield the rows of a parameter table; nested fields follow their parent."""
    for parameter in parameters:
        yield {
            "row": parameter,
            "depth": depth,
            "type": _type(parameter),
            "example": _example(parameter),
        }
        yield from _parameter_rows(parameter.fields, depth + 1)


def _field_rows(fields: Iterable[Field], depth: int = 0) -> Iterator[Row]:
    """Yield the rows of a response table; nested fields follow their parent."""
    for field in fields:
        yield {
            "row": field,
            "depth": depth,
            "type": _type(field),
            "example": _example(field),
        }
        yield from _field_rows(field.fields, depth + 1)


def _type(row: Parameter | Field) -> str:
    if row.kind == "list":
        return "array<object>" if row.fields else "array<string>"
    return "string" if row.kind == "text" else row.kind


def _example(row: Parameter | Field) -> str:
    """Return the example as it is written in a request or response; "" for objects."""
    if row.fields:
        return ""
    value = row.sample if isinstance(row, Parameter) else row.example
    return value if isinstance(value, str) else json.dumps(value)
