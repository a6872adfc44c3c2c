"""Evaluation of literal values and type expressions in python-hcl2's parse tree."""

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

import hcl2
from django.utils.translation import gettext as _
from lark import Token, Tree
from lark.exceptions import LarkError

from catalog.schema.conversion import (
    MAX_NUMBER_LENGTH,
    ConversionError,
    ParameterType,
    as_text,
    number,
)
from catalog.schema.errors import TemplateError
from catalog.schema.size_limits import MAX_DEPTH
from catalog.terraform.lexer import Scan
from console.lib.exact import decimal_text, exact

MAX_EXPRESSION_CHARACTERS = 128 * 1024
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_HEREDOC = re.compile(
    r"<<(-?)([^\r\n]+?)[ \t\r]*\n(.*?)[ \t]*\2[ \t\r\n]*\Z", re.DOTALL
)
_SPLICE = re.compile(r"(?<!\$)\$\{|(?<!%)%\{")
_SIMPLE = {"string", "number", "bool", "any"}
_COLLECTIONS = {"list", "set", "map"}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_LARGEST = 10**300
# The encoding of names that are not ASCII for python-hcl2, which accepts only ASCII.
_SPELLED_NAME = re.compile(r"zz_([0-9a-f]+)_zz")

Node = Tree[Token]


class NotLiteralError(ValueError):
    """The expression is not a plain value or a type; the message says why."""


class BadLiteralError(NotLiteralError):
    """The expression is one that Terraform cannot, or must not, evaluate."""


def literal(source: str) -> object:
    """Return the JSON value of a constant HCL expression. Raises NotLiteralError."""
    if source.startswith("<<"):
        return heredoc(source)
    return _value(_parsed(source))


def type_of(source: str) -> ParameterType:
    """Return a type expression as JSON. Raises NotLiteralError."""
    return _type(_parsed(source))


def heredoc(source: str) -> str:
    """Return the text of a heredoc, without the common indentation after `<<-`."""
    match = _HEREDOC.match(source)
    if match is None or _SPLICE.search(match[3]):
        raise NotLiteralError(_("the text refers to other values; use a literal value"))
    text = match[3].replace("\r\n", "\n")
    if match[1]:
        lines = text.splitlines(keepends=True)
        indents = [len(x) - len(x.lstrip(" \t")) for x in lines if x.strip()]
        indent = min(indents, default=0)
        # As in Terraform, lines of blanks alone neither count nor are changed.
        text = "".join(x[indent:] if x.strip() else x for x in lines)
    return text.replace("$${", "${").replace("%%{", "%{")


def _parsed(source: str) -> Node:
    if len(source) > MAX_EXPRESSION_CHARACTERS:
        raise BadLiteralError(_("the value is too long"))
    try:
        start = hcl2.parses_to_tree(f"x = {_spelled_names(source)}\n")
    except (LarkError, RecursionError, ValueError, TemplateError) as error:
        line = getattr(error, "line", None)
        if isinstance(line, int) and line > 1:
            problem = _("the value cannot be parsed (line %(line)d)") % {"line": line}
            raise NotLiteralError(problem) from None
        raise NotLiteralError(_("the value cannot be parsed")) from None
    attributes = [node for node in _nodes(start, deep=True) if node.data == "attribute"]
    if len(attributes) != 1:
        raise NotLiteralError(_("the value is not a single expression"))
    return list(_nodes(attributes[0]))[-1]


def _spelled_names(source: str) -> str:
    """Encode the names in an expression that are not ASCII."""
    if source.isascii():
        return source
    parts, end = [], 0
    scan = Scan(source)
    for token in scan.tokens:
        name = source[token.start : token.end]
        if token.kind == "name" and not name.isascii():
            parts += [source[end : token.start], f"zz_{name.encode().hex()}_zz"]
            end = token.end
    return "".join([*parts, source[end:]])


def _name(node: Node) -> str:
    """Return the name in a node, decoded."""
    token = _token(node)
    spelled = _SPELLED_NAME.fullmatch(token)
    return bytes.fromhex(spelled[1]).decode() if spelled else token


def _nodes(node: Node, *, deep: bool = False) -> Iterator[Node]:
    """Yield the children of a node, and with `deep` those of a body, without comments."""
    for child in node.children:
        if _is_node(child) and child.data != "new_line_or_comment":
            if deep and child.data == "body":
                yield from _nodes(child)
            else:
                yield child


def _is_node(child: object) -> TypeGuard[Node]:
    return isinstance(child, Tree)


def _only(node: Node) -> Node:
    nodes = list(_nodes(node))
    if len(nodes) != 1:
        raise NotLiteralError(_("the value is not a literal value"))
    return nodes[0]


def _token(node: Node) -> str:
    return str(node.children[0])


def _value(node: Node, depth: int = 0) -> object:
    if depth > MAX_DEPTH:
        raise BadLiteralError(_("the value is nested too deeply"))
    read = _READERS.get(str(node.data))
    if read is None:
        raise NotLiteralError(_("the value refers to other values or calls a function"))
    return read(node, depth + 1)


def _keyword(node: Node, _depth: int) -> object:
    return {"true": True, "false": False, "null": None}[_token(node)]


def _number(node: Node, _depth: int) -> int | float:
    if len(_token(node)) > MAX_NUMBER_LENGTH:
        raise BadLiteralError(_("a number is too long"))
    try:
        return number(_token(node))
    except ConversionError:
        raise BadLiteralError(_("a number is too large")) from None


