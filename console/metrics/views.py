"""The page for Prometheus: with the token of the deployment, or signed in as administrator."""

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
    """Let in who has the token or is signed in.

    A request from loopback proves nothing: behind a proxy on this host, all come from there.
    """
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        if _is_ours(token):
            return _page(request, trusted=True)
        refused = HttpResponse(status=401, content_type="text/plain")
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    # Anybody's page, so nobody else asks for the second factor.
    trusted = request.user.is_administrator and not lacks_factor(request)
    return _page(request, trusted=trusted)


@require_safe
def _page(request: Request, *, trusted: bool) -> HttpResponse:
    """Tell the numbers, and nobody else that there are any."""
    if not trusted:
        raise NotFoundError(_("The page does not exist."))
    page = HttpResponse(exposition(families()), content_type=CONTENT_TYPE)
    page.headers["Cache-Control"] = "no-store"
    return page


def _is_ours(token: str) -> bool:
    wanted = settings.METRICS_TOKEN.encode()
    return bool(wanted) and compare_digest(token.strip().encode(), wanted)
