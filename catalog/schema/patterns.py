"""AllowedPattern: a regular expression over the whole value, in linear time.

RE2 has no lookahead, yet template authors begin patterns with it to demand several
things at once: `^(?=.*[0-9])(?!admin$)[a-z0-9]+$`. Such a beginning is a conjunction, so
it is taken apart into several RE2 patterns of exactly the same meaning. Whatever RE2
cannot express otherwise (backreferences, lookaround elsewhere) is refused.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

import re2
from django.utils.translation import gettext as _

MAX_PATTERN_CHARACTERS = 16_000
_DEMANDS = 20
_UNICODE_ESCAPE = re.compile(r"((?<!\\)(?:\\\\)*)\\u([0-9a-fA-F]{4})")
# One character, class or escape of a pattern: what can stand for one character of a text.
_ATOM = re.compile(
    r"\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]"
    r"|\\Q.*?(?:\\E|\Z)|\\[pP](?:\{[^}]*\}|.)|\\x(?:\{[^}]*\}|..)"
    r"|\\[0-7]{1,3}|\\.|\(\?[a-zA-Z]*s|\n",
    re.DOTALL,
)
_FOREIGN_ESCAPE = re.compile(r"((?<!\\)(?:\\\\)*)\\([^\x00-\x7f])")


class InvalidPatternError(ValueError):
    """RE2 cannot compile the pattern; the text says why."""


class Pattern:
    """A compiled AllowedPattern. Raises InvalidPatternError."""

    def __init__(self, source: str) -> None:
        if len(source) > MAX_PATTERN_CHARACTERS:
            raise InvalidPatternError(
                _("AllowedPattern is longer than %(limit)d characters")
                % {"limit": MAX_PATTERN_CHARACTERS}
            )
        source = _FOREIGN_ESCAPE.sub(r"\1\2", source)
        source = _UNICODE_ESCAPE.sub(r"\1\\x{\2}", source)
        demands, rest = _demands(source)
        self._demands = [(_compiled(text), wanted) for text, wanted in demands]
        self._whole = _compiled(rest)

    def matches(self, value: str) -> bool:
        """Whether the whole value fits."""
        return bool(self._whole.fullmatch(value)) and all(
            bool(demand.match(value)) is wanted for demand, wanted in self._demands
        )


@lru_cache(maxsize=512)
def pattern(source: str) -> Pattern:
    """Return the compiled pattern; raises InvalidPatternError."""
    return Pattern(source)


@lru_cache(maxsize=512)
def allows_line_break(source: str) -> bool:
    """Return True if a text with a line break could match, or where that is not certain."""
    source = _UNICODE_ESCAPE.sub(r"\1\\x{\2}", _FOREIGN_ESCAPE.sub(r"\1\2", source))
    return any(map(_breaks, _ATOM.findall(source)))


def _breaks(atom: str) -> bool:
    if atom.startswith("(?"):
        return True
    if atom.startswith("\\Q"):
        return "\n" in atom
    try:
        return bool(_compiled(atom).fullmatch("\n"))
    except InvalidPatternError:
        return True


def _compiled(source: str) -> "re2._Regexp[str]":
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(source, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        shown = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        raise InvalidPatternError(
            _(
                "AllowedPattern is not valid (%(why)s); rewrite the pattern without "
                "lookarounds"
            )
            % {"why": shown}
        ) from None


def _demands(source: str) -> tuple[list[tuple[str, bool]], str]:
    """Part the lookaheads a pattern begins with from the rest of it."""
    demands: list[tuple[str, bool]] = []
    rest = source.removeprefix("^")
    while rest.startswith(("(?=", "(?!", "((?=")):
        end = _group_end(rest)
        repeated = rest[end : end + 1] in {"*", "+", "?", "{"}
        if not end or repeated or len(demands) == _DEMANDS:
            return [], source
        group = rest[:end]
        if group.startswith("((?="):
            alternatives = _alternatives(group)
            if not alternatives:
                break
            demands.append((alternatives, True))
        else:
            demands.append((group[3:-1], group.startswith("(?=")))
        rest = rest[end:]
    # Without a group, "^a|b" has another meaning than "a|b" after a conjunction.
    return (demands, f"(?:{rest})") if demands and not _has_bar(rest) else ([], source)


def _alternatives(group: str) -> str:
    """Return `A|B` of a group `((?=A)|(?=B))`, else empty."""
    inner = group[1:-1]
    found = []
    while inner.startswith("(?="):
        end = _group_end(inner)
        found.append(f"(?:{inner[3 : end - 1]})")
        inner = inner[end:]
        if not inner:
            return "|".join(found)
        if not inner.startswith("|"):
            return ""
        inner = inner[1:]
    return ""


def _walk(source: str) -> Iterator[tuple[int, int, str]]:
    """Yield (index after, depth after, character) outside escapes and classes."""
    depth = 0
    at = 0
    while at < len(source):
        character = source[at]
        if character == "\\":
            at += 2
        elif character == "[":
            at = _class_end(source, at)
        else:
            depth += (character == "(") - (character == ")")
            at += 1
            yield at, depth, character


def _class_end(source: str, at: int) -> int:
    at += 1
    if source[at : at + 1] == "^":
        at += 1
    if source[at : at + 1] == "]":
        at += 1
    while at < len(source) and source[at] != "]":
        at += 2 if source[at] == "\\" else 1
    return at + 1


def _group_end(source: str) -> int:
    """The index after the group the source begins with, 0 when it never ends."""
    return next((at for at, depth, _char in _walk(source) if depth == 0), 0)


def _has_bar(source: str) -> bool:
    return any(depth == 0 and char == "|" for _at, depth, char in _walk(source))
