"""The names that an expression of a template can refer to, and the expressions themselves."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from instances.engines.ros_local.expressions import (
    NULL,
    Expression,
    TranslationError,
    mapping,
    scalar,
    sequence,
)
from instances.engines.ros_local.parameters import Parameter

MAX_DEPTH = 120
NO_VALUE = {"Ref": "ALIYUN::NoValue"}

# Kind and name of a part of the template.
Node = tuple[str, str]
Function = Callable[["Scope", object], Expression]


@dataclass
class Resource:
    """A resource as other parts of the template see it.

    `whole` is set when a function makes all properties. `stack` tells which outputs of a
    nested stack are secret.
    """

    name: str
    type: str
    properties: dict[str, Expression] = field(default_factory=dict)
    whole: Expression | None = None
    counted: bool = False
    conditional: bool = False
    stack: Mapping[str, bool] | None = None


class Scope:
    """The names of one template, and the dependencies between its parts.

    `current` is the part that is being translated, to which `use` adds dependencies.
    `ids` are local values that hold the IDs of resources. The three functions at the end are
    set by the translation, which makes resources, local values and conditions on demand.
    """

    def __init__(
        self,
        sections: Mapping[str, Mapping[str, object]],
        functions: Mapping[str, Function],
    ) -> None:
        self.sections = sections
        self.functions = functions
        self.parameters: dict[str, Parameter] = {}
        self.current: Node = ("", "")
        self.indexed = False
        self.uses: dict[Node, dict[Node, None]] = {}
        self.depth = 0
        self.ids: dict[str, str] = {}
        self.resource: Callable[[str], Resource] = lambda name: Resource(name, "")
        self.local: Callable[[str], Expression] = lambda name: NULL
        self.condition_secret: Callable[[str], bool] = lambda name: False

    def value(self, given: object) -> Expression:
        """Translate any value of the template. Raises TranslationError."""
        self.depth += 1
        try:
            if self.depth > MAX_DEPTH:
                raise TranslationError("The value is nested too deeply.")
            if isinstance(given, list):
                return self.items(given)
            if isinstance(given, dict):
                return self._object(given)
            return scalar(given)
        finally:
            self.depth -= 1

    def items(self, given: list[object]) -> Expression:
        """Translate a list, without items that are ALIYUN::NoValue."""
        return sequence(self.value(item) for item in given if item != NO_VALUE)

    def members(self, given: Mapping[object, object]) -> dict[str, Expression]:
        """Translate the members of an object, without those that are ALIYUN::NoValue."""
        return {
            str(key): self.value(inner)
            for key, inner in given.items()
            if inner != NO_VALUE
        }

    def use(self, kind: str, name: str) -> None:
        """Add a dependency to the part that is being translated."""
        self.uses.setdefault(self.current, {})[kind, name] = None

    def has(self, section: str, name: object) -> bool:
        return isinstance(name, str) and name in self.sections[section]

    @contextmanager
    def part(self, node: Node) -> Iterator[None]:
        """Translate another part of the template inside of the block."""
        before = self.current, self.indexed, self.depth
        self.current, self.indexed, self.depth = node, False, 0
        try:
            yield
        finally:
            self.current, self.indexed, self.depth = before

    def _object(self, given: Mapping[object, object]) -> Expression:
        """Translate a function call when the object has the form of one, else an object."""
        if len(given) == 1:
            [(name, argument)] = given.items()
            if isinstance(name, str) and (function := self.functions.get(name)):
                return function(self, argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                raise TranslationError(f"{name[:80]} cannot be simulated.")
        return mapping(self.members(given))
