"""What an expression of a document can name, and the expressions themselves."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from instances.engines.ros_local.expressions import (
    NULL,
    Expression,
    TranslationError,
    mapping,
    scalar,
    sequence,
)
from instances.engines.ros_local.parameters import Parameter

DEPTH = 120
NO_VALUE = {"Ref": "ALIYUN::NoValue"}

Node = tuple[str, str]
Function = Callable[["Scope", Any], Expression]


@dataclass
class Resource:
    """A resource as others see it.

    `whole` are its properties when a function makes all of them; `stack` tells which
    outputs of a nested stack are secret.
    """

    name: str
    type: str
    properties: dict[str, Expression] = field(default_factory=dict)
    whole: Expression | None = None
    counted: bool = False
    conditional: bool = False
    stack: Mapping[str, bool] | None = None


class Scope:
    """The names of one document. What `using` names is kept as its dependencies.

    `ids` are local values that hold the IDs of resources which others refer to.
    """

    def __init__(
        self,
        sections: Mapping[str, Mapping[str, Any]],
        functions: Mapping[str, Function],
    ) -> None:
        self.sections = sections
        self.functions = functions
        self.parameters: dict[str, Parameter] = {}
        self.using: Node = ("", "")
        self.indexed = False
        self.uses: dict[Node, dict[Node, None]] = {}
        self.depth = 0
        self.ids: dict[str, str] = {}
        # Set by the translation, which knows how each of them is made.
        self.resource: Callable[[str], Resource] = lambda name: Resource(name, "")
        self.local: Callable[[str], Expression] = lambda name: NULL
        self.condition_secret: Callable[[str], bool] = lambda name: False

    def value(self, given: Any) -> Expression:
        """The expression for any value of the document; TranslationError when there is none."""
        self.depth += 1
        try:
            if self.depth > DEPTH:
                raise TranslationError("It is nested too deeply.")
            if isinstance(given, list):
                return self.items(given)
            if isinstance(given, dict):
                return self._object(given)
            return scalar(given)
        finally:
            self.depth -= 1

    def items(self, given: list[Any]) -> Expression:
        """A list; an item that is no value is left out."""
        return sequence(self.value(item) for item in given if item != NO_VALUE)

    def members(self, given: Mapping[Any, Any]) -> dict[str, Expression]:
        """The members of an object; one that is no value is left out."""
        return {
            str(key): self.value(inner)
            for key, inner in given.items()
            if inner != NO_VALUE
        }

    def use(self, kind: str, name: str) -> None:
        """Note that what is being translated depends on this."""
        self.uses.setdefault(self.using, {})[kind, name] = None

    def has(self, section: str, name: object) -> bool:
        """Whether a section of the document has this name."""
        return isinstance(name, str) and name in self.sections[section]

    def _object(self, given: Mapping[Any, Any]) -> Expression:
        """A function when it has the form of one, else an object."""
        if len(given) == 1:
            [(name, argument)] = given.items()
            if isinstance(name, str) and (function := self.functions.get(name)):
                return function(self, argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                raise TranslationError(f"{name[:80]} cannot be simulated.")
        return mapping(self.members(given))


class Translating:
    """While a part is translated its dependencies are its own, and so are its problems."""

    def __init__(
        self, scope: Scope, place: AbstractContextManager[None], node: Node
    ) -> None:
        self.scope = scope
        self.place = place
        self.node = node

    def __enter__(self) -> None:
        scope = self.scope
        self.before = scope.using, scope.indexed, scope.depth
        scope.using, scope.indexed, scope.depth = self.node, False, 0
        self.place.__enter__()

    def __exit__(self, *raised: Any) -> bool | None:
        scope = self.scope
        scope.using, scope.indexed, scope.depth = self.before
        return self.place.__exit__(*raised)
