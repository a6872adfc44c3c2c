"""The icon sprite: the Lucide shapes the pages use, read from the installed package."""

from functools import lru_cache
from importlib.resources import as_file, files
from xml.etree import ElementTree
from zipfile import ZipFile

_NAMES = """
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
NAMES = frozenset(_NAMES.split())
_SVG = "{http://www.w3.org/2000/svg}"


class UnknownIconError(LookupError):
    """A template asks for an icon that is not in ``NAMES``."""


def check(name: str) -> str:
    """Return ``name``; raise `UnknownIconError` when the sprite does not hold it."""
    if name not in NAMES:
        raise UnknownIconError(f"{name!r} is not in console.icons.NAMES")
    return name


@lru_cache(maxsize=1)
def document() -> str:
    """One SVG document with a ``<symbol>`` for each name, in alphabetical order."""
    ElementTree.register_namespace("", _SVG.strip("{}"))
    root = ElementTree.Element(f"{_SVG}svg")
    with as_file(files("lucide") / "lucide.zip") as path, ZipFile(path) as shapes:
        for name in sorted(NAMES):
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
