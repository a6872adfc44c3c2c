"""The steps of a program of jq as text of Terraform."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from instances.engines.ros_local.expressions import SIMPLE, literal
from instances.engines.ros_local.jq_functions import (
    OPERATORS,
    SIMPLE_FUNCTIONS,
    item,
    part,
    sorted_by,
    truthy,
)
from instances.engines.ros_local.jq_parser import Node
from instances.engines.ros_local.jq_tokens import refusal


@dataclass(frozen=True)
class Result:
    """What a step gives: one value, or a list of the `many` it may give.

    A `plain` one is written in the program and may be repeated.
    """

    text: str
    many: bool = False
    plain: bool = False

    @property
    def listed(self) -> str:
        """All of them as a list."""
        return self.text if self.many else f"[{self.text}]"


class Program:
    """Translates the steps of one program; `v` is the name of the value a step is given."""

    def __init__(self) -> None:
        self.names = (f"j{number}" for number in count(1))

    def run(self, node: Node, v: str) -> Result:
        """What a step gives for a value."""
        step: Callable[..., Result] = getattr(self, f"_{node.kind}")
        return step(v, *node.parts)

    def bind(self, given: Result, made: Callable[[str], Result]) -> Result:
        """What is made of each value given, by its name."""
        if given.plain or (not given.many and SIMPLE.fullmatch(given.text)):
            return made(given.text)
        name = next(self.names)
        inner = made(name)
        if not given.many:
            return Result(
                f"[for {name} in [{given.text}] : {inner.text}][0]", inner.many
            )
        text = f"[for {name} in {given.text} : {inner.text}]"
        return Result(f"concat([], {text}...)" if inner.many else text, True)

    def all(self, nodes: list[Node], v: str, made: Callable[..., Result]) -> Result:
        """What is made of every combination of the values that some steps give."""
        if not nodes:
            return made()
        first, *rest = nodes
        return self.bind(
            self.run(first, v),
            lambda name: self.all(rest, v, lambda *others: made(name, *others)),
        )

    def pick(self, when: str, one: Result, other: Result) -> Result:
        """One of two results; `when` is short enough to stand twice."""
        many = one.many or other.many
        parts = [
            f"[for i in ({when} ? {sides}) : {each.listed if many else each.text}]"
            for sides, each in (("[1] : []", one), ("[] : [1]", other))
        ]
        if many:
            return Result(f"concat([], concat({', '.join(parts)})...)", True)
        return Result(f"concat({', '.join(parts)})[0]")

    def _identity(self, v: str) -> Result:
        return Result(v)

    def _literal(self, v: str, value: Any) -> Result:
        return Result(literal(value).text, plain=True)

    def _pipe(self, v: str, one: Node, other: Node) -> Result:
        return self.bind(self.run(one, v), lambda name: self.run(other, name))

    def _several(self, v: str, one: Node, other: Node) -> Result:
        both = (self.run(one, v).listed, self.run(other, v).listed)
        return Result(f"concat({', '.join(both)})", True)

    def _alternative(self, v: str, one: Node, other: Node) -> Result:
        first, second = self.run(one, v), self.run(other, v)
        good = next(self.names)
        name = next(self.names)
        kept = f"[for {name} in {first.listed} : {name} if {truthy(name)}]"
        missing = f"(length({good}) == 0 ? [1] : [])"
        rest = f"[for i in {missing} : {second.text}]"
        rest = f"concat([], {rest}...)" if second.many else rest
        text = f"[for {good} in [{kept}] : concat({good}, {rest})][0]"
        many = first.many or second.many
        return Result(text, True) if many else Result(f"{text}[0]")

    def _operator(self, v: str, sign: str, one: Node, other: Node) -> Result:
        made = OPERATORS[sign]
        return self.all([one, other], v, lambda a, b: Result(made(a, b)))

    def _negative(self, v: str, inner: Node) -> Result:
        return self.bind(self.run(inner, v), lambda a: Result(f"try(-{a}, null)"))

    def _index(self, v: str, target: Node, key: Node) -> Result:
        return self.all([target, key], v, lambda a, k: Result(item(a, k)))

    def _each(self, v: str, target: Node) -> Result:
        return self.bind(
            self.run(target, v), lambda a: Result(f"try([for e in {a} : e], [])", True)
        )

    def _slice(
        self, v: str, target: Node, low: Node | None, high: Node | None
    ) -> Result:
        bounds = [low or Node("literal", (0,)), high or Node("literal", (None,))]
        return self.all([target, *bounds], v, lambda *given: Result(part(*given)))

    def _array(self, v: str, inner: Node | None) -> Result:
        return Result(self.run(inner, v).listed if inner else "[]")

    def _object(self, v: str, *members: tuple[Node, Node]) -> Result:
        def made(*names: str) -> Result:
            pairs = zip(names[::2], names[1::2], strict=True)
            return Result(
                f"{{{', '.join(f'({key}) = {value}' for key, value in pairs)}}}"
            )

        return self.all([each for pair in members for each in pair], v, made)

    def _if(self, v: str, condition: Node, then: Node, otherwise: Node) -> Result:
        one, other = self.run(then, v), self.run(otherwise, v)
        return self.bind(
            self.run(condition, v), lambda c: self.pick(truthy(c), one, other)
        )

    def _call(self, v: str, name: str, given: tuple[Node, ...]) -> Result:
        """A function: one of those that only need values, or one that runs steps."""
        if simple := SIMPLE_FUNCTIONS.get((name, len(given))):
            return self.all([*given], v, lambda *names: Result(simple(v, *names)))
        special = SPECIAL.get((name, len(given)))
        if special is None:
            raise refusal(f"its function {name[:40]} is not known here")
        return special(self, v, *given)

    def select(self, v: str, condition: Node) -> Result:
        """The value itself where a condition holds."""
        return self.bind(
            self.run(condition, v),
            lambda c: Result(f"[for i in ({truthy(c)} ? [1] : []) : {v}]", True),
        )

    def map(self, v: str, inner: Node) -> Result:
        """A list of what a step gives for each item."""
        name = next(self.names)
        result = self.run(inner, name)
        text = f"[for {name} in {v} : {result.text}]"
        text = f"concat([], {text}...)" if result.many else text
        return Result(f"try({text}, null)")

    def with_entries(self, v: str, inner: Node) -> Result:
        """An object whose entries a step has changed."""
        entries = Node("call", ("to_entries", ()))
        changed = Node("pipe", (entries, Node("call", ("map", (inner,)))))
        return self.run(Node("pipe", (changed, Node("call", ("from_entries", ())))), v)

    def first(self, v: str, inner: Node) -> Result:
        """The first of what a step gives."""
        found = self.run(inner, v)
        text = f"[for i, e in {found.listed} : e if i == 0]"
        return Result(text, True) if found.many else found

    def truths(self, v: str, inner: Node, function: str) -> Result:
        """Whether a step gives something true for any item, or for all."""
        return self.run(
            Node(
                "pipe", (Node("call", ("map", (inner,))), Node("call", (function, ())))
            ),
            v,
        )

    def ordered(self, v: str, inner: Node, made: str) -> Result:
        """A list in the order of what a step gives for each item, or an end of it."""
        name = next(self.names)
        key = self.run(inner, name)
        first = f"try({key.text}[0], null)" if key.many else key.text
        return Result(made % sorted_by(v, name, first))


SPECIAL: dict[tuple[str, int], Callable[..., Result]] = {
    ("empty", 0): lambda program, v: Result("[]", True),
    ("values", 0): lambda program, v: Result(
        f"[for i in ({v} == null ? [] : [1]) : {v}]", True
    ),
    ("range", 1): lambda program, v, most: program.bind(
        program.run(most, v),
        lambda n: Result(f"try([for i in range({n}) : i], [])", True),
    ),
    ("select", 1): Program.select,
    ("map", 1): Program.map,
    ("with_entries", 1): Program.with_entries,
    ("first", 1): Program.first,
    ("any", 1): lambda program, v, inner: program.truths(v, inner, "any"),
    ("all", 1): lambda program, v, inner: program.truths(v, inner, "all"),
    ("sort_by", 1): lambda program, v, inner: program.ordered(
        v, inner, "try(%s, null)"
    ),
    ("min_by", 1): lambda program, v, inner: program.ordered(
        v, inner, "try(%s[0], null)"
    ),
    ("max_by", 1): lambda program, v, inner: program.ordered(
        v, inner, "try(reverse(%s)[0], null)"
    ),
}
