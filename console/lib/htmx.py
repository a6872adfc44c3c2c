"""Page, fragment or redirect: how a view answers a browser and htmx alike."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from console.lib.http import Request

# The host and the rest of an address decide whether a browser loads it; its fragment does not.
Address = tuple[str, str, list[tuple[str, str]]]


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


def follow_as_page(request: Request, response: HttpResponse) -> HttpResponse:
    """Turn a redirect into one that htmx hands to the browser, which loads it as a page.

    A fetch follows a plain redirect by itself, and htmx would swap the other page into the
    fragment. A browser that is sent to the address it shows, with a fragment, scrolls there
    and loads nothing: then the fragment is left out.
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
    """Return the address of `page` with the query under which the user left it.

    A form may carry it as `next`; without one it is the page that sent the request. Empty
    when the user did not come from `page`, so it never leads anywhere else.
    """
    told = (
        request.POST.get("next"),
        request.htmx.current_url if request.htmx else None,
        request.headers.get("Referer"),
    )
    for url in filter(None, told):
        found = _address(request, url)
        if found and found[:2] == (request.get_host(), page):
            query = urlsplit(url).query
            return f"{page}?{query}" if query else page
    return ""


def redirect_back(request: Request, view: str, *args: Any) -> HttpResponseRedirect:
    """Redirect to a list, with the filters under which the user left it."""
    page = reverse(view, args=args)
    return HttpResponseRedirect(came_from(request, page) or page)


def _shown(request: Request) -> Address | None:
    return _address(request, request.htmx.current_url or "")


def _address(request: Request, url: str) -> Address | None:
    """Return what tells one page from another; None for what is no address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    query = parse_qsl(parts.query, keep_blank_values=True)
    return parts.netloc or request.get_host(), unquote(parts.path), query
