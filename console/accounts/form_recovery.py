"""Recovery of forms whose session has ended: the entries are kept and submitted again.

The entries are in the page itself, encrypted: nothing is stored, and the page reveals
no secret of the form. They can be decrypted for the same user and URL for a limited
time.
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
EXCLUDED = {ENTRIES, OWNER, "csrfmiddlewaretoken"}
# Tells the script whether the session under which a page was rendered has ended.
SIGN_IN = "X-Sign-In"
# Header of a request that the script repeats with the CSRF token of the new session.
SENT_AGAIN = "X-Sent-Again"
MAX_BYTES = 1024 * 1024


def shown_to(request: HttpRequest) -> str:
    """Return the principal ID of the user for whom the form was rendered, or ""."""
    return request.headers.get("X-Signed-In-As") or request.POST.get(OWNER, "")


def own_form(request: HttpRequest) -> bool:
    """Return True if the form is on this site: forms of other sites are not kept."""
    own = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Origin") == own


def kept_entries(request: HttpRequest) -> str:
    """Return the encrypted entries of a form for a page that offers to send it again.

    Return "" if there is nothing to keep: the form is on another site, larger than
    MAX_BYTES, or asks for a password or an MFA code.
    """
    private = request.path.startswith(reverse("account_overview"))
    if request.method != "POST" or private or not own_form(request):
        return ""
    if not shown_to(request):
        return ""
    if ENTRIES in request.POST:
        return str(request.POST[ENTRIES])
    fields = [field for field in request.POST.lists() if field[0] not in EXCLUDED]
    plain = zlib.compress(json.dumps([time(), fields]).encode())
    if len(plain) > MAX_BYTES:
        return ""
    return b64encode(seal(plain, _context(request, shown_to(request)))).decode()


def restored(request: HttpRequest, entries: str, owner: str) -> QueryDict | None:
    """Decrypt kept entries. Return None if they belong to another user or form, or expired."""
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
    """Pass the kept entries of a form to the view as if they were just submitted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if SENT_AGAIN in request.headers and 300 <= response.status_code < 400:
            # The redirect leaves the page, so the next one shows the message.
            messages.info(request, SENT_AGAIN_TEXT)
        return response

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[object, ...],
        view_kwargs: Mapping[str, object],
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
