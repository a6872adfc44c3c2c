"""Middleware that measures the duration of every response."""

from collections.abc import Callable
from time import perf_counter

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from console.api.middleware import is_call
from console.metrics.latencies import observe

PROBES = ("/healthz", "/readyz", "/metrics")


class LatencyMiddleware:
    """Must be the first middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = perf_counter()
        response = self.get_response(request)
        observe(kind_of(request), response.status_code, perf_counter() - begun)
        return response


def kind_of(request: HttpRequest) -> str:
    """Return the `view` label of a request."""
    path = request.path_info
    if is_call(request):
        return "api"
    if path.startswith(("/-/", f"/{settings.STATIC_URL.lstrip('/')}")):
        return "asset"
    if path.startswith("/admin/"):
        return "admin"
    if path in PROBES:
        return "probe"
    return "fragment" if "HTTP_HX_REQUEST" in request.META else "page"
