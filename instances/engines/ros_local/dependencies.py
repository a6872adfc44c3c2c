"""What depends on what in a document: an order to translate it in, and circles."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from instances.engines.ros_local.error_collector import ErrorCollector
from instances.engines.ros_local.scope import Node

Uses = Mapping[Node, Iterable[Node]]

# Where the parts stand that others can name.
SECTIONS = {"resource": "Resources", "condition": "Conditions", "local": "Locals"}
WORDS = {"resource": "resource", "condition": "condition", "local": "local value"}
# What Terraform has to know before any resource is made.
EARLY = {
    "condition": ("Conditions", "A condition"),
    "count": ("Resources", "A count"),
    "rule": ("Rules", "A rule"),
}

# What a placeholder of Fn::Sub names, up to the attribute.
NAMED = re.compile(r"\$\{([^{}]+)\}")


def in_order(parts: Mapping[Node, Any]) -> list[Node]:
    """The parts of a document, each after those it seems to name.

    A word that looks like a name and is none does no harm: only the order depends on it.
    """
    by_name: dict[str, list[Node]] = {}
    for node in parts:
        by_name.setdefault(node[1], []).append(node)
    ordered: dict[Node, None] = {}
    begun: set[Node] = set()
    for start in parts:
        steps = [] if start in begun else [(start, _named(parts[start], by_name))]
        begun.add(start)
        while steps:
            node, others = steps[-1]
            following = next(others, None)
            if following is None:
                ordered[node] = None
                steps.pop()
            elif following not in begun:
                begun.add(following)
                steps.append((following, _named(parts[following], by_name)))
    return [*ordered]


def _named(value: Any, by_name: Mapping[str, list[Node]]) -> Iterator[Node]:
    """The parts whose names stand anywhere in a value."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
        elif isinstance(found, str):
            yield from by_name.get(found, ())
            for name in NAMED.findall(found) if "${" in found else ():
                yield from by_name.get(name, by_name.get(name.partition(".")[0], ()))


def circle(uses: Uses) -> list[Node]:
    """The parts of the document on a way back to the first of them; empty without one."""
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
                way = [*path]
                return way[way.index(following) :]
            else:
                path[following] = None
                steps.append((following, iter(uses.get(following, ()))))
    return []


def on_resources(uses: Uses) -> dict[Node, str]:
    """The parts of the document that depend on a resource, however far, and on which."""
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


def tell_dependencies(uses: Uses, errors: ErrorCollector) -> None:
    """Tell of circles, and of what depends on a resource before there is one."""
    if way := [node for node in circle(uses) if node[0] in SECTIONS]:
        _tell_circle(way, errors)
    for (kind, name), resource in on_resources(uses).items():
        if kind in EARLY:
            section, what = EARLY[kind]
            message = f"{what} may not depend on the resource {resource}."
            errors.add(section, name, message)


def _tell_circle(way: list[Node], errors: ErrorCollector) -> None:
    """Tell of a circle, from the part of it that stands first in the document."""
    places = [errors.order.get((SECTIONS[kind], name), 0) for kind, name in way]
    at = places.index(min(places))
    way = [*way[at:], *way[:at], way[at]]
    path = " → ".join(f"{WORDS[kind]} {name}" for kind, name in way)
    kind, name = way[0]
    errors.add(SECTIONS[kind], name, f"Circular dependency: {path}.")
