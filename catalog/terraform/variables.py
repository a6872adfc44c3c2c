"""The part of a module that can be planned without a provider: its variables.

An engine plans this text with the user's values. In about 60 ms this gives Terraform's
conversions and the messages of all `validation` blocks.
"""

from collections.abc import Iterable, Iterator, Mapping

from catalog.terraform.lexer import Scan, Statement
from catalog.terraform.module import Declaration, Module, read_module

# Functions that read files of the workspace, which is missing in this plan.
_FILE_FUNCTIONS = {"templatefile", "templatestring", "abspath", "pathexpand"}


def variables_source(files: Mapping[str, str]) -> str:
    """Return the variables of the root, and the locals that depend only on them, as HCL.

    Validations that refer to a resource or a file are left out; the plan of the whole
    template checks them. Raises TemplateError.
    """
    module = read_module(files)
    kept = _self_contained(module)
    known = {("var", name) for name in module.variables}
    known |= {("local", name) for name in kept}
    parts = [_variable(item, known) for item in module.variables.values()]
    if kept:
        body = "\n".join(
            f"  {_text(item.scan, item.statement)}" for item in kept.values()
        )
        parts.append(f"locals {{\n{body}\n}}")
    return "\n\n".join(parts) + "\n"


def variable_types(files: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the source of the types of these root variables, empty without a type.

    Raises TemplateError.
    """
    wanted = set(names)
    return {
        name: declaration.source("type").strip('"')
        for name, declaration in read_module(files).variables.items()
        if name in wanted
    }


def _self_contained(module: Module) -> dict[str, Declaration]:
    """Return the locals that refer only to variables and to each other."""
    needs = {
        name: set(_references(item.scan, item.statement))
        for name, item in module.locals.items()
    }
    kept = set(needs)
    while True:
        known = {("var", name) for name in module.variables}
        known |= {("local", name) for name in kept}
        remaining = {name for name in kept if needs[name] <= known}
        if remaining == kept:
            return {name: module.locals[name] for name in needs if name in kept}
        kept = remaining


def _variable(declaration: Declaration, known: set[tuple[str, str]]) -> str:
    scan, whole = declaration.scan, declaration.statement
    text = _text(scan, whole)
    for block in reversed(declaration.blocks):
        if not set(_references(scan, block)) <= known:
            start, end = block.start - whole.start, block.end - whole.start
            text = text[:start] + text[end:]
    return text


def _text(scan: Scan, statement: Statement) -> str:
    return scan.text[statement.start : statement.end]


def _references(scan: Scan, statement: Statement) -> Iterator[tuple[str, str]]:
    """Yield the references of an expression as (root, name), or ("", name) if unknown."""
    tokens = scan.tokens
    bound = set(_loop_variables(scan, statement))
    for at in range(statement.first, statement.last):
        if tokens[at].kind != "name":
            continue
        name = scan.source(at, at + 1)
        after = scan.source(at + 1, at + 2) if at + 1 < statement.last else ""
        before = scan.source(at - 1, at) if at > statement.first else ""
        if before in {".", "::"}:
            continue
        if after == "::" or (after == "(" and _reads_files(name)):
            yield "", name
        elif name in bound:
            continue
        elif after == ".":
            follows = at + 2 < statement.last and tokens[at + 2].kind == "name"
            yield name, scan.source(at + 2, at + 3) if follows else ""
        elif after == "[" and name in {"var", "local", "data", "module"}:
            yield "", name


def _reads_files(function: str) -> bool:
    return function.startswith("file") or function in _FILE_FUNCTIONS


def _loop_variables(scan: Scan, statement: Statement) -> Iterator[str]:
    """Yield the names that a `for … in` binds."""
    at = statement.first
    while at < statement.last:
        if scan.source(at, at + 1) == "for":
            while at + 1 < statement.last and scan.source(at + 1, at + 2) != "in":
                at += 1
                if scan.tokens[at].kind == "name":
                    yield scan.source(at, at + 1)
        at += 1
