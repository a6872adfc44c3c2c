"""Responses for browsers and htmx: page, fragment or redirect."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from console.lib.http import Request

# Host, path and query: a browser reloads a page only if one of them changes.
Address = tuple[str, str, list[tuple[str, str]]]


def wants_fragment(request: Request) -> bool:
    """Return True if htmx will swap a fragment.

    Boosted links and restored history need the whole page.
    """
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: Request,
    template: str,
    context: Mapping[str, object],
    *,
    fragment: str,
    status: int = 200,
) -> HttpResponse:
    """Render the page, or only its fragment if htmx requests it."""
    name = fragment if wants_fragment(request) else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def follow_as_page(request: Request, response: HttpResponse) -> HttpResponse:
    """Turn a redirect into one that htmx passes on to the browser.

    Otherwise the browser's fetch follows the redirect, and htmx swaps the other page
    into the fragment. A browser that is sent to its own URL with an anchor scrolls
    there but loads nothing, so the anchor is left out then.
    """
    url = response.headers["Location"]
    del response.headers["Location"]
    page, _, fragment = url.partition("#")
    if fragment and _address(request, page) == _shown(request):
        url = page
    response.status_code = 200
    response.headers["HX-Redirect"] = url
    patch_vary_headers(response, ["HX-Request"])
    return response


def came_from(request: Request, page: str) -> str:
    """Return the URL of `page` with the query string under which the user left it.

    A form can send it as `next`; otherwise it is the page that sent the request. The
    result is "" if the user came from elsewhere, so it never leads to another page.
    """
    candidates = (
        request.POST.get("next"),
        request.htmx.current_url if request.htmx else None,
        request.headers.get("Referer"),
    )
    for url in filter(None, candidates):
        found = _address(request, url)
        if found and found[:2] == (request.get_host(), page):
            query = urlsplit(url).query
            return f"{page}?{query}" if query else page
    return ""


def redirect_back(request: Request, view: str, *args: object) -> HttpResponseRedirect:
    """Redirect to a list with the filters under which the user left it."""
    page = reverse(view, args=args)
    return HttpResponseRedirect(came_from(request, page) or page)


def _shown(request: Request) -> Address | None:
    return _address(request, request.htmx.current_url or "")


def _address(request: Request, url: str) -> Address | None:
    """Return the parts that distinguish pages, or None if `url` is not a URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    query = parse_qsl(parts.query, keep_blank_values=True)
    return parts.netloc or request.get_host(), unquote(parts.path), query
