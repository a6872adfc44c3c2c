"""A form that outlived its sign-in: what was typed is kept, and sent once more.

The entries travel in the page itself, encrypted: nothing is stored, and no secret of the
form can be read there. They open for the same user, at the same address, for a while.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from time import time
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from console.lib.encryption import DecryptionError, seal, unseal

ENTRIES, OWNER = "kept_entries", "signed_in_as"
SENT_AGAIN_TEXT = _(
    "You signed in again in another tab. Your entries on this page were kept "
    "and sent with the new sign-in."
)
LEFT_OUT = {ENTRIES, OWNER, "csrfmiddlewaretoken"}
# Tells our script what has become of the sign-in under which a page was shown.
SIGN_IN = "X-Sign-In"
# Our script sends a request once more under this header, with the token of the new sign-in.
SENT_AGAIN = "X-Sent-Again"
MAX_BYTES = 1024 * 1024


def shown_to(request: HttpRequest) -> str:
    """Return the principal ID of the user for whom the form was shown; empty if unknown."""
    return request.headers.get("X-Signed-In-As") or request.POST.get(OWNER, "")


def own_form(request: HttpRequest) -> bool:
    """Say whether the form was on a page of ours: no other site may have one kept."""
    own = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Origin") == own


def kept_entries(request: HttpRequest) -> str:
    """Return what was typed, encrypted for a page that offers to send it again.

    Empty when there is nothing to keep: the form was on another site, is larger than
    MAX_BYTES, or asks for a password or a second factor.
    """
    private = request.path.startswith(reverse("account_overview"))
    if request.method != "POST" or private or not own_form(request):
        return ""
    if not shown_to(request):
        return ""
    if ENTRIES in request.POST:
        return str(request.POST[ENTRIES])
    fields = [field for field in request.POST.lists() if field[0] not in LEFT_OUT]
    plain = zlib.compress(json.dumps([time(), fields]).encode())
    if len(plain) > MAX_BYTES:
        return ""
    return b64encode(seal(plain, _context(request, shown_to(request)))).decode()


def restored(request: HttpRequest, entries: str, owner: str) -> QueryDict | None:
    """Open kept entries; None when they are another user's, of another form, or too old."""
    try:
        plain = unseal(b64decode(entries, validate=True), _context(request, owner))
    except (DecryptionError, ValueError):
        return None
    at, fields = json.loads(zlib.decompress(plain))
    if time() - at > settings.SESSION_COOKIE_AGE:
        return None
    found = QueryDict(mutable=True)
    for name, values in fields:
        found.setlist(name, values)
    return found


def _context(request: HttpRequest, owner: str) -> str:
    return f"form:{owner}:{request.path}"


class FormRecoveryMiddleware:
    """Give a view the kept entries of a form as if they had just been sent."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if SENT_AGAIN in request.headers and 300 <= response.status_code < 400:
            # The page that was sent is left: the next one tells.
            messages.info(request, SENT_AGAIN_TEXT)
        return response

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: Mapping[str, Any],
    ) -> HttpResponse | None:
        if request.method != "POST" or ENTRIES not in request.POST:
            return None
        owner = getattr(request.user, "principal_id", "")
        found = restored(request, str(request.POST[ENTRIES]), owner)
        if found is None:
            return render(request, "403_csrf.html", status=403)
        found._mutable = False
        cast(Any, request).POST = found
        return None
