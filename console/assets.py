"""The bundled stylesheet, script and icon sprite that every page loads.

Each asset is built at first use from the separate files of the repository (the icons from
the `lucide` package) and served under a name that contains its digest, so that a browser
can cache it for ever and a page needs one request for each.
"""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from importlib.resources import as_file, files
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.templatetags.static import static
from django.urls import path, reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

YEAR = 365 * 24 * 3600  # seconds
# Lucide icons that the pages use.
_ICONS = """
archive arrow-down arrow-down-to-line arrow-right arrow-up arrow-up-down ban bell box
boxes check chevron-down chevron-left chevron-right circle-alert circle-check
circle-dashed circle-question-mark circle-slash circle-x clipboard-check clock cloud copy
database download ellipsis external-link eye eye-off file-diff file-text folder-tree
git-compare globe history hourglass inbox info key languages layers link list-checks
list-filter loader-circle lock log-in log-out map-pin menu minus monitor moon network
package pause pencil play plus refresh-cw replace rocket rows-3 search search-x send
server settings shield-check sliders-horizontal square star sun tag terminal text-wrap
trash-2 triangle-alert undo-2 unlink upload user users x
"""
ICON_NAMES = frozenset(_ICONS.split())
_SVG = "{http://www.w3.org/2000/svg}"


class UnknownIconError(LookupError):
    """An icon name that is not in `ICON_NAMES`."""


def check_icon(name: str) -> str:
    """Return `name`. Raises UnknownIconError if the sprite has no such icon."""
    if name not in ICON_NAMES:
        raise UnknownIconError(f"{name!r} is not in console.assets.ICON_NAMES")
    return name


@dataclass(frozen=True)
class Asset:
    """The content of an asset, immutable because its URL contains the digest."""

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
        """Return the content, gzipped if the client accepts that, or 304 for a matching ETag."""
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
    """Return the static files of one kind by name, with `first` in front."""
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
    # A block gives each module its own scope, as separate files have.
    return "\n".join(f"{{\n{part.read_text()}}}" for part in _parts("js"))


def _sprite() -> str:
    """Return an SVG document with one `<symbol>` for each icon name."""
    ElementTree.register_namespace("", _SVG.strip("{}"))
    root = ElementTree.Element(f"{_SVG}svg")
    with as_file(files("lucide") / "lucide.zip") as path, ZipFile(path) as shapes:
        for name in sorted(ICON_NAMES):
            root.append(_symbol(name, shapes.read(f"{name}.svg").decode()))
    return ElementTree.tostring(root, encoding="unicode")


def _symbol(name: str, svg: str) -> ElementTree.Element:
    shape = ElementTree.fromstring(svg)
    shape.tag = f"{_SVG}symbol"
    shape.set("id", name)
    # The element that uses a symbol decides its size.
    for attribute in ("width", "height", "class"):
        shape.attrib.pop(attribute, None)
    for node in shape.iter():
        node.text = node.tail = None
    return shape


_MAKERS: dict[str, tuple[str, Callable[[], str]]] = {
    "console.css": ("text/css; charset=utf-8", _stylesheet),
    "console.js": ("text/javascript; charset=utf-8", _script),
    "icons.svg": ("image/svg+xml", _sprite),
}


@lru_cache(maxsize=len(_MAKERS))
def _made(name: str) -> Asset:
    content_type, make = _MAKERS[name]
    return Asset.of(name, content_type, make())


def asset(name: str) -> Asset:
    """Return an asset. Under DEBUG it is rebuilt on each call, so that edits show at once."""
    if settings.DEBUG and name != "icons.svg":
        _made.cache_clear()
    return _made(name)


def make_all() -> None:
    """Build every asset before the server forks, so that all its processes share them."""
    for name in _MAKERS:
        asset(name)


@login_not_required
@require_safe
def serve(request: HttpRequest, stem: str, digest: str, suffix: str) -> HttpResponse:
    """Serve an asset, or 404 for a name or digest that this release does not have."""
    name = f"{stem}.{suffix}"
    if name not in _MAKERS or asset(name).digest != digest:
        raise Http404
    return asset(name).response(request)


urlpatterns = [path("-/<slug:stem>.<slug:digest>.<slug:suffix>", serve, name="asset")]
