"""Translates a resource of a template to a block of Terraform that simulates it."""

from collections.abc import Mapping

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
from instances.engines.ros_local.hcl_writer import Block, Content
from instances.engines.ros_local.resource_types import SLEEP, facts_of
from instances.engines.ros_local.scope import Resource, Scope

MAX_COUNT = 300
MAX_SLEEP_SECONDS = 86400
RETAIN = "Retain"
NO_TYPE = "A resource must have a Type."
BAD_COUNT = f"Count must be a number from 0 to {MAX_COUNT}."
OVER = quoted(f"Count is over {MAX_COUNT}.")


def outline(name: str, declared: Mapping[str, object]) -> Resource:
    """Return a resource without its properties, which are translated later."""
    kind = declared.get("Type")
    if not isinstance(kind, str) or not kind:
        raise TranslationError(NO_TYPE)
    counted = declared.get("Count") is not None
    conditional = declared.get("Condition") is not None and not counted
    return Resource(name, kind, counted=counted, conditional=conditional)


def read_properties(scope: Scope, resource: Resource, given: object) -> None:
    """Translate the properties of a resource: each by its name, or a function as a whole."""
    if not given:
        return
    if not isinstance(given, dict):
        raise TranslationError("The Properties of a resource must have names.")
    if len(given) == 1 and next(iter(given)) in scope.functions:
        resource.whole = scope.value(given)
    else:
        resource.properties |= scope.members(given)


def block(
    scope: Scope, resource: Resource, declared: Mapping[str, object], module: str = ""
) -> Block:
    """Return the block of a resource whose properties have been translated.

    `module` is the module of a nested stack, which is made before the stack.
    """
    made: dict[str, Content] = {**repetition(scope, resource.name, declared, module)}
    if isinstance(declared.get("Count"), dict):
        made["lifecycle"] = {"precondition": _precondition(scope, declared["Count"])}
    made["input"] = _input(resource, declared)
    made["triggers_replace"] = _triggers_replace(resource)
    if resource.type == SLEEP and (sleeps := _sleeps(resource)):
        made['provisioner "local-exec"'] = sleeps
    return made


def repetition(
    scope: Scope, name: str, declared: Mapping[str, object], module: str = ""
) -> dict[str, str]:
    """Return the count of a resource or stack, and the resources that it depends on.

    Terraform has to know the count before it makes anything, so the count is a part of its
    own, which must not depend on a resource.
    """
    made: dict[str, str] = {}
    with scope.part(("count", name)):
        count = _count(scope, declared)
        if declared.get("Condition") is not None:
            when = shown(condition(scope, declared["Condition"]))
            count = written("(%s ? %s : 0)", when, count or Expression("1"))
    if count is not None:
        made["count"] = count.text
        scope.use("count", name)
    needed = [module] if module else []
    needed += dependencies(scope, declared.get("DependsOn"))
    if needed:
        made["depends_on"] = f"[{', '.join(needed)}]"
    return made


def dependencies(scope: Scope, given: object) -> list[str]:
    """Return the addresses of the resources in DependsOn."""
    names = [given] if isinstance(given, str) else given or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TranslationError("DependsOn must contain names of resources.")
    for name in names:
        if not scope.has("Resources", name):
            raise TranslationError(
                f"DependsOn names {name[:80]}, which is not a resource of the template."
            )
        scope.use("resource", name)
    return [address(name) for name in dict.fromkeys(names)]


def _count(scope: Scope, declared: Mapping[str, object]) -> Expression | None:
    """Return the number of instances, None for a resource without a Count."""
    given = declared.get("Count")
    if given is None:
        return None
    if isinstance(given, dict):
        wanted = shown(written("tonumber(%s)", scope.value(given)))
        # A number over the limit fails at the precondition, which has a message.
        pattern = f"[for n in [%s] : n > {MAX_COUNT} ? 1 : max(n, 0)][0]"
        return written(pattern, wanted)
    digits = str(given)
    if isinstance(given, bool) or not (digits.isascii() and digits.isdecimal()):
        raise TranslationError(BAD_COUNT)
    if len(digits) > len(str(MAX_COUNT)) or int(digits) > MAX_COUNT:
        raise TranslationError(BAD_COUNT)
    return Expression(str(int(digits)), "number")


def _precondition(scope: Scope, given: object) -> Block:
    """Return the check of a Count that is only known to the run."""
    indexed, scope.indexed = scope.indexed, False
    wanted = shown(written("tonumber(%s)", scope.value(given)))
    scope.indexed = indexed
    return {"condition": f"{wanted.text} <= {MAX_COUNT}", "error_message": OVER}


def _input(resource: Resource, declared: Mapping[str, object]) -> str:
    """Return the value that Terraform keeps of a resource: properties and how to show it."""
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


def _triggers_replace(resource: Resource) -> str:
    """Return the facts whose change replaces a resource: its type and some properties."""
    fixed = {"Type": string(resource.type)}
    for name in facts_of(resource.type).get("replace", ()):
        if name in resource.properties:
            fixed[name] = resource.properties[name]
    members = (f"{quoted(name)} = {value.text}" for name, value in fixed.items())
    return f"{{{', '.join(members)}}}"


def _sleeps(resource: Resource) -> list[Block]:
    """Return the provisioners of a sleep: a program that is given a number, nothing else."""
    found: list[Block] = []
    moments: dict[str, dict[str, str]] = {
        "CreateDuration": {},
        "DeleteDuration": {"when": "destroy"},
    }
    for name, moment in moments.items():
        if name in resource.properties or resource.whole:
            seconds = f"floor(tonumber(self.input.Properties[{quoted(name)}]))"
            bounded = f"try(min(max({seconds}, 0), {MAX_SLEEP_SECONDS}), 0)"
            found.append(
                {
                    **moment,
                    "interpreter": '["sleep"]',
                    "command": f"tostring({bounded})",
                    "quiet": "true",
                }
            )
    return found
