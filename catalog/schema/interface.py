"""Declarations about the whole form: groups, hidden parameters, rules and outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from catalog.schema.declaration import flag, texts
from catalog.schema.parameter import Group, Output, Parameter, Rule, Texts

INTERFACE = "ALIYUN::ROS::Interface"


def arrange(
    parameters: Sequence[Parameter], interface: Mapping[str, object] | None
) -> tuple[list[Parameter], list[Group]]:
    """Return the parameters in the order of their groups, and the groups.

    Parameters without a group are last. Names that do not exist are ignored.
    """
    interface = interface if isinstance(interface, Mapping) else {}
    waiting = {parameter.key: parameter for parameter in parameters}
    ordered: list[Parameter] = []
    groups: list[Group] = []
    for number, (label, keys) in enumerate(_declared_groups(interface), start=1):
        members = [waiting.pop(key) for key in keys if key in waiting]
        if members:
            group = Group(f"group-{number}", label)
            groups.append(group)
            ordered += [replace(member, group=group.key) for member in members]
    ordered += waiting.values()
    hidden = interface.get("Hidden")
    off_form = {str(key) for key in hidden} if isinstance(hidden, list) else set()
    return [_hidden(parameter, off_form) for parameter in ordered], groups


def _declared_groups(interface: Mapping[str, object]) -> list[tuple[Texts, list[str]]]:
    found = []
    declared = interface.get("ParameterGroups")
    for group in declared if isinstance(declared, list) else []:
        if not isinstance(group, Mapping):
            continue
        label = group.get("Label")
        if isinstance(label, Mapping) and "default" in label:
            label = label["default"]
        keys = group.get("Parameters")
        names = [str(key) for key in keys] if isinstance(keys, list) else []
        found.append((texts(label), list(dict.fromkeys(names))))
    return found


def _hidden(parameter: Parameter, off_form: set[str]) -> Parameter:
    """Hide a parameter, unless it is required and has no other source of a value."""
    hidden = parameter.key in off_form and not parameter.required
    return replace(parameter, hidden=hidden) if hidden else parameter


def rules_of(declared: object) -> list[Rule]:
    """Return the rules of a document, without malformed assertions."""
    found = []
    for name, rule in declared.items() if isinstance(declared, Mapping) else []:
        assertions = rule.get("Assertions") if isinstance(rule, Mapping) else None
        found.append(
            Rule(
                str(name),
                rule.get("RuleCondition") if isinstance(rule, Mapping) else None,
                [
                    {
                        "assert": item["Assert"],
                        "description": texts(item.get("AssertDescription")),
                    }
                    for item in (assertions if isinstance(assertions, list) else [])
                    if isinstance(item, Mapping) and "Assert" in item
                ],
            )
        )
    return found


def output_of(name: str, declared: object) -> Output:
    """Return the output of a declaration."""
    declared = declared if isinstance(declared, Mapping) else {}
    return {
        "name": name,
        "label": texts(declared.get("Label")),
        "description": texts(declared.get("Description")),
        "sensitive": flag(declared.get("NoEcho")),
    }
