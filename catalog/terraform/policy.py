"""The policy for templates: the contents that are refused before any sandbox."""

import json
import posixpath
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.terraform.policy_tokens import Reader, Token, UnreadableError

CODE = (".tf", ".tofu")
JSON_CODE = (".tf.json", ".tofu.json")
PROVISIONERS = "Provisioners run commands and are not allowed here."
# These fetch addresses or run commands on this machine, even during a plan.
SOURCES = {
    "external": 'data "external" runs a program and is not allowed.',
    "http": 'data "http" fetches an address from this machine and is not allowed.',
    "local_command": "local_command runs a program and is not allowed.",
    "terraform_remote_state": "Reading the state of another stack is not allowed.",
}
BACKEND = "The state is kept by this console; remove the {} block."
MODULE = (
    "A module must be part of the template. Its source must be a literal string "
    'that starts with "./" and stays inside the template.'
)
OVER = "Terraform would load this file over the values and settings of a run."
# File names that Terraform loads with precedence over our values and settings.
LOADED = re.compile(
    r"(?:(?:^|.*_)override\.(?:tf|tofu)(?:\.json)?"
    r"|terraform\.tfvars(?:\.json)?|.*\.auto\.tfvars(?:\.json)?)"
)
# Names of Terraform's own files, in any folder.
STEERING = re.compile(
    r"(?:\.terraform|\.terraformrc|terraform\.rc|.*\.tfstate(?:\..*)?|\.tofurc)"
)
# The rule of an allowed module call; its message is the folder that the call loads.
LOADS = "loads"


@dataclass(frozen=True)
class Violation:
    """A violation of the policy; `line` is 1 for the file as a whole."""

    file: str
    line: int
    message: str


def violations(
    files: Mapping[str, str], *, allow_provisioners: bool = False
) -> list[Violation]:
    """Return the violations in the files that Terraform loads, in file order.

    It loads the root folder and each folder of a module call; other folders, such as examples,
    are never read. File names are checked in all folders.
    """
    found: dict[str, list[Violation]] = {
        file: [Violation(file, 1, message) for message in _name(file)] for file in files
    }
    by_folder: dict[str, list[str]] = {}
    for file in files:
        by_folder.setdefault(_folded(posixpath.dirname(file)), []).append(file)
    ahead, loaded = [""], {""}
    while ahead:
        for file in by_folder.get(ahead.pop(), ()):
            folder = posixpath.dirname(file)
            if LOADED.fullmatch(posixpath.basename(file).casefold()):
                found[file].append(Violation(file, 1, OVER))
            for line, rule, message in _content(file, files[file], folder):
                if rule == LOADS:
                    called = _folded(message)
                    ahead += {called} - loaded
                    loaded.add(called)
                elif not (allow_provisioners and rule == "provisioner"):
                    found[file].append(Violation(file, line, message))
    return [violation for each in found.values() for violation in each]


def _folded(folder: str) -> str:
    """Return a folder as a case-insensitive file system compares it."""
    return unicodedata.normalize("NFC", folder).casefold()


def _name(file: str) -> Iterator[str]:
    """Yield the violations of a file's name."""
    parts = file.split("/")
    if file.startswith("/") or re.match(r"[A-Za-z]:", file) or "\\" in file:
        yield "A file name must be relative, with forward slashes."
    elif any(part in ("", ".", "..") for part in parts):
        yield "A file name must stay inside the template."
    elif (
        re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", file)
        or len(file.encode()) > 255
    ):
        yield "A file name must be short and free of control characters."
    elif any(STEERING.fullmatch(part.casefold()) for part in parts):
        yield OVER


