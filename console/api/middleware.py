"""Middleware that answers API requests before the middleware for browsers runs.

Sessions, cookies, CSRF, redirects and the check of the Host header concern pages only.
An API request is recognized by the SDK's header, by the parameters of a signed query,
or by a URL below /api/, where each operation has its own.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from console.api.endpoint import ADDRESS, answer

SIGNED_QUERY = re.compile(r"(?:^|&)(?:Action|Signature)=")


def is_call(request: HttpRequest) -> bool:
    """Return True for an API request. Pages use only GET and HEAD at the root URL."""
    meta = request.META
    if "HTTP_X_ACS_ACTION" in meta or request.path_info.startswith(ADDRESS):
        return True
    if request.path_info != "/":
        return False
    if request.method not in ("GET", "HEAD"):
        return True
    return bool(SIGNED_QUERY.search(meta.get("QUERY_STRING", "")))


class SignedCallMiddleware:
    """Must follow directly after the middleware that sets the request ID."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return answer(request) if is_call(request) else self.get_response(request)
