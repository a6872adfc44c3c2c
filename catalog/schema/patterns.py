"""AllowedPattern: a regular expression for the whole value, matched in linear time.

RE2 has no lookahead, but authors start patterns with it to require several things at once:
`^(?=.*[0-9])(?!admin$)[a-z0-9]+$`. Such a start is a conjunction, so it is split into
several RE2 patterns with the same meaning. Other features that RE2 lacks (backreferences,
lookaround elsewhere) are refused.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

import re2
from django.utils.translation import gettext as _

MAX_PATTERN_CHARACTERS = 16_000
_MAX_LOOKAHEADS = 20
_UNICODE_ESCAPE = re.compile(r"((?<!\\)(?:\\\\)*)\\u([0-9a-fA-F]{4})")
# One character, class or escape of a pattern: it matches one character of a text.
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
        lookaheads, rest = _split_lookaheads(source)
        self._lookaheads = [(_compiled(text), wanted) for text, wanted in lookaheads]
        self._whole = _compiled(rest)

    def matches(self, value: str) -> bool:
        """Return True if the whole value matches."""
        return bool(self._whole.fullmatch(value)) and all(
            bool(each.match(value)) is wanted for each, wanted in self._lookaheads
        )


@lru_cache(maxsize=512)
def pattern(source: str) -> Pattern:
    """Return the compiled pattern; raises InvalidPatternError."""
    return Pattern(source)


@lru_cache(maxsize=512)
def allows_line_break(source: str) -> bool:
    """Return True if a text with a line break could match, or if that is unknown."""
    source = _UNICODE_ESCAPE.sub(r"\1\\x{\2}", _FOREIGN_ESCAPE.sub(r"\1\2", source))
    return any(map(_matches_line_break, _ATOM.findall(source)))


def _matches_line_break(atom: str) -> bool:
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


def _split_lookaheads(source: str) -> tuple[list[tuple[str, bool]], str]:
    """Return the lookaheads at the start of a pattern, and the rest of it."""
    lookaheads: list[tuple[str, bool]] = []
    rest = source.removeprefix("^")
    while rest.startswith(("(?=", "(?!", "((?=")):
        end = _group_end(rest)
        repeated = rest[end : end + 1] in {"*", "+", "?", "{"}
        if not end or repeated or len(lookaheads) == _MAX_LOOKAHEADS:
            return [], source
        group = rest[:end]
        if group.startswith("((?="):
            alternatives = _alternatives(group)
            if not alternatives:
                break
            lookaheads.append((alternatives, True))
        else:
            lookaheads.append((group[3:-1], group.startswith("(?=")))
        rest = rest[end:]
    # "^a|b" without a group means something else than "a|b" after a conjunction.
    return (
        (lookaheads, f"(?:{rest})")
        if lookaheads and not _has_bar(rest)
        else ([], source)
    )


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
    """Return the index after the group at the start, or 0 if it is not closed."""
    return next((at for at, depth, _char in _walk(source) if depth == 0), 0)


def _has_bar(source: str) -> bool:
    return any(depth == 0 and char == "|" for _at, depth, char in _walk(source))
