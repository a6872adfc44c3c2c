"""Fn::Jq: paths, `if` and comparisons of jq as an expression of Terraform.

These are what templates use; any other construct is refused by its name. An error of jq is
null here. https://jqlang.org/manual/
"""

import json
import re
from typing import NamedTuple

from instances.engines.ros_local.expressions import (
    Expression,
    TranslationError,
    chosen,
    literal,
    written,
)
from instances.engines.ros_local.functions.arguments import listed
from instances.engines.ros_local.scope import Function, Scope

MAX_LENGTH = 2000
MAX_NESTING = 40
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
CONSTANTS = {"null": None, "true": True, "false": False}
KEYWORDS = ("if", "then", "elif", "else", "end")
CONSTRUCTS = {
    "|": "a pipe (|)",
    ",": "a list of results (,)",
    ":": "a slice (:)",
    "[": "the construction of an array",
    "{": "the construction of an object",
    "$": "a variable ($)",
    "@": "a format (@)",
    "..": "recursive descent (..)",
}
# Values of these kinds are no JSON text, so a program reads them as they are.
DECODED = ("list", "object", "number", "bool", "null")

# jq orders values of different types by type, which the first letter of their JSON tells; a
# number begins with anything else. An index out of range makes `try` go on to the next way.
RANK = (
    'lookup({n = 0, f = 1, t = 2, "\\"" = 4, "[" = 5, "{" = 6}, '
    "substr(jsonencode(%s), 0, 1), 3)"
)
LESS = (
    f"[for a in [%s] : [for b in [%s] : [for r in [[{RANK % 'a'}, {RANK % 'b'}]] : try("
    "[a < b][r == [3, 3] ? 0 : 1], "
    "[sort([a, b])[0] == a && a != b][r == [4, 4] ? 0 : 1], "
    "r[0] < r[1])][0]][0]][0]"
)
EQUAL = "(jsonencode(%s) == jsonencode(%s))"
# Each as a pattern, and whether its operands change places.
COMPARISONS = {
    "==": (EQUAL, False),
    "!=": (f"!{EQUAL}", False),
    "<": (LESS, False),
    ">": (LESS, True),
    "<=": (f"!{LESS}", True),
    ">=": (f"!{LESS}", False),
}


class Result(NamedTuple):
    """The value of a part of a program, or with `many` a list of its values."""

    value: Expression
    many: bool = False

    @property
    def values(self) -> Expression:
        return self.value if self.many else written("[%s]", self.value, kind="list")


INPUT = Result(Expression("j"))


def jq(scope: Scope, given: object) -> Expression:
    """Return the first or all results of a program; its input is an object or JSON text."""
    method, program, source = listed("Fn::Jq", given, 3)
    if method not in ("First", "All"):
        raise TranslationError("Fn::Jq takes First or All, a program and its input.")
    if not isinstance(program, str):
        raise _refusal("its program must be written in the template")
    result = Program(program).read()
    if method == "All":
        found = result.values
    elif result.many:
        found = written("try(%s[0], null)", result.value)
    else:
        found = result.value
    value = scope.value(source)
    if value.kind not in DECODED:
        value = written("[for t in [%s] : try(jsondecode(t), t)][0]", value)
    kind = "list" if method == "All" else ""
    return written("[for j in [%s] : %s][0]", value, found, kind=kind)


