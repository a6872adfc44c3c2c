"""Converts names of a template to identifiers of Terraform, and back."""

import re

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
UNSAFE = re.compile(r"[^A-Za-z0-9_]")
# Begins an identifier with escaped characters, in which -20- is a space.
MARK = "x--"
ESCAPED = re.compile(r"-([0-9a-f]+)-")
MARKED = re.compile(r"\bx--[A-Za-z0-9_-]+")
# Words that Terraform does not take as names of variables.
RESERVED = {
    *("source", "version", "providers", "count", "for_each"),
    *("lifecycle", "depends_on", "locals"),
}


def identifier(name: str) -> str:
    """Return a unique identifier for a name, the name itself where Terraform takes it."""
    if PLAIN.fullmatch(name) and not name.startswith(MARK) and name not in RESERVED:
        return name
    return MARK + UNSAFE.sub(lambda found: f"-{ord(found[0]):x}-", name)


def original(name: str) -> str:
    """Return the name that an identifier was made from."""
    if not name.startswith(MARK):
        return name
    return ESCAPED.sub(lambda found: _character(found[1]), name.removeprefix(MARK))


def with_originals(text: str) -> str:
    """Return a text in which each identifier is replaced by its name."""
    return MARKED.sub(lambda found: original(found[0]), text)


def _character(number: str) -> str:
    """Return a character; a state of another program may hold an invalid number."""
    return chr(int(number, 16)) if int(number, 16) < 0x110000 else "?"
