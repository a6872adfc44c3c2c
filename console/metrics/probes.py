"""Answers for probes, whatever name or address they call the host by."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from console.metrics.views import metrics
from console.views import healthz, readyz

HEALTH = {"/healthz": healthz, "/readyz": readyz}


class ProbeMiddleware:
    """Answer health checks, and scrapers that have the token, before the Host is checked.

    Kubernetes and Prometheus call a pod by its address and by plain HTTP. These answers
    contain no address, so CONSOLE_ALLOWED_HOSTS and the redirect to HTTPS protect nothing
    here. A person who opens `/metrics` signs in as for any other page.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        if path in HEALTH:
            return HEALTH[path](request)
        bearer = (
            request.META.get("HTTP_AUTHORIZATION", "").lower().startswith("bearer ")
        )
        if path == "/metrics" and bearer:
            return metrics(request)  # type: ignore[arg-type]
        return self.get_response(request)
