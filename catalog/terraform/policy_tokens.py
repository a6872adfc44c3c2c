"""Splits HCL into the tokens that are needed to find blocks, in one bounded pass.

Strings, heredocs, interpolations and comments are read as HCL reads them, so that none of
them can hide or imitate a block. A text that two readers could read differently is refused.
"""

import re
from dataclasses import dataclass, field

IDENTIFIER = re.compile(r"[^\W\d][\w-]*")
HEREDOC = re.compile(r"<<-?([^\W\d][\w-]*)\r?\n")
SPACE = re.compile(r"[ \t\r]+|(?:#|//)[^\n]*")
TEXT = re.compile(r'[^"\\$%\n]+')
HEREDOC_TEXT = re.compile(r"[^$%\n]+")
ESCAPE = re.compile(r'\\(?:([nrt"\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))')
ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
# Three or more signs before a brace: readers differ in whether that is escaped.
AMBIGUOUS = re.compile(r"\${3,}\{|%{3,}\{")
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029]")
NEST_LIMIT = 200


class UnreadableError(Exception):
    """A text that cannot be read with certainty, and the line of the reason."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Token:
    """A name, string, newline or single character; `literal` is False with interpolation."""

    kind: str
    text: str
    line: int
    literal: bool = True


@dataclass
class Frame:
    """A level of nesting: code, a string, or a heredoc with its marker."""

    kind: str
    line: int
    marker: str = ""
    braces: int = 0
    fresh: bool = True
    literal: bool = True
    parts: list[str] = field(default_factory=list)


class Reader:
    """Reads a text. Only tokens outside strings and interpolations are kept."""

    def __init__(self, text: str) -> None:
        self.text = text.removeprefix("\ufeff")
        self.at = 0
        self.line = 1
        self.tokens: list[Token] = []
        self.stack = [Frame("code", 1)]

    def read(self) -> list[Token]:
        """Return the tokens. Raises UnreadableError for an ambiguous or invalid text."""
        for pattern in (FORBIDDEN, AMBIGUOUS):
            if bad := pattern.search(self.text):
                line = self.text.count("\n", 0, bad.start()) + 1
                raise UnreadableError(
                    line, "It holds characters that cannot be checked."
                )
        steps = {"code": self._code, "string": self._string, "heredoc": self._heredoc}
        while self.at < len(self.text):
            steps[self.stack[-1].kind](self.stack[-1])
            if len(self.stack) > NEST_LIMIT:
                raise UnreadableError(self.line, "It is nested too deeply.")
        if len(self.stack) > 1 or self.stack[0].braces:
            raise UnreadableError(
                self.stack[-1].line, "Something opened here is never closed."
            )
        return self.tokens

    def _code(self, frame: Frame) -> None:
        """Read one token outside of strings."""
        if found := SPACE.match(self.text, self.at):
            self.at = found.end()
        elif self.text.startswith("/*", self.at):
            self._comment()
        elif found := IDENTIFIER.match(self.text, self.at):
            self._keep("name", found[0])
            self.at = found.end()
        elif self.text.startswith("<<", self.at):
            self._open_heredoc()
        elif self.text[self.at] == '"':
            self.stack.append(Frame("string", self.line))
            self.at += 1
        else:
            self._sign(frame, self.text[self.at])

    def _sign(self, frame: Frame, sign: str) -> None:
        """Read a newline, brace, or any other single character."""
        self.at += 1
        if sign == "}" and frame.braces == 0:
            if len(self.stack) == 1:
                raise UnreadableError(
                    self.line, "A brace is closed that was never opened."
                )
            self.stack.pop()
            return
        frame.braces += (sign == "{") - (sign == "}")
        self._keep("newline" if sign == "\n" else "sign", sign)
        self.line += sign == "\n"

    def _comment(self) -> None:
        """Skip a comment between /* and */."""
        end = self.text.find("*/", self.at + 2)
        if end < 0:
            raise UnreadableError(self.line, "This comment never ends.")
        self.line += self.text.count("\n", self.at, end)
        self.at = end + 2

    def _open_heredoc(self) -> None:
        """Enter a heredoc at its first line."""
        found = HEREDOC.match(self.text, self.at)
        if found is None:
            raise UnreadableError(self.line, "This is not the beginning of a heredoc.")
        self.stack.append(Frame("heredoc", self.line, marker=found[1]))
        self.at = found.end()
        self.line += 1

    def _string(self, frame: Frame) -> None:
        """Read one part of a quoted string."""
        if self._template(frame):
            return
        if found := TEXT.match(self.text, self.at):
            frame.parts.append(found[0])
            self.at = found.end()
        elif found := ESCAPE.match(self.text, self.at):
            frame.parts.append(_unescaped(found, self.line))
            self.at = found.end()
        elif self.text[self.at] == '"':
            self.at += 1
            self.stack.pop()
            self._keep("string", "".join(frame.parts), literal=frame.literal)
        elif self.text[self.at] in "$%":
            frame.parts.append(self.text[self.at])
            self.at += 1
        else:
            raise UnreadableError(self.line, "This string is not closed on its line.")

    def _heredoc(self, frame: Frame) -> None:
        """Read one part of a heredoc, which ends at a line with only its marker."""
        if frame.fresh and self._heredoc_ends(frame):
            return
        frame.fresh = False
        if self._template(frame):
            return
        if found := HEREDOC_TEXT.match(self.text, self.at):
            self.at = found.end()
            return
        if self.text[self.at] == "\n":
            frame.fresh = True
            self.line += 1
        self.at += 1

    def _heredoc_ends(self, frame: Frame) -> bool:
        """Return whether this line ends the heredoc; its newline is then a token."""
        end = self.text.find("\n", self.at)
        if end < 0:
            raise UnreadableError(frame.line, "This heredoc never ends.")
        line = self.text[self.at : end]
        ends = line.strip(" \t\r") == frame.marker
        if ends != (line.strip() == frame.marker):
            raise UnreadableError(
                self.line, "It is not clear whether the heredoc ends here."
            )
        if ends:
            self.at = end
            self.stack.pop()
            self._keep("string", "", literal=False)
        return ends

    def _template(self, frame: Frame) -> bool:
        """Skip an escape or enter an interpolation; return False at anything else."""
        ahead = self.text[self.at : self.at + 3]
        if ahead in ("$${", "%%{"):
            frame.parts.append(ahead)
            self.at += 3
            return True
        if ahead[:2] in ("${", "%{"):
            frame.literal = False
            self.stack.append(Frame("code", self.line))
            self.at += 2
            return True
        return False

    def _keep(self, kind: str, text: str, *, literal: bool = True) -> None:
        """Keep a token outside of interpolations, in which no block can begin."""
        if len(self.stack) == 1:
            self.tokens.append(Token(kind, text, self.line, literal))


def _unescaped(found: re.Match[str], line: int) -> str:
    """Return the character of an escape sequence."""
    if found[1]:
        return ESCAPED[found[1]]
    number = int(found[2] or found[3], 16)
    if number > 0x10FFFF:
        raise UnreadableError(line, "This is not a character.")
    return chr(number)