class Program:
    """Reads a program by recursive descent; its input is the variable `j` of Terraform."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    def read(self) -> Result:
        """Return the result of the whole program. Raises TranslationError for any other jq."""
        result = self._expression()
        if self.at < len(self.tokens):
            raise self._unexpected()
        return result

    def _expression(self) -> Result:
        """Read a term, or a comparison of two."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise _refusal("its program is nested too deeply")
        result = self._term()
        sign = self._peek()[1]
        if sign in COMPARISONS:
            self.at += 1
            pattern, swapped = COMPARISONS[sign]
            operands = (_single(result), _single(self._term()))
            ordered = reversed(operands) if swapped else operands
            result = Result(written(pattern, *ordered, kind="bool"))
        self.depth -= 1
        return result

    def _term(self) -> Result:
        """Read a path, a condition, an expression in parentheses or a constant."""
        kind, text = self._next()
        if kind == "field":
            return self._path(_member(INPUT, text[1:]))
        if text == "." and self._peek()[0] == "string":
            return self._path(_member(INPUT, _text_of(self._next()[1])))
        if text == ".":
            return self._path(INPUT)
        if text == "if":
            return self._path(self._if())
        if text == "(":
            inner = self._expression()
            self._expect(")")
            return self._path(inner)
        return Result(literal(self._constant(kind, text)))

    def _path(self, result: Result) -> Result:
        """Apply the keys, indexes and iterations that follow a value."""
        while True:
            kind, text = self._peek()
            if kind == "field":
                self.at += 1
                result = _member(result, text[1:])
            elif text == "[":
                self.at += 1
                result = self._bracket(result)
            elif text == ".":
                self.at += 1
                if self._peek()[0] == "string":
                    result = _member(result, _text_of(self._next()[1]))
                elif self._peek()[1] != "[":
                    raise self._unexpected()
            else:
                return result

    def _bracket(self, result: Result) -> Result:
        """Apply what an opening bracket begins behind a value."""
        if self._take("]"):
            return _items(result)
        kind, text = self._next()
        if kind not in ("string", "number") and text not in ("-", ":"):
            raise _unsupported("a computed index")
        key = self._constant(kind, text)
        if not isinstance(key, str | int):
            raise _unsupported("an index that is not whole")
        self._expect("]")
        return _member(result, key)

    def _if(self) -> Result:
        condition = _single(self._expression())
        self._expect("then")
        one = self._expression()
        if self._take("elif"):
            other = self._if()
        else:
            other = self._expression() if self._take("else") else INPUT
            self._expect("end")
        if condition.kind != "bool":
            true = "[for c in [%s] : c != null && c != false][0]"
            condition = written(true, condition, kind="bool")
        if one.many or other.many:
            return Result(chosen(condition, one.values, other.values), many=True)
        return Result(chosen(condition, one.value, other.value))

    def _constant(self, kind: str, text: str) -> object:
        if kind == "string":
            return _text_of(text)
        if kind == "number":
            return json.loads(text)
        if text == "-" and self._peek()[0] == "number":
            return -json.loads(self._next()[1])
        if text in CONSTANTS:
            return CONSTANTS[text]
        if text == "[" and self._take("]"):
            return []
        if text == "{" and self._take("}"):
            return {}
        self.at -= 1
        raise self._unexpected()

    def _peek(self) -> tuple[str, str]:
        """Return kind and text of the next token, both empty at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self.at += 1
        if not token[0]:
            raise _refusal("its program ends too early")
        return token

    def _take(self, text: str) -> bool:
        found = self._peek()[1] == text
        self.at += found
        return found

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected()

    def _unexpected(self) -> TranslationError:
        """Return the refusal of the next token, by the construct that it begins."""
        kind, text = self._peek()
        if not kind:
            return _refusal("its program ends too early")
        if kind in ("string", "number", "field") or text in (*KEYWORDS, *")]}."):
            return _refusal(f"{text[:40]} is not expected there")
        named = text[:40] if kind == "word" else f"the operator {text}"
        return _unsupported(CONSTRUCTS.get(text, named))


def _member(result: Result, key: str | int) -> Result:
    """Return the member of an object, or the item of a list, from its end when negative."""
    if isinstance(key, int) and key < 0:
        index = f"length(v) - {-key}"
    else:
        index = literal(key).text
    return _applied(result, f"try(v[{index}], null)")


def _items(result: Result) -> Result:
    """Return the items of a list or the values of an object; none of anything else."""
    found = _applied(result, "try([for i in v : i], [])").value.text
    text = f"concat([], {found}...)" if result.many else found
    return Result(Expression(text, "list"), many=True)


def _applied(result: Result, inner: str) -> Result:
    """Return an expression of `v` for each value of a result."""
    text = result.value.text
    if result.many:
        return Result(Expression(f"[for v in {text} : {inner}]", "list"), many=True)
    return Result(Expression(f"[for v in [{text}] : {inner}][0]"))


def _single(result: Result) -> Expression:
    if result.many:
        raise _unsupported("an iteration in a condition or comparison")
    return result.value


def _tokens(program: str) -> list[tuple[str, str]]:
    """Return kind and text of each token. Raises TranslationError."""
    if len(program) > MAX_LENGTH:
        raise _refusal("its program is too long")
    found: list[tuple[str, str]] = []
    at, end = 0, len(program.rstrip())
    while at < end:
        token = TOKEN.match(program, at)
        if token is None or token.lastgroup is None:
            raise _refusal(f"it cannot read {program[at : at + 20]}")
        found.append((token.lastgroup, token[token.lastgroup]))
        at = token.end()
    return found


def _text_of(token: str) -> str:
    """Return the text of a token in quotes."""
    if "\\(" in token:
        raise _unsupported("interpolation in a text")
    try:
        return str(json.loads(token, strict=False))
    except ValueError:
        raise _refusal(f"it cannot read {token[:20]}") from None


def _unsupported(construct: str) -> TranslationError:
    return _refusal(f"{construct} is not supported, only paths, if and comparisons are")


def _refusal(why: str) -> TranslationError:
    return TranslationError(f"Fn::Jq cannot be simulated: {why}.")


FUNCTIONS: dict[str, Function] = {"Fn::Jq": jq}
