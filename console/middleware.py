"""Middleware for request IDs, security headers, sign-in and error pages."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import reswap, retarget

from console.accounts.form_recovery import SIGN_IN, kept_entries, shown_to
from console.accounts.second_factor import lacks_factor
from console.lib.errors import DomainError
from console.lib.htmx import follow_as_page, wants_fragment
from console.lib.http import Request
from console.lib.request_id import current_request_id, current_source, new_request_id

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# All browser features except passkeys and the clipboard, which the pages use.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "autoplay", "camera", "display-capture", "encrypted-media"),
        *(
            "fullscreen",
            "geolocation",
            "gyroscope",
            "hid",
            "magnetometer",
            "microphone",
        ),
        *("midi", "payment", "picture-in-picture", "screen-wake-lock", "serial", "usb"),
        "xr-spatial-tracking",
    )
)
# Also for responses that Django's middleware does not see: API answers and bad hosts.
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": PERMISSIONS_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": settings.X_FRAME_OPTIONS,
}
STRICT_TRANSPORT = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
SIGN_OUT = "/accounts/logout/"
RETRY_SECONDS = "60"
GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestMiddleware:
    """Sets the request ID, and the security headers of every response."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.id = new_request_id()  # type: ignore[attr-defined]
        token = current_request_id.set(request.id)  # type: ignore[attr-defined]
        source = current_source.set(client_address(request))
        try:
            response = self.get_response(request)
        finally:
            current_source.reset(source)
            current_request_id.reset(token)
        response.headers["x-acs-request-id"] = request.id  # type: ignore[attr-defined]
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.HTTPS and request.is_secure():
            response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
        if getattr(request, "user", None) is not None:
            response.headers.setdefault("Cache-Control", "private, no-store")
        if request.method == "POST" and request.path_info == SIGN_OUT:
            response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response


def client_address(request: HttpRequest) -> str:
    """Return the client address according to the trusted proxies.

    Each proxy appends the address of its client to X-Forwarded-For, so only as many
    entries at its end are reliable as there are trusted proxies.
    """
    proxies = settings.TRUSTED_PROXIES
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    address = forwarded[-proxies] if 0 < proxies <= len(forwarded) else ""
    try:
        return str(ip_address(address.strip() or request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return ""


class SizeMiddleware:
    """Refuses requests larger than any form before reading them.

    Django's limit does not include uploaded files, which it would write to disk.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return self.get_response(request)
        return render(request, "400.html", {"too_large": True}, status=413)


class RedirectMiddleware:
    """Makes redirects work for htmx, so that views need not distinguish it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_redirect = 300 <= response.status_code < 400 and "Location" in response
        if is_redirect and wants_fragment(cast(Request, request)):
            return follow_as_page(cast(Request, request), response)
        return response


class SignInMiddleware(LoginRequiredMiddleware):
    """Requires sign-in, unless a view is public, and MFA where it is mandatory.

    If the session has ended, an htmx request is sent to the sign-in page as a whole:
    the form would be useless inside the requested fragment.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[object, ...],
        view_kwargs: dict[str, object],
    ) -> HttpResponseBase | None:
        response = super().process_view(request, view_func, view_args, view_kwargs)
        if response is not None or not getattr(view_func, "login_required", True):
            return response
        account = reverse("account_overview")
        if request.path.startswith(account) or not lacks_factor(request):
            return None
        return HttpResponseRedirect(f"{account}?required")

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        response = super().handle_no_permission(request, view_func)
        htmx = cast(Request, request).htmx
        if not htmx:
            return self._keep(request) or response
        try:
            back = urlencode({"next": htmx.current_url_abs_path or "/"})
        except ValueError:
            # The client sent an invalid URL.
            back = urlencode({"next": "/"})
        page = HttpResponseRedirect(f"{reverse('account_login')}?{back}")
        # The script keeps a page whose form has entries.
        page.headers[SIGN_IN] = "ended"
        return page

    def _keep(self, request: HttpRequest) -> HttpResponseRedirect | None:
        """Return a page with the entries of a form whose session has ended."""
        entries = kept_entries(request)
        if not entries:
            return None
        context = {
            "entries": entries,
            "files": request.FILES,
            "owner": shown_to(request),
            "signed_out": True,
        }
        page = render(request, "403_csrf.html", context, status=403)
        return cast(HttpResponseRedirect, page)


class DomainErrorMiddleware:
    """Shows a DomainError as a message for htmx, or else as a page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, error: Exception
    ) -> HttpResponse | None:
        if isinstance(error, DataError) and "NUL" in str(error):
            # PostgreSQL cannot store NUL, so no such object exists.
            return render(request, "404.html", status=404)
        if not isinstance(error, DomainError):
            return None
        if error.status == 404:
            return render(request, "404.html", status=404)
        context = {"error": error}
        if wants_fragment(cast(Request, request)):
            flash = render(request, "console/_flash.html", context, status=error.status)
            return reswap(retarget(flash, "#flash"), "outerHTML")
        page = render(request, "console/refused.html", context, status=error.status)
        if error.status == 503:
            page.headers["Retry-After"] = RETRY_SECONDS
        return page
