"""The three files every page needs: one stylesheet, one script, one icon sprite.

Each is put together at first use from files that stay separate in the repository (or, for
the icons, in their package) and is served under a name that holds its digest, so that
browsers keep it for ever and a page costs one request for each.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.templatetags.static import static
from django.urls import path, reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from console import icons

YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Asset:
    """Bytes a browser may keep for ever, because the digest is part of the address."""

    name: str
    content_type: str
    content: bytes
    compressed: bytes = field(repr=False)
    digest: str

    @classmethod
    def of(cls, name: str, content_type: str, text: str) -> "Asset":
        content = text.encode()
        digest = sha256(content).hexdigest()[:12]
        return cls(
            name, content_type, content, gzip.compress(content, 9, mtime=0), digest
        )

    @property
    def url(self) -> str:
        stem, _, suffix = self.name.partition(".")
        return reverse("asset", args=[stem, self.digest, suffix])

    def response(self, request: HttpRequest) -> HttpResponse:
        """The content, compressed when the browser allows, or 304 when it has it already."""
        etag = f'"{self.digest}"'
        if request.headers.get("If-None-Match") == etag:
            response: HttpResponse = HttpResponseNotModified()
        elif "gzip" in request.headers.get("Accept-Encoding", ""):
            response = HttpResponse(self.compressed, content_type=self.content_type)
            response.headers["Content-Encoding"] = "gzip"
        else:
            response = HttpResponse(self.content, content_type=self.content_type)
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
        patch_vary_headers(response, ["Accept-Encoding"])
        return response


def _parts(folder: str, first: str = "") -> list[Path]:
    """Our own files of one kind; ``first`` leads, the others follow by name."""
    found = finders.find(folder)
    if not found:
        raise FileNotFoundError(f"no static folder {folder!r}")
    return sorted(
        Path(found).glob(f"*.{folder}"),
        key=lambda part: (part.name != first, part.name),
    )


def _stylesheet() -> str:
    text = "\n".join(part.read_text() for part in _parts("css", first="tokens.css"))
    return text.replace("../img/chevron.svg", static("img/chevron.svg"))


def _script() -> str:
    # A block gives each module its own names, as separate files would.
    return "\n".join(f"{{\n{part.read_text()}}}" for part in _parts("js"))


_MAKERS: dict[str, tuple[str, Callable[[], str]]] = {
    "console.css": ("text/css; charset=utf-8", _stylesheet),
    "console.js": ("text/javascript; charset=utf-8", _script),
    "icons.svg": ("image/svg+xml", icons.document),
}


@lru_cache(maxsize=len(_MAKERS))
def _made(name: str) -> Asset:
    content_type, make = _MAKERS[name]
    return Asset.of(name, content_type, make())


def asset(name: str) -> Asset:
    """One of our assets; made anew each time under DEBUG, so that edits show at once."""
    if settings.DEBUG and name != "icons.svg":
        _made.cache_clear()
    return _made(name)


def make_all() -> None:
    """Make every asset now: processes that share them name the same addresses."""
    for name in _MAKERS:
        asset(name)


@login_not_required
@require_safe
def serve(request: HttpRequest, stem: str, digest: str, suffix: str) -> HttpResponse:
    """Answer with an asset; 404 for a name or digest that this release does not have."""
    name = f"{stem}.{suffix}"
    if name not in _MAKERS or asset(name).digest != digest:
        raise Http404
    return asset(name).response(request)


urlpatterns = [path("-/<slug:stem>.<slug:digest>.<slug:suffix>", serve, name="asset")]
