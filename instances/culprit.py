"""Which parameter fed what failed, where that can be told; otherwise nothing is said."""

import re

from catalog.models import Template
from catalog.schema import TemplateError
from catalog.terraform.lexer import Scan, Statement
from instances.engines.base import Diagnostic

USED = re.compile(r"(?<![\w.-])var\.([\w-]+)")
INDEX = re.compile(r"\[.*\]\Z")


def parameter_behind(error: Diagnostic, template: Template) -> str:
    """Return the key of the one parameter an error goes back to; empty when it is not one.

    Asked in this order: the variable the engine names, those whose values it quotes beside
    the failing expression, those the block of the failing resource mentions.
    """
    known = template.schema.by_key
    if error.variable in known:
        return error.variable
    used = {name for name in error.uses if name in known}
    if not used and error.address:
        used = {name for name in _mentioned(error, template) if name in known}
    return used.pop() if len(used) == 1 else ""


def _mentioned(error: Diagnostic, template: Template) -> set[str]:
    """The variables in the block of a resource of the root module."""
    kind, _dot, name = INDEX.sub("", error.address).partition(".")
    text = template.files.get(error.file, "")
    if not error.file.endswith(".tf") or "/" in error.file or not text:
        return set()
    try:
        scan = Scan(text, error.file)
        for statement in scan.statements():
            if statement.name == "resource" and statement.labels == [kind, name]:
                return set(USED.findall(_code(scan, statement)))
    except TemplateError:
        return set()
    return set()


def _code(scan: Scan, block: Statement) -> str:
    """A block without what is only text in it."""
    tokens = scan.tokens[block.first : block.last]
    return "".join(
        scan.text[token.start : token.end] if token.kind != "text" else " "
        for token in tokens
    )
