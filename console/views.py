"""The shell's own pages: the way in, the appearance, health, and what cannot be shown."""

from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import now
from django.views.decorators.http import require_GET, require_POST, require_safe

from console.appearance import YEAR, AppearanceForm
from console.lib.http import Request

WORKER_SILENCE = 30


@require_safe
def root(request: Request) -> HttpResponse:
    """The way in: what I launched when there is something, else what I can launch."""
    if request.user.is_administrator:
        return redirect("instances:instance-list")
    return redirect("catalog:product-list")


@login_not_required
@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Keep a choice of theme or density in a cookie, and go back."""
    form = AppearanceForm(request.POST)
    target = request.POST.get("next") or request.headers.get("Referer", "")
    local = url_has_allowed_host_and_scheme(
        target, {request.get_host()}, require_https=request.is_secure()
    )
    response = redirect(target if local else "/")
    if form.is_valid():
        for name, value in form.cookies().items():
            response.set_cookie(
                name, value, max_age=YEAR, secure=settings.HTTPS, samesite="Lax"
            )
    return response


@login_not_required
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: this process answers."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_GET
def readyz(request: HttpRequest) -> HttpResponse:
    """Readiness: database reachable, migrations applied, a worker alive."""
    checks = {"database": False, "migrations": False, "worker": _worker_alive()}
    try:
        executor = MigrationExecutor(connection)
        targets = executor.loader.graph.leaf_nodes()
        checks["database"] = True
        checks["migrations"] = not executor.migration_plan(targets)
    except DatabaseError:
        pass
    ready = all(checks.values())
    return JsonResponse({"ready": ready, **checks}, status=200 if ready else 503)


def _worker_alive() -> bool:
    limit = now().timestamp() - WORKER_SILENCE
    signs = (Path(settings.DATA_DIR) / "wake").glob("*.alive")
    return any(sign.stat().st_mtime > limit for sign in signs)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """One page for missing and foreign: it never says which path was asked for."""
    return render(request, "404.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    """Something broke: no stack trace, but the ID under which the log has it."""
    context = {"request_id": getattr(request, "id", "")}
    return render(request, "500.html", context, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that came from elsewhere, or from before signing in again."""
    return render(request, "403_csrf.html", status=403)
