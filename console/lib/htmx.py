"""Page or fragment: decided once, as the last line of a view."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from console.lib.http import Request


def wants_fragment(request: Request) -> bool:
    """Say whether htmx will swap a fragment: a boosted link or a history restore needs the page."""
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: Request,
    template: str,
    context: dict[str, Any],
    *,
    fragment: str,
    status: int = 200,
) -> HttpResponse:
    """Render the page, or only its fragment when htmx asks for it."""
    name = fragment if wants_fragment(request) else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response
