"""The reference of the API: for people as pages, for tools as an OpenAPI document."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
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


@login_not_required
@require_safe
@cache_control(max_age=300)
def openapi(request: HttpRequest) -> JsonResponse:
    """Serve the document; it says nothing a stranger may not know."""
    return JsonResponse(document(f"{request.scheme}://{request.get_host()}"))


@require_safe
def reference(request: Request) -> HttpResponse:
    """Show how to connect, every operation by group, and the common error codes."""
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
    """Show one operation: parameters, answer, samples and error codes."""
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
        "parameters": list(_rows(found.parameters)),
        "answer": list(_fields((REQUEST_ID, *found.answer))),
        "samples": [sample for sample in samples if sample[2]],
        "errors": list(errors_of(found)),
    }
    return render(request, "console/api_operation.html", context)


def _rows(parameters: Iterable[Parameter], depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the parameters with the fields of lists and objects below them."""
    for parameter in parameters:
        yield {
            "row": parameter,
            "depth": depth,
            "type": _type(parameter),
            "example": _example(parameter),
        }
        yield from _rows(parameter.fields, depth + 1)


def _fields(fields: Iterable[Field], depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the answer's fields, nested ones below the object that holds them."""
    for field in fields:
        yield {
            "row": field,
            "depth": depth,
            "type": _type(field),
            "example": _example(field),
        }
        yield from _fields(field.fields, depth + 1)


def _type(row: Parameter | Field) -> str:
    if row.kind == "list":
        return "array<object>" if row.fields else "array<string>"
    return "string" if row.kind == "text" else row.kind


def _example(row: Parameter | Field) -> str:
    """Write the example as it stands in a request or a response; objects have none."""
    if row.fields:
        return ""
    value = row.sample if isinstance(row, Parameter) else row.example
    return value if isinstance(value, str) else json.dumps(value)
