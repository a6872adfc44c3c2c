"""The reference of the API: for people as pages, for tools as an OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from console.api.dispatch import OPERATIONS
from console.api.examples import SETUP, example
from console.api.openapi import TYPES, document, groups
from console.lib.errors import NotFound
from console.lib.http import Request
from console.lib.operation import Parameter


@login_not_required
@require_safe
@cache_control(max_age=300)
def openapi(request: HttpRequest) -> JsonResponse:
    """Serve the document; it says nothing a stranger may not know."""
    return JsonResponse(document(f"{request.scheme}://{request.get_host()}"))


@require_safe
def reference(request: Request) -> HttpResponse:
    """Show how to connect, and every operation by group."""
    context = {
        "groups": [
            (group, [(name, OPERATIONS[name]) for name in names])
            for group, names in groups().items()
        ],
        "count": len(OPERATIONS),
        "setup": SETUP.format(scheme=request.scheme or "http", host=request.get_host()),
    }
    return render(request, "console/api_reference.html", context)


@require_safe
def operation(request: Request, name: str) -> HttpResponse:
    """Show one operation: what it takes, what it answers, and how it is called."""
    if name not in OPERATIONS:
        raise NotFound(_("There is no such operation."))
    found = OPERATIONS[name]
    context = {
        "name": name,
        "operation": found,
        "parameters": list(_rows(found.parameters)),
        "answer": [("RequestId", "string"), *_fields(found.answer)],
        "example": example(
            name, found, scheme=request.scheme or "http", host=request.get_host()
        ),
    }
    return render(request, "console/api_operation.html", context)


def _rows(parameters: tuple[Parameter, ...]) -> Iterator[dict[str, Any]]:
    """The parameters with the fields of lists and objects below them."""
    for parameter in parameters:
        yield {"name": parameter.name, "parameter": parameter}
        inside = f"{parameter.name}.N." if parameter.kind == "list" else "  ."
        for each in parameter.fields:
            yield {"name": f"{inside}{each.name}", "parameter": each, "inner": True}


def _fields(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The answer's fields as paths with their types."""
    for name, kind in fields.items():
        path, several = f"{prefix}{name}", isinstance(kind, list)
        inner = kind[0] if several else kind
        if isinstance(inner, Mapping):
            yield from _fields(inner, f"{path}[]." if several else f"{path}.")
        else:
            yield f"{path}[]" if several else path, TYPES[inner]
