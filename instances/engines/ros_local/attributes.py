"""IDs and other attributes of simulated resources, generated from their Terraform IDs.

They stay the same as long as the resource exists.
"""

import hashlib
import re
from collections.abc import Callable

from instances.engines.ros_local.expressions import (
    Expression,
    TranslationError,
    quoted,
)
from instances.engines.ros_local.identifiers import identifier
from instances.engines.ros_local.random_string import property_of, random_string
from instances.engines.ros_local.resource_types import (
    HANDLE,
    RANDOM,
    WAIT,
    facts_of,
    prefix_of,
)
from instances.engines.ros_local.scope import Resource

HASH_LENGTH = 17
SECRET = re.compile(r"(?i)secret|password|private_?key|token|kube_?config|credential")
# Patterns of attribute names and how such an attribute is generated, in the order in which
# they are tried; `%s` is a hexadecimal number that differs for each resource and attribute.
SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"(?i)(public|eip|elastic).*ip|eipaddress(es)?$"),
        'cidrhost("203.0.113.0/24", parseint(substr(%s, 0, 2), 16))',
    ),
    (
        re.compile(r"(?i)ip(v4)?(s|addr(ess)?(es)?)?$"),
        'cidrhost("10.0.0.0/8", parseint(substr(%s, 0, 5), 16))',
    ),
    (re.compile(r"Port$"), '"8080"'),
    (re.compile(r"InstanceIds?$"), 'format("i-bp1%%s", substr(%s, 0, 17))'),
    (re.compile(r"DiskIds?$"), 'format("d-bp1%%s", substr(%s, 0, 17))'),
    (
        re.compile(
            r"(?i)(domain(name)?|host(name)?|endpoint|cname|url|uri|(string|dns_?name))s?$"
        ),
        'format("%%s.simulated.invalid", substr(%s, 0, 12))',
    ),
)
LISTED = re.compile(
    r"(Ids|IDs|Ips|IPs|Addresses|Instances|List|Names|Disks|Roles|Rules|Arns|Zones"
    r"|Servers|Endpoints|Ports|Resources|Items)$"
)
MAX_AMOUNT = 100
# The attributes of the types for waiting.
COMMAND = 'curl -i -X POST https://simulated.invalid/waitcondition -H "%s"'
WAITING: dict[tuple[str, str], str] = {
    (HANDLE, "CurlCli"): quoted(COMMAND % "Content-Type: application/json"),
    (HANDLE, "WindowsCurlCli"): quoted(COMMAND % "Content-Type: application/json"),
    (HANDLE, "PowerShellCurlCli"): quoted(
        "Invoke-WebRequest -Method POST -Uri https://simulated.invalid/waitcondition"
    ),
    (HANDLE, "Headers"): "{}",
    (HANDLE, "URL"): quoted("https://simulated.invalid/waitcondition"),
    (WAIT, "Data"): quoted("{}"),
    (WAIT, "LastData"): quoted("{}"),
    (WAIT, "JoinedErrorData"): quoted(""),
    (WAIT, "ErrorData"): quoted("{}"),
}

Generator = Callable[[Resource, str], Expression]


def address(name: str) -> str:
    """Return the address of a resource in Terraform."""
    return f"terraform_data.{identifier(name)}"


def of_each(resource: Resource, generate: Generator) -> Expression:
    """Generate a value of a resource: a list with a Count, null while a condition is false."""
    name = address(resource.name)
    if not (resource.counted or resource.conditional):
        return generate(resource, name)
    one = generate(resource, "r")
    every = f"[for r in {name} : {one.text}]"
    if resource.counted:
        return Expression(every, "list", one.secret)
    return Expression(f"one({every})", "", one.secret)


def attribute(resource: Resource, name: str) -> Expression:
    """Return an attribute of a resource."""
    if resource.stack is not None and name.split(".")[0] == "Outputs":
        return _output(resource, name.partition(".")[2])
    return of_each(resource, lambda one, place: _attribute(one, place, name))


