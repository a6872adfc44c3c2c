"""The way in: calls are answered before anything made for browsers touches them.

Sessions, cookies, CSRF, redirects and the check of the Host header are the pages' business.
A call is known by what no page has: the SDK's header, the parameters of a signed query, or an
address below /api/, where each operation has one of its own.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from console.api.endpoint import ADDRESS, answer

SIGNED_QUERY = re.compile(r"(?:^|&)(?:Action|Signature)=")


def is_call(request: HttpRequest) -> bool:
    """Return True for a call of the API. The root takes nothing else but GET and HEAD."""
    meta = request.META
    if "HTTP_X_ACS_ACTION" in meta or request.path_info.startswith(ADDRESS):
        return True
    if request.path_info != "/":
        return False
    if request.method not in ("GET", "HEAD"):
        return True
    return bool(SIGNED_QUERY.search(meta.get("QUERY_STRING", "")))


class SignedCallMiddleware:
    """Stands right behind the middleware that names the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return answer(request) if is_call(request) else self.get_response(request)
