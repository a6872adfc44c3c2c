"""The start page, the appearance, the health checks and the error pages."""

import contextlib
import sys
from functools import cache

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import Error, InterfaceError, OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from console.accounts.form_recovery import SIGN_IN, kept_entries, own_form, shown_to
from console.context_processors import YEAR, AppearanceForm
from console.lib.http import Request
from instances.models import Heartbeat
from instances.presenters.instance_list import ColumnsForm


@require_safe
def root(request: Request) -> HttpResponse:
    """Redirect administrators to the instances and other users to the products."""
    if request.user.is_administrator:
        return redirect("instances:instance-list")
    return redirect("catalog:product-list")


@login_not_required
@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Store the theme, density or columns in cookies, and redirect back."""
    forms = AppearanceForm(request.POST), ColumnsForm(request.POST)
    target = request.POST.get("next") or request.headers.get("Referer", "")
    local = url_has_allowed_host_and_scheme(
        target, {request.get_host()}, require_https=request.is_secure()
    )
    # Not redirect(), which takes a text without a slash for the name of a view.
    response = HttpResponseRedirect(target if local else "/")
    for form in forms:
        for name, value in form.cookies().items() if form.is_valid() else ():
            response.set_cookie(
                name, value, max_age=YEAR, secure=settings.HTTPS, samesite="Lax"
            )
    return response


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: the process responds."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Readiness: the database responds, migrations are applied, and a worker is running."""
    checks = {"database": False, "migrations": False, "worker": False}
    # A database that does not respond is a result, not an error.
    with contextlib.suppress(Error):
        applied = set(MigrationRecorder(connection).applied_migrations())
        checks["database"] = True
        checks["migrations"] = known_migrations() <= applied
        checks["worker"] = Heartbeat.objects.alive().exists()
    ready = all(checks.values())
    return JsonResponse({"ready": ready, **checks}, status=200 if ready else 503)


@cache
def known_migrations() -> set[tuple[str, str]]:
    """Return the migrations of this version."""
    loader = MigrationLoader(connection=None)
    return set(loader.disk_migrations)


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show that the request could not be parsed. Django's page would parse it again."""
    too_large = isinstance(exception, RequestDataTooBig)
    context = {"too_large": too_large}
    return render(request, "400.html", context, status=413 if too_large else 400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show one page for missing and forbidden objects, without the requested path."""
    return render(request, "404.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """Show an unexpected error with the request ID, under which the log has the traceback.

    A locked or restarting database is temporary, so its status is 503.
    """
    context = {"request_id": getattr(request, "id", "")}
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        # Without the request, because context processors would query the database.
        page = render_to_string("503.html", context)
        return HttpResponse(page, status=503, headers={"Retry-After": "5"})
    return render(request, "500.html", context, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Refuse a form of another site or of an earlier session.

    For the same user the response has a new token: the script of the page sends the
    form again with it, and without the script the page offers to.
    """
    same = own_form(request) and shown_to(request) == _principal(request)
    context = {"entries": kept_entries(request) if same else "", "files": request.FILES}
    response = render(request, "403_csrf.html", context, status=403)
    response.headers[SIGN_IN] = "renewed" if same else "changed"
    if same:
        response.headers["X-CSRFToken"] = get_token(request)
    return response


def _principal(request: HttpRequest) -> str | None:
    return getattr(request.user, "principal_id", None)
