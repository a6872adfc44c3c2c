"""Reads a program of jq: the part of the language that asks, not the part that programs.

https://jqlang.org/manual/
"""

import json
from dataclasses import dataclass
from typing import Any

from instances.engines.ros_local.expressions import Refused
from instances.engines.ros_local.jq_tokens import Token, refusal, text_of, tokens

NESTING = 40
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
UNKNOWN = (
    *("reduce", "foreach", "def", "try", "label", "import", "include", "as"),
    "__loc__",
)


@dataclass(frozen=True)
class Node:
    """One step of a program, with the steps and plain values it is made of."""

    kind: str
    parts: tuple[Any, ...] = ()


IDENTITY = Node("identity")


def parse(program: str) -> Node:
    """The steps of a program; Refused where it is not understood."""
    return Parser(tokens(program)).read()


class Parser:
    """Reads tokens by descent, the loosest operator first."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0
        self.depth = 0

    def read(self) -> Node:
        """The whole program."""
        node = self._pipe()
        if self.at < len(self.tokens):
            raise self._unexpected()
        return node

    def _pipe(self) -> Node:
        self.depth += 1
        if self.depth > NESTING:
            raise refusal("it is nested too deeply")
        node = self._several()
        if self._take("|"):
            node = Node("pipe", (node, self._pipe()))
        self.depth -= 1
        return node

    def _several(self) -> Node:
        node = self._alternative()
        while self._take(","):
            node = Node("several", (node, self._alternative()))
        return node

    def _alternative(self) -> Node:
        steps = [self._either()]
        while self._take("//"):
            steps.append(self._either())
        node = steps.pop()
        while steps:
            node = Node("alternative", (steps.pop(), node))
        return node

    def _either(self) -> Node:
        node = self._both()
        while self._take("or"):
            node = Node("operator", ("or", node, self._both()))
        return node

    def _both(self) -> Node:
        node = self._comparison()
        while self._take("and"):
            node = Node("operator", ("and", node, self._comparison()))
        return node

    def _comparison(self) -> Node:
        node = self._sum()
        if sign := self._take(*COMPARISONS):
            node = Node("operator", (sign, node, self._sum()))
        return node

    def _sum(self) -> Node:
        node = self._product()
        while sign := self._take("+", "-"):
            node = Node("operator", (sign, node, self._product()))
        return node

    def _product(self) -> Node:
        node = self._postfix()
        while sign := self._take("*", "/", "%"):
            node = Node("operator", (sign, node, self._postfix()))
        return node

    def _postfix(self) -> Node:
        node = self._term()
        while True:
            if field := self._take_kind("field"):
                node = Node("index", (node, Node("literal", (field[1:],))))
            elif self._peek() == "." and self._peek(1)[:1] in ('"', "["):
                self.at += 1
                if text := self._take_kind("string"):
                    node = Node("index", (node, Node("literal", (text_of(text),))))
            elif self._take("["):
                node = self._bracket(node)
            elif not self._take("?"):  # what fails is null here, so nothing is caught
                return node

    def _bracket(self, target: Node) -> Node:
        """What follows an opening bracket behind a value: nothing, an index, a slice."""
        if self._take("]"):
            return Node("each", (target,))
        low = None if self._peek() == ":" else self._pipe()
        if self._take(":"):
            high = None if self._peek() == "]" else self._pipe()
            self._expect("]")
            return Node("slice", (target, low, high))
        self._expect("]")
        return Node("index", (target, low))

    def _term(self) -> Node:
        kind, text = self._next()
        if kind == "field":
            return Node("index", (IDENTITY, Node("literal", (text[1:],))))
        if kind == "string":
            return Node("literal", (text_of(text),))
        if kind == "number":
            return Node("literal", (json.loads(text),))
        if kind == "word":
            return self._word(text)
        return self._signed(text)

    def _signed(self, sign: str) -> Node:
        """A term that begins with a sign."""
        if sign == ".":
            if text := self._take_kind("string"):
                return Node("index", (IDENTITY, Node("literal", (text_of(text),))))
            return IDENTITY
        if sign == "-":
            self._deeper()
            node = Node("negative", (self._postfix(),))
            self.depth -= 1
            return node
        if sign == "(":
            node = self._pipe()
            self._expect(")")
            return node
        if sign == "[":
            inner = None if self._peek() == "]" else self._pipe()
            self._expect("]")
            return Node("array", (inner,))
        if sign == "{":
            return self._object()
        self.at -= 1
        raise self._unexpected()

    def _word(self, word: str) -> Node:
        """A constant, an `if`, or a function with its arguments."""
        if word in ("null", "true", "false"):
            return Node("literal", (json.loads(word),))
        if word == "if":
            return self._if()
        if word in UNKNOWN:
            raise refusal(f"its word {word} is not known here")
        given: list[Node] = []
        if self._take("("):
            given.append(self._pipe())
            while self._take(";"):
                given.append(self._pipe())
            self._expect(")")
        return Node("call", (word, tuple(given)))

    def _if(self) -> Node:
        self._deeper()
        condition = self._pipe()
        self._expect("then")
        then = self._pipe()
        otherwise = IDENTITY
        if self._take("elif"):
            otherwise = self._if()
        else:
            if self._take("else"):
                otherwise = self._pipe()
            self._expect("end")
        self.depth -= 1
        return Node("if", (condition, then, otherwise))

    def _object(self) -> Node:
        """The members of an object up to its closing brace, as pairs of steps."""
        members: list[tuple[Node, Node]] = []
        while not self._take("}"):
            if members:
                self._expect(",")
            members.append(self._member())
        return Node("object", tuple(members))

    def _member(self) -> tuple[Node, Node]:
        kind, text = self._next()
        if text == "(":
            key = self._pipe()
            self._expect(")")
        elif kind in ("word", "string"):
            key = Node("literal", (text if kind == "word" else text_of(text),))
        else:
            self.at -= 1
            raise self._unexpected()
        if not self._take(":"):
            return key, Node("index", (IDENTITY, key))
        value = self._alternative()
        while self._take("|"):
            value = Node("pipe", (value, self._alternative()))
        return key, value

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > NESTING:
            raise refusal("it is nested too deeply")

    def _peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at][1] if at < len(self.tokens) else ""

    def _next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise refusal("its program ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def _take(self, *words: str) -> str:
        """The next word when it is one of these, else nothing."""
        if self.at < len(self.tokens) and self.tokens[self.at][0] != "string":
            word = self.tokens[self.at][1]
            if word in words:
                self.at += 1
                return word
        return ""

    def _take_kind(self, kind: str) -> str:
        """The next word when it is of this kind, else nothing."""
        if self.at < len(self.tokens) and self.tokens[self.at][0] == kind:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._unexpected()

    def _unexpected(self) -> Refused:
        word = self._peek()
        return refusal(f"{word[:20]} is not understood" if word else "it is cut short")
