"""The metrics page for Prometheus with a token, and for administrators."""

from secrets import compare_digest

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from console.accounts.second_factor import lacks_factor
from console.lib.errors import NotFoundError
from console.lib.http import Request
from console.metrics.families import families
from console.metrics.text import CONTENT_TYPE, exposition


@login_not_required
def metrics(request: Request) -> HttpResponse:
    """Show the metrics to clients with the token and to administrators.

    A request from loopback is not trusted: behind a proxy on this host all come from
    there.
    """
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        if _is_valid(token):
            return _page(request, trusted=True)
        response = HttpResponse(status=401, content_type="text/plain")
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    # The sign-in middleware does not check MFA here, because the view is public.
    trusted = request.user.is_administrator and not lacks_factor(request)
    return _page(request, trusted=trusted)


@require_safe
def _page(request: Request, *, trusted: bool) -> HttpResponse:
    """Show the metrics, or 404 if the client is not trusted."""
    if not trusted:
        raise NotFoundError(_("The page does not exist."))
    page = HttpResponse(exposition(families()), content_type=CONTENT_TYPE)
    page.headers["Cache-Control"] = "no-store"
    return page


def _is_valid(token: str) -> bool:
    expected = settings.METRICS_TOKEN.encode()
    return bool(expected) and compare_digest(token.strip().encode(), expected)
