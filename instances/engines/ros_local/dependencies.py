"""Dependencies between the parts of a template: order, circles, and forbidden ones."""

import re
from collections.abc import Iterable, Iterator, Mapping

from instances.engines.ros_local.error_collector import ErrorCollector
from instances.engines.ros_local.scope import Node

Uses = Mapping[Node, Iterable[Node]]

# The sections of the parts that others can refer to.
SECTIONS = {"resource": "Resources", "condition": "Conditions", "local": "Locals"}
NOUNS = {"resource": "resource", "condition": "condition", "local": "local value"}
# The parts that Terraform has to know before it makes any resource.
EARLY = {
    "condition": ("Conditions", "A condition"),
    "count": ("Resources", "A count"),
    "rule": ("Rules", "A rule"),
}

# A placeholder of Fn::Sub.
PLACEHOLDER = re.compile(r"\$\{([^{}]+)\}")


def in_order(parts: Mapping[Node, object]) -> list[Node]:
    """Return the parts of a template, each after those that it seems to refer to.

    A text that only looks like a name does no harm: it changes the order and nothing else.
    """
    by_name: dict[str, list[Node]] = {}
    for node in parts:
        by_name.setdefault(node[1], []).append(node)
    ordered: dict[Node, None] = {}
    begun: set[Node] = set()
    for start in parts:
        steps = [] if start in begun else [(start, _referenced(parts[start], by_name))]
        begun.add(start)
        while steps:
            node, others = steps[-1]
            following = next(others, None)
            if following is None:
                ordered[node] = None
                steps.pop()
            elif following not in begun:
                begun.add(following)
                steps.append((following, _referenced(parts[following], by_name)))
    return [*ordered]


def _referenced(value: object, by_name: Mapping[str, list[Node]]) -> Iterator[Node]:
    """Yield the parts whose names are anywhere in a value."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
        elif isinstance(found, str):
            yield from by_name.get(found, ())
            for name in PLACEHOLDER.findall(found) if "${" in found else ():
                yield from by_name.get(name, by_name.get(name.partition(".")[0], ()))


def circle(uses: Uses) -> list[Node]:
    """Return the parts of a circular dependency in its order; empty when there is none."""
    done: set[Node] = set()
    for start in uses:
        path: dict[Node, None] = {}
        steps = [(start, iter(uses.get(start, ())))] if start not in done else []
        if steps:
            path[start] = None
        while steps:
            node, others = steps[-1]
            following = next((each for each in others if each not in done), None)
            if following is None:
                done.add(node)
                path.pop(node, None)
                steps.pop()
            elif following in path:
                parts = [*path]
                return parts[parts.index(following) :]
            else:
                path[following] = None
                steps.append((following, iter(uses.get(following, ()))))
    return []


def on_resources(uses: Uses) -> dict[Node, str]:
    """Return the parts that depend on a resource, also indirectly, with its name."""
    users: dict[Node, list[Node]] = {}
    found: dict[Node, str] = {}
    for node, used in uses.items():
        for kind, name in used:
            users.setdefault((kind, name), []).append(node)
            if kind == "resource":
                found.setdefault(node, name)
    waiting = [*found]
    while waiting:
        node = waiting.pop()
        for user in users.get(node, ()):
            if user not in found:
                found[user] = found[node]
                waiting.append(user)
    return found


def check_dependencies(uses: Uses, errors: ErrorCollector) -> None:
    """Add a problem for a circle, and for each early part that depends on a resource."""
    if parts := [node for node in circle(uses) if node[0] in SECTIONS]:
        _add_circle(parts, errors)
    for (kind, name), resource in on_resources(uses).items():
        if kind in EARLY:
            section, noun = EARLY[kind]
            message = f"{noun} may not depend on the resource {resource}."
            errors.add(section, name, message)


def _add_circle(parts: list[Node], errors: ErrorCollector) -> None:
    """Add a problem for a circle, beginning with its first part in the template."""
    positions = [
        errors.positions.get((SECTIONS[kind], name), 0) for kind, name in parts
    ]
    at = positions.index(min(positions))
    parts = [*parts[at:], *parts[:at], parts[at]]
    path = " → ".join(f"{NOUNS[kind]} {name}" for kind, name in parts)
    kind, name = parts[0]
    errors.add(SECTIONS[kind], name, f"Circular dependency: {path}.")
