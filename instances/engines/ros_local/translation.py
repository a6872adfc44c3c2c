"""A document as a configuration of Terraform, or what keeps it from being one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from instances.engines.base import EngineError
from instances.engines.ros_local import nested_stacks, resources
from instances.engines.ros_local.dependencies import SECTIONS as NAMED
from instances.engines.ros_local.dependencies import in_order, tell_dependencies
from instances.engines.ros_local.error_collector import (
    SECTIONS,
    ErrorCollector,
    Problem,
)
from instances.engines.ros_local.expressions import (
    FALSE,
    NULL,
    Expression,
    TranslationError,
    literal,
)
from instances.engines.ros_local.functions import FUNCTIONS
from instances.engines.ros_local.functions.conditions import condition, condition_name
from instances.engines.ros_local.hcl_writer import write
from instances.engines.ros_local.identifiers import identifier
from instances.engines.ros_local.outputs import assertions, output_block
from instances.engines.ros_local.parameters import pseudo_variables, read_parameter
from instances.engines.ros_local.resource_types import STACK, Kind
from instances.engines.ros_local.scope import Node, Resource, Scope, Translating

# An output that is none: Terraform judges the rules where it makes this.
RULES = identifier("ALIYUN::Rules")
MACROS = (None, "Macro", "Eval")


@dataclass(frozen=True)
class Around:
    """What a document has from outside: secret parameters, and the stacks it stands in."""

    secrets: frozenset[str] = field(default_factory=frozenset)
    level: int = 0


def problems(document: Mapping[str, Any]) -> list[Problem]:
    """Everything that keeps a document from being simulated, in its order."""
    return Translation(document).problems


def translate(
    document: Mapping[str, Any], *, secrets: Iterable[str] = ()
) -> tuple[dict[str, str], dict[str, Kind]]:
    """The files Terraform runs, and how the resources in them are shown, by address.

    `secrets` are parameters whose values may not be shown, besides those that say so.
    Raises EngineError with the first problem.
    """
    made = Translation(document, Around(frozenset(secrets)))
    if made.problems:
        raise EngineError(str(made.problems[0]))
    return made.files, made.kinds


class Translation:
    """One document. What cannot be translated is a problem, and the rest goes on.

    Rules are left out unless they are `judged`, as when everything is removed.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        around: Around = Around(),
        *,
        judged: bool = True,
    ) -> None:
        self.around = around
        self.sections = {name: _section(document, name) for name in SECTIONS}
        self.errors = ErrorCollector(self.sections)
        self.scope = Scope(self.sections, FUNCTIONS)
        self.scope.resource = self._resource
        self.scope.local = self._local
        self.scope.condition_secret = lambda name: self._condition(name).secret
        self.known: dict[str, Resource] = {}
        self.made: dict[Node, Expression] = {}
        self.kinds: dict[str, Kind] = {}
        self.files: dict[str, str] = {}
        self.body: dict[str, Any] = {
            "variable": pseudo_variables(),
            "resource": {"terraform_data": {}},
            "output": {},
        }
        self._translate(document, judged)

    @property
    def problems(self) -> list[Problem]:
        """What could not be translated."""
        return self.errors.problems

    def _translate(self, document: Mapping[str, Any], judged: bool) -> None:
        for name in SECTIONS:
            if not isinstance(document.get(name) or {}, Mapping):
                self.errors.add(name, "", "It must hold names with values.")
        if transform := document.get("Transform"):
            message = f"The transform {str(transform)[:80]} cannot be simulated."
            self.errors.add("Transform", "", message)
            return
        self._parameters()
        if self.sections["Mappings"]:
            with self.errors.at("Mappings", ""):
                self._define("mappings", literal(self.sections["Mappings"]))
        self._parts()
        if judged:
            self._rules()
        for name, declared in self.sections["Outputs"].items():
            with self._translating("Outputs", ("output", name)):
                self.body["output"][identifier(name)] = output_block(
                    self.scope, declared
                )
        tell_dependencies(self.scope.uses, self.errors)
        if self.scope.ids:
            self.body["locals"] = {**self.body.get("locals", {}), **self.scope.ids}
        self.files["main.tf"] = text = write(self.body)
        if "${" in text or "%{" in text:
            # Cannot be, as `quoted` sees to it; but this is what keeps a text a text.
            self.errors.add("", "", "A text of it cannot be written safely.")

    def _parameters(self) -> None:
        for name, declared in self.sections["Parameters"].items():
            with self.errors.at("Parameters", name):
                parameter = read_parameter(
                    name,
                    declared,
                    secret=name in self.around.secrets,
                    nested=self.around.level > 0,
                )
                self.scope.parameters[name] = parameter
                self.body["variable"][identifier(name)] = parameter.variable

    def _parts(self) -> None:
        """Translate what others can name, each after what it names, told in its own order."""
        parts = {
            (kind, name): declared
            for kind, section in NAMED.items()
            for name, declared in self.sections[section].items()
        }
        makers: dict[str, Callable[[str], object]] = {
            "resource": self._resource,
            "condition": self._condition,
            "local": self._local,
        }
        for kind, name in in_order(parts):
            makers[kind](name)
        blocks = self.body["resource"]["terraform_data"]
        ordered = [identifier(name) for name in self.sections["Resources"]]
        self.body["resource"]["terraform_data"] = {
            name: blocks[name] for name in ordered if name in blocks
        }

    def _condition(self, name: str) -> Expression:
        """The value of a condition, which goes by its name."""
        node = ("condition", name)
        if node not in self.made:
            self.made[node] = FALSE
            with self._translating("Conditions", node):
                value = condition(self.scope, self.sections["Conditions"][name])
                self._define(condition_name(name), value)
                self.made[node] = value
        return self.made[node]

    def _local(self, name: str) -> Expression:
        """A local value, by its name."""
        node = ("local", name)
        if node not in self.made:
            self.made[node] = NULL
            with self._translating("Locals", node):
                declared = self.sections["Locals"][name]
                if not isinstance(declared, Mapping) or "Value" not in declared:
                    raise TranslationError(
                        "Only a local value with a Value can be simulated."
                    )
                if declared.get("Type") not in MACROS:
                    raise TranslationError(
                        f"A local value of type {declared['Type']} cannot be simulated."
                    )
                value = self.scope.value(declared["Value"])
                key = f"local_{identifier(name)}"
                self._define(key, value)
                self.made[node] = Expression(f"local.{key}", value.kind, value.secret)
        return self.made[node]

    def _resource(self, name: str) -> Resource:
        """A resource; of one that names itself in a circle, only what is known so far."""
        if name not in self.known:
            self.known[name] = Resource(name, "")
            with self._translating("Resources", ("resource", name)):
                declared = self.sections["Resources"][name]
                resource = self.known[name] = resources.outline(name, declared)
                self.kinds[name] = Kind(resource.type, resource.counted)
                self._simulate(resource, declared)
        return self.known[name]

    def _simulate(self, resource: Resource, declared: Mapping[str, Any]) -> None:
        """Add the block of a resource, and the module of one that is a stack."""
        self.scope.indexed = resource.counted
        given: Any = declared.get("Properties")
        inner = None
        if resource.type == STACK:
            inner = nested_stacks.template_of(given)
            given = nested_stacks.without_template(given)
        if inner is not None:
            self._nest(resource, declared, inner)
        resources.read_properties(self.scope, resource, given)
        block = resources.block(self.scope, resource, declared)
        if inner is not None:
            needed = block.get("depends_on", "[]").strip("[]")
            module = f"module.{identifier(resource.name)}"
            block["depends_on"] = f"[{', '.join(filter(None, (module, needed)))}]"
        self.body["resource"]["terraform_data"][identifier(resource.name)] = block

    def _nest(
        self, resource: Resource, declared: Mapping[str, Any], template: dict[str, Any]
    ) -> None:
        """Add a nested stack as a module of its own resources."""
        if self.around.level >= nested_stacks.LEVELS:
            raise TranslationError(nested_stacks.TOO_DEEP)
        values = nested_stacks.given_values(self.scope, declared["Properties"])
        secrets = frozenset(key for key, value in values.items() if value.secret)
        around = Around(secrets, self.around.level + 1)
        inner = Translation(template, around, judged=False)
        for problem in inner.problems:
            below = f"TemplateBody.{problem.place}"
            self.errors.add("Resources", resource.name, problem.message, below)
        modules = self.body.setdefault("module", {})
        folder = f"stack-{len(modules) + 1}"
        modules[identifier(resource.name)] = {
            "source": nested_stacks.source(folder),
            **resources.repetition(self.scope, resource.name, declared),
            **nested_stacks.arguments(resource.name, inner.scope.parameters, values),
        }
        self.files |= {f"{folder}/{path}": text for path, text in inner.files.items()}
        self.kinds |= {
            f"{resource.name}.{name}": kind for name, kind in inner.kinds.items()
        }
        resource.stack = {
            name: "sensitive" in inner.body["output"].get(identifier(name), {})
            for name in inner.sections["Outputs"]
        }

    def _rules(self) -> None:
        """Have each assertion of the rules judged before anything is made."""
        judged: list[dict[str, str]] = []
        for name, declared in self.sections["Rules"].items():
            with self._translating("Rules", ("rule", name)):
                judged += assertions(self.scope, name, declared)
        if judged:
            rules = {"value": "null", "precondition": judged}
            self.body["output"][RULES] = rules

    def _define(self, name: str, value: Expression) -> None:
        """Give a value a name in the configuration."""
        self.body.setdefault("locals", {})[name] = value.text

    def _translating(self, section: str, node: Node) -> "Translating":
        return Translating(self.scope, self.errors.at(section, node[1]), node)


def _section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A section by its names; empty when it is not one."""
    found = document.get(name)
    return (
        {str(key): value for key, value in found.items()}
        if isinstance(found, Mapping)
        else {}
    )
