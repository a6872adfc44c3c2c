"""Translates a ROS template to a configuration of Terraform, or collects its problems."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from instances.engines.base import EngineError
from instances.engines.ros_local import nested_stacks, resources
from instances.engines.ros_local.dependencies import SECTIONS as NAMED
from instances.engines.ros_local.dependencies import check_dependencies, in_order
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
from instances.engines.ros_local.hcl_writer import Block, Configuration
from instances.engines.ros_local.identifiers import identifier
from instances.engines.ros_local.outputs import assertions, output_block
from instances.engines.ros_local.parameters import pseudo_variables, read_parameter
from instances.engines.ros_local.resource_types import STACK, Kind
from instances.engines.ros_local.scope import Node, Resource, Scope

# The name of an output that no template can have; Terraform checks the rules with it.
RULES = identifier("ALIYUN::Rules")
MACROS = (None, "Macro", "Eval")


@dataclass(frozen=True)
class StackContext:
    """The context of a stack: names of secret parameters, and the level it is nested at."""

    secrets: frozenset[str] = field(default_factory=frozenset)
    level: int = 0


def problems(document: Mapping[str, object]) -> list[Problem]:
    """Return everything that keeps a template from being simulated, in its order."""
    return Translation(document).problems


def translate(
    document: Mapping[str, object], *, secrets: Iterable[str] = ()
) -> tuple[dict[str, str], dict[str, Kind]]:
    """Return the files for Terraform, and the kinds of the resources by their addresses.

    `secrets` are parameters whose values may not be shown, besides those with NoEcho.
    Raises EngineError with the first problem.
    """
    translation = Translation(document, StackContext(frozenset(secrets)))
    if translation.problems:
        raise EngineError(str(translation.problems[0]))
    return translation.files, translation.kinds


class Translation:
    """The translation of one template; what cannot be translated becomes a problem.

    Rules are left out without `with_rules`, as when everything is removed.
    """

    def __init__(
        self,
        document: Mapping[str, object],
        context: StackContext = StackContext(),
        *,
        with_rules: bool = True,
    ) -> None:
        self.context = context
        self.sections = {name: _section(document, name) for name in SECTIONS}
        self.errors = ErrorCollector(self.sections)
        self.scope = Scope(self.sections, FUNCTIONS)
        self.scope.resource = self._resource
        self.scope.local = self._local
        self.scope.condition_secret = lambda name: self._condition(name).secret
        self.resources: dict[str, Resource] = {}
        self.values: dict[Node, Expression] = {}
        self.kinds: dict[str, Kind] = {}
        self.files: dict[str, str] = {}
        self.configuration = Configuration(variables={**pseudo_variables()})
        self._translate(document, with_rules)

    @property
    def problems(self) -> list[Problem]:
        return self.errors.problems

    def _translate(self, document: Mapping[str, object], with_rules: bool) -> None:
        for name in SECTIONS:
            if not isinstance(document.get(name) or {}, Mapping):
                self.errors.add(name, "", "The section must contain key-value pairs.")
        if transform := document.get("Transform"):
            message = f"The transform {str(transform)[:80]} cannot be simulated."
            self.errors.add("Transform", "", message)
            return
        self._parameters()
        if self.sections["Mappings"]:
            with self.errors.at("Mappings", ""):
                self._define("mappings", literal(self.sections["Mappings"]))
        self._named_parts()
        if with_rules:
            self._rules()
        for name, declared in self.sections["Outputs"].items():
            with self._part("Outputs", ("output", name)):
                output = output_block(self.scope, declared)
                self.configuration.outputs[identifier(name)] = output
        check_dependencies(self.scope.uses, self.errors)
        self.configuration.locals |= self.scope.ids
        self.files["main.tf"] = text = self.configuration.text
        if "${" in text or "%{" in text:
            # `quoted` escapes these; the check holds even if it should ever fail to.
            self.errors.add(
                "", "", "The template contains text that cannot be written safely."
            )

    def _parameters(self) -> None:
        for name, declared in self.sections["Parameters"].items():
            with self.errors.at("Parameters", name):
                parameter = read_parameter(
                    name,
                    declared,
                    secret=name in self.context.secrets,
                    nested=self.context.level > 0,
                )
                self.scope.parameters[name] = parameter
                self.configuration.variables[identifier(name)] = parameter.variable

    def _named_parts(self) -> None:
        """Translate the parts that have names, each after those that it refers to."""
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
        blocks = self.configuration.resources
        ordered = [identifier(name) for name in self.sections["Resources"]]
        self.configuration.resources = {
            name: blocks[name] for name in ordered if name in blocks
        }

    def _condition(self, name: str) -> Expression:
        """Return the value of a condition, translating it at its first use."""
        node = ("condition", name)
        if node not in self.values:
            self.values[node] = FALSE
            with self._part("Conditions", node):
                value = condition(self.scope, self.sections["Conditions"][name])
                self._define(condition_name(name), value)
                self.values[node] = value
        return self.values[node]

    def _local(self, name: str) -> Expression:
        """Return the name of a local value, translating it at its first use."""
        node = ("local", name)
        if node not in self.values:
            self.values[node] = NULL
            with self._part("Locals", node):
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
                self.values[node] = Expression(f"local.{key}", value.kind, value.secret)
        return self.values[node]

    def _resource(self, name: str) -> Resource:
        """Return a resource, translating it at its first use.

        Inside of a circular dependency it is only what is known so far.
        """
        if name not in self.resources:
            self.resources[name] = Resource(name, "")
            with self._part("Resources", ("resource", name)):
                declared = self.sections["Resources"][name]
                if not isinstance(declared, Mapping):
                    raise TranslationError(resources.NO_TYPE)
                resource = resources.outline(name, declared)
                self.resources[name] = resource
                self.kinds[name] = Kind(resource.type, resource.counted)
                self._add_resource(resource, declared)
        return self.resources[name]

    def _add_resource(self, resource: Resource, declared: Mapping[str, object]) -> None:
        """Add the block of a resource, and the module of a nested stack."""
        self.scope.indexed = resource.counted
        properties = declared.get("Properties")
        module = ""
        if resource.type == STACK:
            template = nested_stacks.template_of(properties)
            if template is not None:
                self._add_module(resource, declared, template)
                module = f"module.{identifier(resource.name)}"
            properties = nested_stacks.without_template(properties)
        resources.read_properties(self.scope, resource, properties)
        block = resources.block(self.scope, resource, declared, module)
        self.configuration.resources[identifier(resource.name)] = block

    def _add_module(
        self,
        resource: Resource,
        declared: Mapping[str, object],
        template: Mapping[str, object],
    ) -> None:
        """Add a nested stack as a module of its own resources."""
        if self.context.level >= nested_stacks.MAX_LEVELS:
            raise TranslationError(nested_stacks.TOO_DEEP)
        values = nested_stacks.given_values(self.scope, declared["Properties"])
        secrets = frozenset(key for key, value in values.items() if value.secret)
        context = StackContext(secrets, self.context.level + 1)
        inner = Translation(template, context, with_rules=False)
        for problem in inner.problems:
            below = f"TemplateBody.{problem.place}"
            self.errors.add("Resources", resource.name, problem.message, below)
        modules = self.configuration.modules
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
        outputs = inner.configuration.outputs
        resource.stack = {
            name: "sensitive" in outputs.get(identifier(name), {})
            for name in inner.sections["Outputs"]
        }

    def _rules(self) -> None:
        """Add the assertions of all rules, which Terraform checks before it makes anything."""
        preconditions: list[Block] = []
        for name, declared in self.sections["Rules"].items():
            with self._part("Rules", ("rule", name)):
                preconditions += assertions(self.scope, name, declared)
        if preconditions:
            rules: Block = {"value": "null", "precondition": preconditions}
            self.configuration.outputs[RULES] = rules

    def _define(self, name: str, value: Expression) -> None:
        """Add a local value of Terraform."""
        self.configuration.locals[name] = value.text

    @contextmanager
    def _part(self, section: str, node: Node) -> Iterator[None]:
        """Translate a part, which has dependencies and problems of its own."""
        with self.errors.at(section, node[1]), self.scope.part(node):
            yield


def _section(document: Mapping[str, object], name: str) -> dict[str, object]:
    """Return a section by its names; empty when it is malformed."""
    found = document.get(name)
    if not isinstance(found, Mapping):
        return {}
    return {str(key): value for key, value in found.items()}
