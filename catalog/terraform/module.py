"""Reader of the declarations of a Terraform root module: variables, locals, outputs.

`.tf.json` files are converted to HCL first, so that there is one reader.
https://developer.hashicorp.com/terraform/language/syntax/json
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from catalog.schema.conversion import ParameterType
from catalog.schema.errors import TemplateError, template_error
from catalog.schema.safe_parsing import read_json
from catalog.schema.size_limits import MAX_PARAMETERS, check_files, check_root
from catalog.terraform.lexer import Scan, Statement
from catalog.terraform.values import BadLiteralError, NotLiteralError, literal, type_of
from console.lib.exact import dumps

# The tokens that python-hcl2 parses at most, which takes about a second.
_PARSED_TOKENS = 12_000
_PARSED = {"type", "default", "description", "sensitive", "nullable", "ephemeral"}
_JSON_CONTROL = re.compile(r"\\\\|\\b|\\f")
_FOR_WORDS = {"for", "in", "if", "else", "endif", "endfor"}
_NAME = re.compile(r"[^\W\d][\w-]*")


@dataclass
class Declaration:
    """A `variable` or `output` block, or one argument of `locals`, with its position."""

    scan: Scan
    statement: Statement
    arguments: dict[str, Statement] = field(default_factory=dict)
    blocks: list[Statement] = field(default_factory=list)

    @property
    def name(self) -> str:
        labels = self.statement.labels
        return labels[0] if labels else self.statement.name

    def source(self, name: str) -> str:
        """Return the HCL of an argument, or an empty text without it."""
        argument = self.arguments.get(name)
        return self.scan.source(argument.first, argument.last) if argument else ""

    def block(self, *names: str) -> str:
        """Return the HCL of the block with only these arguments."""
        arguments = [
            f"  {self.scan.text[each.start : each.end]}\n"
            for name in names
            if (each := self.arguments.get(name)) is not None
        ]
        return f'variable "{self.name}" {{\n{"".join(arguments)}}}\n'

    def literal(self, name: str, otherwise: object = None) -> object:
        """Return the constant value of an argument. Raises TemplateError with its line."""
        source = self.source(name)
        try:
            return literal(source) if source else otherwise
        except NotLiteralError as error:
            raise self.error(name, str(error)) from None

    def is_constant(self, name: str) -> bool:
        """Return True if an argument refers to no value and calls no function.

        Only Terraform can evaluate such an expression: see `constants`. A name that could
        be a key counts as a key.
        """
        statement = self.arguments.get(name)
        if statement is None:
            return False
        try:
            literal(self.source(name))
        except BadLiteralError:
            return False
        except NotLiteralError:
            pass
        scan, bound = self.scan, {"true", "false", "null"}
        for at in range(statement.first, statement.last):
            if scan.tokens[at].kind != "name":
                continue
            word, after = scan.source(at, at + 1), scan.source(at + 1, at + 2)
            before = scan.source(at - 1, at)
            if (
                word in _FOR_WORDS
                or before in {"for", "."}
                or (before == "," and after == "in")
            ):
                bound.add(word)
            elif after in {"(", "::"} or (
                word not in bound and after not in {"=", ":"}
            ):
                return False
        return True

    def type(self) -> ParameterType | None:
        """Return the declared type, or None. Raises TemplateError."""
        source = self.source("type")
        try:
            return type_of(source) if source else None
        except NotLiteralError as error:
            raise self.error("type", str(error)) from None

    def error(self, argument: str, why: str) -> TemplateError:
        place = self.arguments.get(argument, self.statement)
        message = _("The %(argument)s of “%(name)s” cannot be read: %(why)s.") % {
            "argument": argument,
            "name": self.name[:80],
            "why": why,
        }
        return template_error(message, self.scan.file, place.line)


@dataclass
class Module:
    """The declarations of a root module; names are unique."""

    variables: dict[str, Declaration] = field(default_factory=dict)
    outputs: dict[str, Declaration] = field(default_factory=dict)
    locals: dict[str, Declaration] = field(default_factory=dict)


def read_module(files: Mapping[str, str]) -> Module:
    """Return the declarations in the root's Terraform files. Raises TemplateError.

    Files in other folders are not read: Terraform loads only modules that the root calls.
    """
    check_files(files)
    check_root(files)
    module = Module()
    for path in sorted(path for path in files if "/" not in path):
        if path.endswith(".debug.tf"):
            continue
        if path.endswith(".tf"):
            scan = Scan(files[path], path)
        elif path.endswith(".tf.json"):
            scan = Scan(_hcl_of(read_json(files[path], path), path), path)
        else:
            continue
        for statement in scan.statements():
            _keep(module, scan, statement)
    if len(module.variables) > MAX_PARAMETERS:
        raise template_error(
            _("The template has %(count)d parameters. The maximum is %(limit)d.")
            % {"count": len(module.variables), "limit": MAX_PARAMETERS}
        )
    _check_effort(module)
    return module


def _check_effort(module: Module) -> None:
    effort = 0
    for declaration in [*module.variables.values(), *module.outputs.values()]:
        for name in _PARSED & declaration.arguments.keys():
            argument = declaration.arguments[name]
            effort += argument.last - argument.first
            if effort > _PARSED_TOKENS:
                raise declaration.error(
                    name, _("types and defaults are too long; move data into locals")
                )


def _keep(module: Module, scan: Scan, statement: Statement) -> None:
    if not statement.block:
        raise template_error(
            _("“%(name)s” is not a valid block.") % {"name": statement.name[:80]},
            scan.file,
            statement.line,
        )
    if statement.name == "locals":
        for inner in scan.statements(statement.first, statement.last):
            _add(module.locals, Declaration(scan, inner))
    elif statement.name in {"variable", "output"}:
        known = module.variables if statement.name == "variable" else module.outputs
        _add(known, _declaration(scan, statement))


def _declaration(scan: Scan, statement: Statement) -> Declaration:
    declaration = Declaration(scan, statement)
    if len(statement.labels) != 1 or not _NAME.fullmatch(declaration.name):
        raise template_error(
            _("A %(kind)s must have exactly one quoted name.")
            % {"kind": statement.name},
            scan.file,
            statement.line,
        )
    for inner in scan.statements(statement.first, statement.last):
        if inner.block:
            declaration.blocks.append(inner)
        elif inner.name in declaration.arguments:
            raise declaration.error(
                inner.name, _("the argument is specified more than once")
            )
        else:
            declaration.arguments[inner.name] = inner
    return declaration


def _add(known: dict[str, Declaration], declaration: Declaration) -> None:
    if declaration.name in known:
        raise template_error(
            _("“%(name)s” is declared more than once. Remove one of the declarations.")
            % {"name": declaration.name[:80]},
            declaration.scan.file,
            declaration.statement.line,
        )
    known[declaration.name] = declaration


def _hcl_of(data: object, path: str) -> str:
    """Return the declarations of a `.tf.json` file as HCL."""
    if not isinstance(data, dict):
        raise template_error(_("A .tf.json file must contain a single object."), path)
    lines = []
    for name, body in _json_blocks(data, "variable"):
        arguments = [
            f"type = {json.loads(_quoted(body['type']))}"
            if isinstance(body.get("type"), str)
            else ""
        ]
        arguments += [
            f"{key} = {_constant(body[key])}" for key in _CONSTANTS if key in body
        ]
        arguments += [
            "validation {\n"
            + "\n".join(f"{key} = {_quoted(text)}" for key, text in check.items())
            + "\n}"
            for check in _list(body.get("validation"))
            if isinstance(check, dict) and all(map(_NAME.fullmatch, check))
        ]
        lines.append(_block(f"variable {_constant(name)}", arguments))
    for name, body in _json_blocks(data, "output"):
        arguments = [f"{k} = {_constant(body[k])}" for k in _CONSTANTS if k in body]
        lines.append(_block(f"output {_constant(name)}", arguments))
    for group in _list(data.get("locals")):
        arguments = [
            f"{key} = {_quoted(value)}"
            for key, value in (group.items() if isinstance(group, dict) else [])
            if _NAME.fullmatch(key)
        ]
        lines.append(_block("locals", arguments))
    return "\n".join(lines)


_CONSTANTS = ("description", "default", "sensitive", "nullable", "ephemeral")


def _json_blocks(
    data: Mapping[str, object], kind: str
) -> Iterator[tuple[str, dict[str, object]]]:
    for group in _list(data.get(kind)):
        for name, body in group.items() if isinstance(group, dict) else []:
            # Several bodies under one name are refused as duplicate declarations.
            for one in _list(body):
                if name != "//" and isinstance(one, dict):
                    yield name, one


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _block(head: str, arguments: list[str]) -> str:
    body = "\n".join(filter(None, arguments))
    return f"{head} {{\n{body}\n}}"


def _quoted(value: object) -> str:
    """Return JSON as HCL, in which `${…}` in a text is an expression."""
    text = dumps(value, ensure_ascii=False)
    escapes = {"\\b": "\\u0008", "\\f": "\\u000c"}
    return _JSON_CONTROL.sub(lambda match: escapes.get(match[0], match[0]), text)


def _constant(value: object) -> str:
    """Return JSON as HCL, in which `${…}` in a text is plain text."""
    return _quoted(value).replace("${", "$${").replace("%{", "%%{")
