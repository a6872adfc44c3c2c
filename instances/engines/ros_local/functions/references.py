"""Functions of ROS that refer to other parts of the template."""

import re

from instances.engines.ros_local.attributes import attribute, identity, of_each
from instances.engines.ros_local.expressions import (
    NULL,
    Expression,
    TranslationError,
    as_text,
    concatenated,
    string,
)
from instances.engines.ros_local.identifiers import identifier
from instances.engines.ros_local.parameters import PSEUDO
from instances.engines.ros_local.scope import Function, Scope

PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")


def ref(scope: Scope, given: object) -> Expression:
    """Return a parameter, a local value, a pseudo parameter, or the ID of a resource."""
    if not isinstance(given, str):
        raise TranslationError("Ref takes the name of a parameter or resource.")
    found = _named(scope, given)
    if found is None:
        raise TranslationError(f"Ref names {given[:80]}, which is not in the template.")
    return found


def get_att(scope: Scope, given: object) -> Expression:
    if not isinstance(given, list) or len(given) < 2:
        raise TranslationError(
            "Fn::GetAtt takes a list of a resource and its attribute."
        )
    name = given[0]
    if not scope.has("Resources", name):
        raise TranslationError(
            f"Fn::GetAtt names {str(name)[:80]}, which is not a resource of the template."
        )
    if not all(isinstance(part, str) for part in given):
        raise TranslationError(
            "Fn::GetAtt takes names that are written in the template."
        )
    return _attribute(scope, name, ".".join(given[1:]))


def sub(scope: Scope, given: object) -> Expression:
    """Return a text with values in place of its placeholders."""
    text, *extra = given if isinstance(given, list) and given else [given]
    if not isinstance(text, str) or not all(isinstance(each, dict) for each in extra):
        raise TranslationError(
            "Fn::Sub takes a text, or a list of a text and its values."
        )
    known = {
        str(key): value
        for each in extra
        if isinstance(each, dict)
        for key, value in each.items()
    }
    parts: list[Expression] = []
    at = 0
    for found in PLACEHOLDER.finditer(text):
        if found.start() > at:
            parts.append(string(text[at : found.start()]))
        parts.append(_placeholder(scope, found[1], known))
        at = found.end()
    if at < len(text):
        parts.append(string(text[at:]))
    return concatenated(parts)


def _placeholder(scope: Scope, name: str, known: dict[str, object]) -> Expression:
    """Return the value of a placeholder of Fn::Sub; `known` are values given with it."""
    if name.startswith("!"):
        return string(f"${{{name[1:]}}}")
    name = name.strip()
    if name in known:
        return as_text(scope.value(known[name]))
    found = _named(scope, name)
    resource, _, attribute_name = name.partition(".")
    if found is None and attribute_name and scope.has("Resources", resource):
        found = _attribute(scope, resource, attribute_name)
    if found is None:
        raise TranslationError(
            f"Fn::Sub names {name[:80]}, which is not in the template."
        )
    return as_text(found)


def _named(scope: Scope, name: str) -> Expression | None:
    """Return the value of a name; None when no section has it."""
    if name in scope.parameters:
        return scope.parameters[name].expression
    if scope.has("Resources", name):
        return _id(scope, name)
    if scope.has("Locals", name):
        scope.use("local", name)
        return scope.local(name)
    if name in PSEUDO:
        return Expression(f"var.{identifier(name)}", "string")
    if name == "ALIYUN::NoValue":
        return NULL
    if name == "ALIYUN::Index":
        if not scope.indexed:
            raise TranslationError(
                "ALIYUN::Index is only known to a resource with a Count."
            )
        return Expression("count.index", "number")
    return None


def _id(scope: Scope, name: str) -> Expression:
    """Return the ID of a resource, which all references to it share."""
    scope.use("resource", name)
    made = of_each(scope.resource(name), identity)
    key = f"id_{identifier(name)}"
    scope.ids[key] = made.text
    return Expression(f"local.{key}", made.kind, made.secret)


def _attribute(scope: Scope, resource: str, name: str) -> Expression:
    """Return an attribute of a resource, a list for one with a Count."""
    scope.use("resource", resource)
    return attribute(scope.resource(resource), name)


FUNCTIONS: dict[str, Function] = {
    "Ref": ref,
    "Fn::GetAtt": get_att,
    "Fn::Sub": sub,
}
