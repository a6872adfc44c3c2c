"""Lexer of HCL text: tokens, brackets and blocks, within limits.

The limits are checked before python-hcl2 parses a text, because its parser recurses and
needs about 60 µs per token. The lexer is one linear pass without recursion.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from django.utils.translation import gettext as _

from catalog.schema.errors import TemplateError, template_error
from catalog.schema.size_limits import MAX_DEPTH

MAX_TOKENS = 120_000
MAX_OPERATORS = 300

_CODE = re.compile(
    r"(?P<space>[ \t\r]+|\ufeff)|(?P<newline>\n)"
    r"|(?P<comment>\#[^\n]*|//[^\n]*|/\*(?:[^*]|\*(?!/))*+\*/)"
    r"|(?P<heredoc><<-?(?P<mark>[^\W\d][\w.-]*)[ \t\r]*\n)"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d][\w-]*)"
    r"|(?P<open>[\[({])|(?P<close>[\])}])|(?P<quote>\")"
    r"|(?P<punct>=>|\.\.\.|::|[=:,.~](?!=))"
    r"|(?P<operator>==|!=|<=|>=|&&|\|\||[-+*/%<>!?])"
)
_QUOTED = re.compile(r'(?:[^"\\$%\n]|\\[^\n]|\$\$\{|%%\{|[$%](?!\{))++')
_SPLICE = re.compile(r"[$%]\{~?")
_PAIRS = {"[": "]", "(": ")", "{": "}"}


class Token(NamedTuple):
    """A part of the text.

    `kind` is a group of the pattern above, or "text" (part of a string), "begin" and "end"
    (of a string), or "splice" (`${` or `%{`).
    """

    kind: str
    start: int
    end: int


@dataclass
class Statement:
    """`name = expression` or `name "label" { … }`, as a range of tokens."""

    name: str
    line: int
    start: int
    end: int
    first: int
    last: int
    labels: list[str] = field(default_factory=list)
    block: bool = False


class Scan:
    """The tokens of one file. Raises TemplateError where the text cannot be HCL."""

    def __init__(self, text: str, file: str = "") -> None:
        self.text = text
        self.file = file
        self.tokens: list[Token] = []
        # For each open bracket, string and heredoc: what closes it.
        self._open: list[str | re.Pattern[str]] = []
        self._operators = [0]
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._run()

    def line(self, offset: int) -> int:
        return bisect_left(self._newlines, offset) + 1

    def error(self, message: str, offset: int) -> TemplateError:
        return template_error(message, self.file, self.line(offset))

    def source(self, first: int, last: int) -> str:
        """Return the text of the tokens from `first` to `last`, excluding `last`."""
        if first >= last:
            return ""
        return self.text[self.tokens[first].start : self.tokens[last - 1].end]

    def statements(
        self, first: int = 0, last: int | None = None
    ) -> Iterator[Statement]:
        """Yield the arguments and blocks between two tokens, without nested ones."""
        last = len(self.tokens) if last is None else last
        at = first
        while at < last:
            if self.tokens[at].kind == "newline":
                at += 1
                continue
            statement, at = self._statement(at, last)
            yield statement

    def _statement(self, at: int, last: int) -> tuple[Statement, int]:
        begin = at
        words: list[str] = []
        while at < last and self.tokens[at].kind in {"name", "begin"}:
            word, at = self._word(at)
            words.append(word)
        here = self.tokens[begin]
        sign = self.source(at, at + 1) if at < last else ""
        line = self.line(here.start)
        if words and sign == "{":
            close = self._past(at)
            end = self.tokens[close - 1].end
            return (
                Statement(
                    words[0], line, here.start, end, at + 1, close - 1, words[1:], True
                ),
                close,
            )
        if len(words) == 1 and sign == "=":
            stop = at + 1
            while stop < last and self.tokens[stop].kind != "newline":
                stop = self._past(stop)
            end = self.tokens[stop - 1].end
            return Statement(words[0], line, here.start, end, at + 1, stop), stop
        raise self.error(
            _("Expected “name = value” or a block. Check this line."), here.start
        )

    def _word(self, at: int) -> tuple[str, int]:
        if self.tokens[at].kind == "name":
            return self.source(at, at + 1), at + 1
        after = self._past(at)
        return self.source(at, after).strip('"'), after

    def _past(self, at: int) -> int:
        """Return the index after a token, or after the bracket that it opens."""
        depth = 0
        while at < len(self.tokens):
            kind = self.tokens[at].kind
            if kind in {"open", "begin", "splice"}:
                depth += 1
            elif kind in {"close", "end"}:
                depth -= 1
            at += 1
            if depth <= 0:
                break
        return at

    def _run(self) -> None:
        at = 0
        text = self.text
        while at < len(text):
            top = self._open[-1] if self._open else ""
            if top == '"':
                at = self._in_string(at)
            elif isinstance(top, re.Pattern):
                at = self._in_heredoc(at, top)
            else:
                at = self._in_code(at)
            if len(self.tokens) > MAX_TOKENS:
                raise self.error(
                    _("The template is too long. Split it into several files."), at - 1
                )
        if self._open:
            raise self.error(
                _("A bracket, string or heredoc is not closed."), len(text)
            )

    def _in_code(self, at: int) -> int:
        match = _CODE.match(self.text, at)
        if match is None:
            shown = self.text[at : at + 10].splitlines()[0]
            raise self.error(_("“%(text)s” is not valid HCL.") % {"text": shown}, at)
        kind = match.lastgroup or ""
        if match["heredoc"]:
            self._push("begin", match, _heredoc_end(match["mark"]))
        elif kind == "quote":
            self._push("begin", match, '"')
        elif kind == "open":
            self._push("open", match, _PAIRS[match[0]])
        elif kind == "close":
            self._close(match)
        elif kind not in {"space", "comment"}:
            self.tokens.append(Token(kind, at, match.end()))
            self._count(kind, match[0], at)
        return match.end()

    def _in_string(self, at: int) -> int:
        if match := _QUOTED.match(self.text, at):
            self.tokens.append(Token("text", at, match.end()))
            return match.end()
        if self.text[at] == '"':
            self._pop("end", at, at + 1)
            return at + 1
        return self._splice(at, _("A string must end on the line where it starts."))

    def _in_heredoc(self, at: int, pattern: re.Pattern[str]) -> int:
        match = pattern.search(self.text, at)
        if match is None:
            raise self.error(_("A heredoc is not closed."), at)
        if match.start() > at:
            self.tokens.append(Token("text", at, match.start()))
        if match["end"]:
            self._pop("end", match.start(), match.end())
            return match.end()
        if match["splice"]:
            return self._splice(match.start(), "")
        return match.end()

    def _splice(self, at: int, otherwise: str) -> int:
        match = _SPLICE.match(self.text, at)
        if match is None:
            raise self.error(otherwise, at)
        self._push("splice", match, "}")
        return match.end()

    def _push(
        self, kind: str, match: re.Match[str], closing: str | re.Pattern[str]
    ) -> None:
        self.tokens.append(Token(kind, match.start(), match.end()))
        self._open.append(closing)
        self._operators.append(0)
        if len(self._open) > MAX_DEPTH:
            raise self.error(
                _(
                    "The content is nested more than %(depth)d levels deep. Reduce the nesting."
                )
                % {"depth": MAX_DEPTH},
                match.start(),
            )

    def _pop(self, kind: str, start: int, end: int) -> None:
        self._open.pop()
        self._operators.pop()
        self.tokens.append(Token(kind, start, end))

    def _close(self, match: re.Match[str]) -> None:
        if not self._open or self._open[-1] != match[0]:
            raise self.error(
                _("The closing bracket “%(bracket)s” has no matching opening bracket.")
                % {"bracket": match[0]},
                match.start(),
            )
        self._pop("close", match.start(), match.end())

    def _count(self, kind: str, text: str, at: int) -> None:
        """Limit the operators and path steps in one expression."""
        inside = self._open[-1] if self._open else "}"
        if text == "," or (kind == "newline" and inside == "}"):
            self._operators[-1] = 0
        elif kind == "operator" or text == ".":
            self._operators[-1] += 1
            if self._operators[-1] > MAX_OPERATORS:
                raise self.error(
                    _(
                        "An expression has more than %(limit)d terms. Split the expression."
                    )
                    % {"limit": MAX_OPERATORS},
                    at,
                )


def _heredoc_end(mark: str) -> re.Pattern[str]:
    """Return the pattern of whatever ends plain text in a heredoc."""
    return re.compile(
        rf"^[ \t]*(?P<end>{re.escape(mark)})(?=[ \t\r]*$)"
        r"|(?P<escaped>\$\$\{|%%\{)|(?P<splice>[$%]\{)",
        re.MULTILINE,
    )