def _string(node: Node, _depth: int) -> str:
    parts = []
    for part in _nodes(node):
        token = part.children[0]
        if not isinstance(token, Token):
            raise NotLiteralError(
                _("the text refers to other values; use a literal value")
            )
        text = str(token)
        if token.type in {"ESCAPED_INTERPOLATION", "ESCAPED_DIRECTIVE"}:
            text = text[1:]
        parts.append(_ESCAPE.sub(_unescaped, text))
    return "".join(parts)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        number = int(code[1:], 16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            raise BadLiteralError(_("an escape sequence is not a valid character"))
        return chr(number)
    if code not in _ESCAPES:
        raise BadLiteralError(
            _("the escape sequence \\%(code)s is not supported") % {"code": code}
        )
    return _ESCAPES[code]


def _tuple(node: Node, depth: int) -> list[object]:
    return [_value(item, depth) for item in _nodes(node)]


def _object(node: Node, depth: int) -> dict[str, object]:
    return {key: _value(item, depth) for key, item in _elements(node)}


def _elements(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield the key and the node of the value of each element of an object."""
    seen = set()
    for element in _nodes(node):
        key_node, item = list(_nodes(element))
        key = _key(key_node)
        if key in seen:
            raise BadLiteralError(
                _("the key “%(key)s” is duplicated") % {"key": key[:80]}
            )
        seen.add(key)
        yield key, item


def _key(node: Node) -> str:
    inner = _only(node) if list(_nodes(node)) else node
    if inner.data == "expr_term" and str(inner.children[0]) != "(":
        inner = _only(inner)
        if inner.data == "literal_value":
            # Without parentheses, true, false and null are names.
            return _token(inner)
    if inner.data in {"identifier", "keyword", "object_elem_key"}:
        return _name(inner)
    value = _value(inner)
    if value is None or isinstance(value, list | dict):
        raise BadLiteralError(_("a key must be text"))
    return as_text(value)


def _negative(node: Node, depth: int) -> object:
    value = _value(list(_nodes(node))[-1], depth)
    if _token(node) == "-" and isinstance(value, float):
        return exact(f"-{decimal_text(value)}".replace("--", ""))
    if _token(node) == "-" and _is_number(value):
        return -value
    if _token(node) == "!" and isinstance(value, bool):
        return not value
    raise NotLiteralError(_("the value is not a literal value"))


def _calculation(node: Node, depth: int) -> int:
    """Calculate with whole numbers. Terraform keeps more digits of others than Python."""
    left_node, term = list(_nodes(node))
    sign_node, right_node = list(_nodes(term))
    left, right = _value(left_node, depth), _value(right_node, depth)
    calculate = _ARITHMETIC.get(_token(sign_node))
    if calculate is None or not (_is_number(left) and _is_number(right)):
        raise NotLiteralError(_("the value is not a literal value"))
    result = int(calculate(left, right))
    if abs(result) > _LARGEST:
        raise BadLiteralError(_("a number is too large"))
    return result


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


_READERS: dict[str, Callable[[Node, int], Any]] = {
    "expr_term": lambda node, depth: _value(_only(node), depth),
    "literal_value": _keyword,
    "int_lit": _number,
    "float_lit": _number,
    "string": _string,
    "heredoc_template": lambda node, _depth: heredoc(_token(node)),
    "heredoc_template_trim": lambda node, _depth: heredoc(_token(node)),
    "tuple": _tuple,
    "object": _object,
    "unary_op": _negative,
    "binary_op": _calculation,
}


def _type(node: Node, depth: int = 0) -> ParameterType:
    if depth > MAX_DEPTH:
        raise BadLiteralError(_("the value is nested too deeply"))
    inner = _only(node) if node.data == "expr_term" else node
    if inner.data == "string":
        # Terraform before 0.12 wrote types as strings.
        old = _string(inner, 0)
        return [old, "any"] if old in {"list", "map"} else _simple(old)
    if inner.data == "identifier":
        name = _token(inner)
        return [name, "any"] if name in _COLLECTIONS else _simple(name)
    if inner.data == "function_call":
        return _constructor(inner, depth)
    raise NotLiteralError(_("the type is not valid"))


def _simple(name: str) -> str:
    if name not in _SIMPLE:
        raise NotLiteralError(_("“%(name)s” is not a valid type") % {"name": name[:80]})
    return name


def _constructor(node: Node, depth: int) -> ParameterType:
    name, arguments = _call(node)
    if name in _COLLECTIONS and len(arguments) == 1:
        return [name, _type(arguments[0], depth + 1)]
    inner = _only(arguments[0]) if len(arguments) == 1 else node
    if name == "tuple" and inner.data == "tuple":
        return ["tuple", [_type(item, depth + 1) for item in _nodes(inner)]]
    if name == "object" and inner.data == "object":
        return _object_type(inner, depth)
    raise NotLiteralError(_("“%(name)s” is not a valid type") % {"name": name[:80]})


def _call(node: Node) -> tuple[str, list[Node]]:
    nodes = list(_nodes(node))
    arguments = [
        item for part in nodes if part.data == "arguments" for item in _nodes(part)
    ]
    return _token(nodes[0]), arguments


def _object_type(node: Node, depth: int) -> list[object]:
    attributes: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for key, item in _elements(node):
        inner = _only(item) if item.data == "expr_term" else item
        name, arguments = _call(inner) if inner.data == "function_call" else ("", [])
        if name == "optional" and 1 <= len(arguments) <= 2:
            attributes[key] = _type(arguments[0], depth + 1)
            optional[key] = _optional_default(arguments[1:])
        else:
            attributes[key] = _type(item, depth + 1)
    return ["object", attributes, optional] if optional else ["object", attributes]


def _optional_default(arguments: list[Node]) -> object:
    """Return the default of an attribute, or None if it is missing or not a literal."""
    try:
        return _value(arguments[0]) if arguments else None
    except NotLiteralError:
        return None
