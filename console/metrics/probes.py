"""Health checks and metrics for any Host header."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from console.metrics.views import metrics
from console.views import healthz, readyz

HEALTH = {"/healthz": healthz, "/readyz": readyz}


class ProbeMiddleware:
    """Answers health checks, and scrapes with a token, before the Host is checked.

    Kubernetes and Prometheus call a pod by its IP address with plain HTTP. The
    responses contain no URLs, so CONSOLE_ALLOWED_HOSTS and the redirect to HTTPS would
    protect nothing. A user who opens `/metrics` signs in as for any other page.
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
