"""Names of a document as names of Terraform, and back."""

import re

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
UNSAFE = re.compile(r"[^A-Za-z0-9_]")
# Begins a name that had to be spelled differently, in which -20- is a space.
MARK = "x--"
SPELLED = re.compile(r"-([0-9a-f]+)-")
MARKED = re.compile(r"\bx--[A-Za-z0-9_-]+")
# Words that no variable may be called.
RESERVED = {
    *("source", "version", "providers", "count", "for_each"),
    *("lifecycle", "depends_on", "locals"),
}


def identifier(name: str) -> str:
    """The name for Terraform: the same where it can be; different ones stay different."""
    if PLAIN.fullmatch(name) and not name.startswith(MARK) and name not in RESERVED:
        return name
    return MARK + UNSAFE.sub(lambda found: f"-{ord(found[0]):x}-", name)


def original(name: str) -> str:
    """The name in the document that this identifier was made from."""
    if not name.startswith(MARK):
        return name
    return SPELLED.sub(lambda found: _character(found[1]), name.removeprefix(MARK))


def with_originals(text: str) -> str:
    """A text in which identifiers are spelled as the document does."""
    return MARKED.sub(lambda found: original(found[0]), text)


def _character(number: str) -> str:
    """The character of this number, which a foreign state may have made too large."""
    return chr(int(number, 16)) if int(number, 16) < 0x110000 else "?"