def _content(file: str, text: str, folder: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, rule and message of each violation in a file."""
    name = file.casefold()
    try:
        if name.endswith(JSON_CODE):
            yield from _JsonFile(text, folder).found()
        elif name.endswith(CODE):
            yield from _hcl(Reader(text).read(), folder)
    except UnreadableError as error:
        yield error.line, "unreadable", f"The file cannot be read: {error}"
    except RecursionError:
        yield 1, "unreadable", "The file is nested too deeply."


def _hcl(tokens: list[Token], folder: str) -> Iterator[tuple[int, str, str]]:
    """Yield the violations of block headers and module sources.

    A header is a name and labels with a brace on the same line. It is checked in any place,
    because in a wrong place it would not be valid anyway.
    """
    open_blocks: list[str] = []
    header: list[Token] = []
    for index, token in enumerate(tokens):
        if token.kind in ("name", "string") and (header or token.kind == "name"):
            header.append(token)
            continue
        if token.text == "{" and token.kind == "sign":
            yield from _header(header, open_blocks)
            open_blocks.append(header[0].text if header else "")
        elif token.text == "}" and token.kind == "sign":
            open_blocks.pop()
        elif token.text == "=" and _assigns_source(header, open_blocks):
            yield from _source(tokens, index, folder)
        header = []


def _assigns_source(header: list[Token], around: list[str]) -> bool:
    """Return whether an equals sign after these tokens sets the source of a module."""
    return around == ["module"] and bool(header) and header[-1].text == "source"


def _header(header: list[Token], around: list[str]) -> Iterator[tuple[int, str, str]]:
    """Yield the violation of a block header inside of these blocks."""
    if header:
        labels = [token.text for token in header[1:]]
        parent = around[-1] if around else ""
        rule = _rule(header[0].text, labels, parent)
        if rule is not None:
            yield header[0].line, *rule


def _rule(block: str, labels: list[str], parent: str) -> tuple[str, str] | None:
    """Return the rule that a block violates and its message, else None."""
    if block == "provisioner":
        return "provisioner", PROVISIONERS
    if block in ("data", "action", "ephemeral") and labels and labels[0] in SOURCES:
        return "source", SOURCES[labels[0]]
    if parent == "terraform" and block in ("backend", "cloud"):
        return "backend", BACKEND.format(block)
    return None


def _source(
    tokens: list[Token], index: int, folder: str
) -> Iterator[tuple[int, str, str]]:
    """Yield the folder of the module source that this token assigns, or its violation."""
    value, *after = [*tokens[index + 1 : index + 3], Token("newline", "\n", 0)]
    plain = value.kind == "string" and value.literal and after[0].text in ("\n", "}")
    if plain and _inside(value.text, folder):
        yield tokens[index].line, LOADS, _path(value.text, folder)
    else:
        yield tokens[index].line, "module", MODULE


def _inside(source: str, folder: str) -> bool:
    """Return whether a module source is a path inside of the template."""
    path = _path(source, folder)
    local = source.startswith(("./", "../")) and not re.search(
        r"\\|//|[$%]\{|\?", source
    )
    return local and path != ".." and not path.startswith("../")


def _path(source: str, folder: str) -> str:
    """Return the folder of a source relative to this one; the root is the empty path."""
    path = posixpath.normpath(posixpath.join(folder, source))
    return "" if path == "." else path


Pairs = list[tuple[str, Any]]


class _JsonFile:
    """A template file in JSON. Every occurrence of a repeated key is checked."""

    def __init__(self, text: str, folder: str) -> None:
        self.text = text
        self.folder = folder
        try:
            self.root = json.loads(text, object_pairs_hook=_Object)
        except (ValueError, RecursionError) as error:
            raise UnreadableError(
                getattr(error, "lineno", 1), "it is not JSON."
            ) from error

    def found(self) -> Iterator[tuple[int, str, str]]:
        """Yield the violations; each line is that of the first word that names the rule."""
        for word, message in self._broken():
            if word == LOADS:
                yield 1, LOADS, message
                continue
            rule = "provisioner" if word == "provisioner" else "content"
            yield self._line(word), rule, message

    def _broken(self) -> Iterator[tuple[str, str]]:
        for kind, content in _pairs(self.root):
            if kind == "resource":
                for _, body in _labelled(content, 2):
                    if any(key == "provisioner" for key, _ in _pairs(body)):
                        yield "provisioner", PROVISIONERS
            elif kind == "removed" and any(
                k == "provisioner" for k, _ in _pairs(content)
            ):
                yield "provisioner", PROVISIONERS
            elif kind == "module":
                yield from self._modules(content)
            elif kind == "terraform":
                for key, _ in _pairs(content):
                    if key in ("backend", "cloud"):
                        yield key, BACKEND.format(key)
            yield from _sources(kind, content)

    def _modules(self, content: Any) -> Iterator[tuple[str, str]]:
        for _, body in _labelled(content, 1):
            for key, value in _pairs(body):
                inside = isinstance(value, str) and _inside(value, self.folder)
                if key != "source":
                    continue
                if inside:
                    yield LOADS, _path(value, self.folder)
                else:
                    yield key, MODULE

    def _line(self, word: str) -> int:
        """Return the line of the first such word, 1 when it is written with escapes."""
        at = self.text.find(json.dumps(word))
        return self.text.count("\n", 0, max(at, 0)) + 1


class _Object(list[tuple[str, Any]]):
    """The pairs of a JSON object, of another type than a JSON array."""


def _sources(kind: str, content: Any) -> Iterator[tuple[str, str]]:
    """Yield the data sources that are not allowed, also inside of a check block."""
    if kind in ("data", "action", "ephemeral"):
        for label, _ in _pairs(content):
            if label in SOURCES:
                yield label, SOURCES[label]
    elif kind == "check":
        for _, body in _labelled(content, 1):
            for key, inner in _pairs(body):
                yield from _sources(key, inner)


def _labelled(content: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the bodies below `depth` levels of labels; each level may be an array."""
    for label, inner in _pairs(content):
        if depth > 1:
            yield from _labelled(inner, depth - 1)
        else:
            yield label, inner


def _pairs(content: Any) -> Iterator[tuple[str, Any]]:
    """Yield the pairs of an object, or of all objects of an array."""
    if isinstance(content, _Object):
        yield from content
    elif isinstance(content, list):
        for item in content:
            yield from _pairs(item)