def identity(resource: Resource, place: str) -> Expression:
    """Return the ID of a resource, which for some types is one of the properties."""
    if resource.type == RANDOM:
        return random_string(resource, place)
    prefix = quoted(f"{prefix_of(resource.type).replace('%', '%%')}%s")
    made = f"format({prefix}, substr(sha1({place}.id), 0, {HASH_LENGTH}))"
    name = facts_of(resource.type).get("name")
    given = resource.properties.get(name) if name else None
    if name is None or given is None or given.secret:
        return Expression(made, "string")
    text = f"try(tostring({property_of(place, name)}), null)"
    return Expression(f"coalesce({text}, {made})", "string")


def physical_id(kind: str, terraform_id: str, properties: object) -> str:
    """Return the ID that `identity` generates, from the Terraform ID and visible properties."""
    name = facts_of(kind).get("name")
    given = properties.get(name) if name and isinstance(properties, dict) else None
    if isinstance(given, str) and given:
        return given
    digest = hashlib.sha1(terraform_id.encode(), usedforsecurity=False).hexdigest()
    return prefix_of(kind) + digest[:HASH_LENGTH]


def _attribute(resource: Resource, place: str, name: str) -> Expression:
    """Return an attribute of one instance: a property, the ID, or a generated value."""
    if name in resource.properties:
        given = resource.properties[name]
        return Expression(property_of(place, name), given.kind, given.secret)
    if resource.whole is not None:
        made = _generated(resource, place, name).text
        text = f"try({property_of(place, name)}, {made})"
        return Expression(text, "", resource.whole.secret or bool(SECRET.search(name)))
    if (resource.type, name) in WAITING:
        return Expression(WAITING[resource.type, name])
    if resource.type == RANDOM and name == "value":
        return random_string(resource, place)
    if _is_identity(resource, name):
        return identity(resource, place)
    return _generated(resource, place, name)


def _is_identity(resource: Resource, name: str) -> bool:
    """Return whether an attribute is the ID itself, such as VpcId of a VPC."""
    last = resource.type.rpartition("::")[2]
    names = ("id", f"{last}id".lower(), *facts_of(resource.type).get("ids", ()))
    return name.lower() in names or name in names


def _generated(resource: Resource, place: str, name: str) -> Expression:
    """Return an attribute without a given value, generated from its name."""
    amount = facts_of(resource.type).get("amount")
    if not LISTED.search(name):
        seed = f'sha1(join("", [{place}.id, {quoted(name)}]))'
        return Expression(_shaped(name, seed), "string", bool(SECRET.search(name)))
    seed = f'sha1(join("", [{place}.id, {quoted(name)}, tostring(n)]))'
    size = "1"
    if amount is not None and amount in resource.properties:
        wanted = f"nonsensitive(sensitive({property_of(place, amount)}))"
        size = f"try(min(max(tonumber({wanted}), 0), {MAX_AMOUNT}), 1)"
    made = f"[for n in range({size}) : {_shaped(name, seed)}]"
    return Expression(made, "list", bool(SECRET.search(name)))


def _shaped(name: str, seed: str) -> str:
    """Return a value that looks like an attribute of this name."""
    if SECRET.search(name):
        return f"sensitive(substr({seed}, 0, 30))"
    for pattern, shape in SHAPES:
        if pattern.search(name):
            return shape % seed if "%s" in shape else shape
    letters = re.sub(r"[^a-z0-9]", "", name.lower())[:14] or "x"
    return f'format("{letters}-%s", substr({seed}, 0, 12))'


def _output(resource: Resource, key: str) -> Expression:
    """Return an output of a nested stack, or an object of all outputs."""
    outputs = resource.stack or {}
    if key and key not in outputs:
        raise TranslationError(
            f"Fn::GetAtt names the output {key[:80]}, which {resource.name} does not have."
        )
    if key:
        made, secret = f"m.{identifier(key)}", outputs[key]
    else:
        members = (f"{quoted(each)} = m.{identifier(each)}" for each in outputs)
        made, secret = f"{{{', '.join(members)}}}", any(outputs.values())
    module = f"module.{identifier(resource.name)}"
    if resource.counted:
        return Expression(f"[for m in {module} : {made}]", "list", secret)
    if resource.conditional:
        return Expression(f"one([for m in {module} : {made}])", "", secret)
    if key:
        return Expression(f"{module}.{identifier(key)}", "", secret)
    return Expression(f"[for m in [{module}] : {made}][0]", "object", secret)
