"""A resource of a document as a block of Terraform, which simulates it."""

from collections.abc import Mapping
from typing import Any

from instances.engines.ros_local.attributes import address
from instances.engines.ros_local.expressions import (
    Expression,
    TranslationError,
    quoted,
    shown,
    string,
    written,
)
from instances.engines.ros_local.functions.conditions import condition
from instances.engines.ros_local.resource_types import SLEEP, facts_of
from instances.engines.ros_local.scope import Resource, Scope

Block = dict[str, Any]

MOST = 300
OVER = quoted(f"Count is over {MOST}.")
LONGEST_SLEEP = 86400
RETAIN = "Retain"
COUNT_MEANT = f"Count must be a number from 0 to {MOST}."


def outline(name: str, declared: Any) -> Resource:
    """What of a resource is known before its properties are."""
    if not isinstance(declared, Mapping):
        raise TranslationError("A resource must have a Type.")
    kind = declared.get("Type")
    if not isinstance(kind, str) or not kind:
        raise TranslationError("A resource must have a Type.")
    counted = declared.get("Count") is not None
    conditional = declared.get("Condition") is not None and not counted
    return Resource(name, kind, counted=counted, conditional=conditional)


def read_properties(scope: Scope, resource: Resource, given: Any) -> None:
    """Translate the properties of a resource, one by one where they have names."""
    if not given:
        return
    if not isinstance(given, dict):
        raise TranslationError("The Properties of a resource must have names.")
    if len(given) == 1 and next(iter(given)) in scope.functions:
        resource.whole = scope.value(given)
    else:
        resource.properties |= scope.members(given)


def block(scope: Scope, resource: Resource, declared: Mapping[str, Any]) -> Block:
    """The block of a resource whose properties have been translated."""
    made = repetition(scope, resource.name, declared)
    if declared.get("Count") is not None and isinstance(declared["Count"], dict):
        made["lifecycle"] = {"precondition": _bound(scope, declared["Count"])}
    made["input"] = _input(resource, declared)
    made["triggers_replace"] = _identity(resource)
    if resource.type == SLEEP and (waits := _waits(resource)):
        made['provisioner "local-exec"'] = waits
    return made


def repetition(scope: Scope, name: str, declared: Mapping[str, Any]) -> Block:
    """How many there are of a resource or stack, and what must be there before it.

    Terraform has to know the number before anything is made.
    """
    made: Block = {}
    around = scope.using, scope.indexed
    scope.using, scope.indexed = ("count", name), False
    size = _size(scope, declared)
    if declared.get("Condition") is not None:
        when = shown(condition(scope, declared["Condition"]))
        size = written("(%s ? %s : 0)", when, size or Expression("1"))
    scope.using, scope.indexed = around
    if size is not None:
        made["count"] = size.text
        scope.use("count", name)
    if needed := dependencies(scope, declared.get("DependsOn")):
        made["depends_on"] = f"[{', '.join(needed)}]"
    return made


def dependencies(scope: Scope, given: Any) -> list[str]:
    """The resources that must be made first."""
    names = [given] if isinstance(given, str) else given or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TranslationError("DependsOn takes names of resources.")
    for name in names:
        if not scope.has("Resources", name):
            raise TranslationError(
                f"DependsOn names {name[:80]}, which is not a resource of the template."
            )
        scope.use("resource", name)
    return [address(name) for name in dict.fromkeys(names)]


def _size(scope: Scope, declared: Mapping[str, Any]) -> Expression | None:
    """A number of instances; none for a resource that says nothing of it."""
    given = declared.get("Count")
    if given is None:
        return None
    if isinstance(given, dict):
        wanted = shown(written("tonumber(%s)", scope.value(given)))
        pattern = f"[for n in [%s] : n > {MOST} ? 1 : max(n, 0)][0]"
        return written(pattern, wanted)
    digits = str(given)
    if isinstance(given, bool) or not (digits.isascii() and digits.isdecimal()):
        raise TranslationError(COUNT_MEANT)
    if len(digits) > len(str(MOST)) or int(digits) > MOST:
        raise TranslationError(COUNT_MEANT)
    return Expression(str(int(digits)), "number")


def _bound(scope: Scope, given: Any) -> Block:
    """The judgement of a number of instances that only the run knows."""
    around, scope.indexed = scope.indexed, False
    wanted = shown(written("tonumber(%s)", scope.value(given)))
    scope.indexed = around
    return {"condition": f"{wanted.text} <= {MOST}", "error_message": OVER}


def _input(resource: Resource, declared: Mapping[str, Any]) -> str:
    """What Terraform keeps of a resource: its properties, and how it is to be shown."""
    members = ", ".join(
        f"{quoted(key)} = {value.text}" for key, value in resource.properties.items()
    )
    whole = resource.whole.text if resource.whole else f"{{{members}}}"
    facts = [f"Properties = {whole}"]
    if declared.get("DeletionPolicy") == RETAIN:
        facts.append(f"DeletionPolicy = {quoted(RETAIN)}")
    if resource.counted:
        facts.append("Counted = true")
    return f"{{{', '.join(facts)}}}"


def _identity(resource: Resource) -> str:
    """What a resource cannot change while it stays the same one: its type, some properties."""
    fixed = {"Type": string(resource.type)}
    for name in facts_of(resource.type).get("replace", ()):
        if name in resource.properties:
            fixed[name] = resource.properties[name]
    members = (f"{quoted(name)} = {value.text}" for name, value in fixed.items())
    return f"{{{', '.join(members)}}}"


def _waits(resource: Resource) -> list[Block]:
    """What makes a sleep wait: a program that is given a number and nothing else."""
    found: list[Block] = []
    for name, moment in (
        ("CreateDuration", {}),
        ("DeleteDuration", {"when": "destroy"}),
    ):
        if name in resource.properties or resource.whole:
            seconds = f"floor(tonumber(self.input.Properties[{quoted(name)}]))"
            bounded = f"try(min(max({seconds}, 0), {LONGEST_SLEEP}), 0)"
            found.append(
                {
                    **moment,
                    "interpreter": '["sleep"]',
                    "command": f"tostring({bounded})",
                    "quiet": "true",
                }
            )
    return found
