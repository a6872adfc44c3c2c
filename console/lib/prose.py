"""Descriptions entered by users, split into paragraphs, lists and line breaks.

Text is shown as typed. Markup is not interpreted, so authors need not escape anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# Longer texts, or texts with more lines, are collapsed to their head.
MAX_OPEN_LENGTH = 300
MAX_OPEN_LINES = 8
HEAD_LENGTH = 160
ELLIPSIS = "…"
BULLET = re.compile(r"\s*(?:[-*•]|\d{1,3}[.)])\s+(?=\S)")


@dataclass
class Block:
    """A paragraph, whose text can have line breaks, or a list."""

    text: str = ""
    items: list[str] = field(default_factory=list)
    ordered: bool = False


@dataclass(frozen=True)
class Prose:
    """A text in blocks. A long one is split into `head` and the remaining `blocks`."""

    head: str
    blocks: list[Block]


def prose_of(text: str) -> Prose:
    """Return a text split into blocks for display."""
    text = text.strip().replace("\r\n", "\n")
    if len(text) <= MAX_OPEN_LENGTH and text.count("\n") < MAX_OPEN_LINES:
        return Prose("", list(_blocks(text)))
    first, _newline, rest = text.partition("\n")
    if len(first) > HEAD_LENGTH:
        at = first.rfind(" ", HEAD_LENGTH // 2, HEAD_LENGTH)
        at = at if at > 0 else HEAD_LENGTH
        first, rest = first[:at] + ELLIPSIS, f"{ELLIPSIS}{text[at:].lstrip()}"
    return Prose(first, list(_blocks(rest)))


def _blocks(text: str) -> Iterator[Block]:
    block = Block()
    for line in text.split("\n"):
        marker = BULLET.match(line)
        if marker:
            ordered = marker[0].strip()[0].isdigit()
            if not block.items or block.ordered != ordered:
                yield from _filled(block)
                block = Block(ordered=ordered)
            block.items.append(line[marker.end() :])
        elif not line.strip():
            yield from _filled(block)
            block = Block()
        elif block.items and line[:1] in " \t":
            # An indented line continues the item.
            block.items[-1] += f"\n{line.strip()}"
        else:
            if block.items:
                yield from _filled(block)
                block = Block()
            block.text += f"\n{line}" if block.text else line
    yield from _filled(block)


def _filled(block: Block) -> Iterator[Block]:
    if block.text or block.items:
        yield block
