"""Pages for a user's own access keys."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from console.api.access_keys import MAX_KEYS, AccessKey, access_key_for
from console.lib.access import fresh_sign_in_required
from console.lib.http import Request

LIST_URL = "console:access-key-list"


@require_safe
def access_key_list(request: Request) -> HttpResponse:
    return _page(request)


@never_cache
@require_POST
@fresh_sign_in_required
def access_key_create(request: Request) -> HttpResponse:
    """Create a key and show its secret. No other response contains it."""
    made = AccessKey.objects.issue(request.user, by=request.user)
    return _page(request, made=made, status=201)


@require_POST
def access_key_disable(request: Request, pk: str) -> HttpResponse:
    access_key_for(request.user, pk).disable(by=request.user)
    messages.success(
        request,
        _("The access key has been disabled. Requests signed with it are rejected."),
    )
    return redirect(LIST_URL)


@require_POST
def access_key_enable(request: Request, pk: str) -> HttpResponse:
    access_key_for(request.user, pk).enable(by=request.user)
    messages.success(request, _("The access key has been enabled."))
    return redirect(LIST_URL)


@require_http_methods(["GET", "HEAD", "POST"])
def access_key_delete(request: Request, pk: str) -> HttpResponse:
    """Ask for confirmation, then delete the key."""
    key = access_key_for(request.user, pk)
    if request.method != "POST":
        return render(request, "console/access_key_delete.html", {"key": key})
    key.remove(by=request.user)
    messages.success(request, _("The access key has been deleted."))
    return redirect(LIST_URL)


def _page(
    request: Request, *, made: AccessKey | None = None, status: int = 200
) -> HttpResponse:
    keys = list(AccessKey.objects.of(request.user))
    context = {"keys": keys, "made": made, "full": len(keys) >= MAX_KEYS}
    return render(request, "console/access_key_list.html", context, status=status)
