"""The words of a program of jq."""

import json
import re

from instances.engines.ros_local.expressions import Refused

Token = tuple[str, str]

LENGTH = 2000
TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d{1,3})?)
    | (?P<field>\.[A-Za-z_]\w*)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<sign>\?//|//=|\|=|==|!=|<=|>=|//|\.\.|[-+*/%<>|,.:;()\[\]{}?$@=])
    )""",
    re.X,
)


def refusal(why: str) -> Refused:
    """A program that is not run, and why."""
    return Refused(f"Fn::Jq cannot be simulated: {why}.")


def tokens(program: str) -> list[Token]:
    """The words of a program with their kinds; Refused where there are others."""
    if len(program) > LENGTH:
        raise refusal("its program is too long")
    found: list[Token] = []
    at, end = 0, len(program.rstrip())
    while at < end:
        token = TOKEN.match(program, at)
        if token is None:
            raise refusal(f"it cannot read {program[at : at + 20]}")
        found.append((str(token.lastgroup), token[str(token.lastgroup)]))
        at = token.end()
    return found


def text_of(token: str) -> str:
    """The text that a token in quotes stands for."""
    if "\\(" in token:
        raise refusal("values inside of a text are not known here")
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        raise refusal(f"it cannot read {token[:20]}") from None
