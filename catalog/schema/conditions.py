"""Evaluation of Visible conditions and Rules on the values of parameters.

Functions: Fn::Equals, Fn::Not, Fn::And, Fn::Or, Fn::Contains, Fn::If, Fn::Length,
Fn::Select, Ref and `${Name}` in text. An expression that cannot be evaluated raises
UndecidableError; then a parameter stays visible and the engine checks the rule.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from catalog.schema.conversion import as_text
from catalog.schema.parameter import Parameter, Rule, Texts

UNDEFINED = "undefined"
_REFERENCE = re.compile(r"\$\{(!?)([^${}]{1,255})\}")
_ROUNDS = 10


class UndecidableError(Exception):
    """The expression depends on something that only the engine knows."""


class Unchanged:
    """Placeholder of a secret that is kept and not available: conditions cannot use it."""


UNCHANGED = Unchanged()


def visible(parameters: Sequence[Parameter], values: Mapping[str, object]) -> set[str]:
    """Return the keys whose Visible condition holds for these values (raw or typed).

    A hidden parameter counts with its default, so the conditions are evaluated until
    the result no longer changes.
    """
    shown = {parameter.key for parameter in parameters}
    if all(parameter.visible is None for parameter in parameters):
        return shown
    for _round in range(_ROUNDS):
        known = {p.key: _current(p, values, shown) for p in parameters}
        now = {p.key for p in parameters if is_visible(p, known)}
        if now == shown:
            break
        shown = now
    return shown


def _current(
    parameter: Parameter, values: Mapping[str, object], shown: Iterable[str]
) -> object:
    given = values.get(parameter.key) if parameter.key in shown else None
    return parameter.default if given is None or given == "" else given


def is_visible(parameter: Parameter, values: Mapping[str, object]) -> bool:
    """Return True if the condition of a parameter holds; unset values are "undefined"."""
    condition = parameter.visible
    if isinstance(condition, Mapping) and "Condition" in condition:
        condition = condition["Condition"]
    if not isinstance(condition, Mapping | bool):
        return True
    try:
        return holds(condition, values)
    except UndecidableError:
        return True


def governing(parameters: Sequence[Parameter]) -> set[str]:
    """Return the keys that Visible conditions of other parameters refer to."""
    keys = {parameter.key for parameter in parameters}
    named: set[str] = set()
    waiting = [p.visible for p in parameters if p.visible is not None]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            named.add(each)
            named |= {match[2].strip() for match in _REFERENCE.finditer(each)}
    return named & keys


def failed_assertions(rule: Rule, values: Mapping[str, object]) -> list[Texts]:
    """Return the messages of the assertions of a rule that do not hold."""
    try:
        if rule.condition is not None and not holds(rule.condition, values):
            return []
    except UndecidableError:
        return []
    failed = []
    for assertion in rule.assertions:
        try:
            if not holds(assertion["assert"], values):
                failed.append(assertion["description"])
        except UndecidableError:
            continue
    return failed


def holds(expression: object, values: Mapping[str, object]) -> bool:
    """Return True if a condition holds. Raises UndecidableError."""
    value = evaluate(expression, values)
    if isinstance(value, bool):
        return value
    if as_text(value).lower() in {"true", "false"}:
        return as_text(value).lower() == "true"
    raise UndecidableError


def evaluate(expression: object, values: Mapping[str, object]) -> object:
    """Return the value of an expression. Raises UndecidableError.

    The readers of templates limit the depth of expressions.
    """
    if isinstance(expression, str):
        return _text(expression, values)
    if isinstance(expression, list):
        return [evaluate(item, values) for item in expression]
    if not isinstance(expression, Mapping):
        return expression
    if len(expression) != 1:
        raise UndecidableError
    [(name, argument)] = expression.items()
    function = _FUNCTIONS.get(name)
    if function is None:
        raise UndecidableError
    return function(argument, values)


def _text(text: str, values: Mapping[str, object]) -> object:
    whole = _REFERENCE.fullmatch(text)
    if whole and not whole[1]:
        return _value_of(whole[2], values)
    return _REFERENCE.sub(
        lambda match: (
            "${" + match[2] + "}" if match[1] else as_text(_value_of(match[2], values))
        ),
        text,
    )


def _value_of(name: str, values: Mapping[str, object]) -> object:
    value = values.get(name.strip())
    if isinstance(value, Unchanged):
        raise UndecidableError
    return UNDEFINED if value is None else value


def _reference(argument: object, values: Mapping[str, object]) -> object:
    if not isinstance(argument, str) or argument not in values:
        raise UndecidableError
    value = values[argument]
    if isinstance(value, Unchanged):
        raise UndecidableError
    return "" if value is None else value


def _arguments(argument: object, count: int) -> list[object]:
    if not isinstance(argument, list) or len(argument) != count:
        raise UndecidableError
    return argument


def _equals(argument: object, values: Mapping[str, object]) -> bool:
    left, right = _arguments(argument, 2)
    # An official template names the parameter without a reference.
    if isinstance(left, str) and left in values:
        value = _value_of(left, values)
    else:
        value = evaluate(left, values)
    return as_text(value) == as_text(evaluate(right, values))


def _not(argument: object, values: Mapping[str, object]) -> bool:
    inner = argument[0] if isinstance(argument, list) and argument else argument
    return not holds(inner, values)


def _each(argument: object, values: Mapping[str, object]) -> Iterable[bool]:
    items = argument if isinstance(argument, list) else [argument]
    return (holds(item, values) for item in items)


def _and(argument: object, values: Mapping[str, object]) -> bool:
    return all(_each(argument, values))


def _or(argument: object, values: Mapping[str, object]) -> bool:
    return any(_each(argument, values))


def _contains(argument: object, values: Mapping[str, object]) -> bool:
    collection, item = (evaluate(part, values) for part in _arguments(argument, 2))
    if isinstance(collection, list):
        return as_text(item) in map(as_text, collection)
    return as_text(item) in as_text(collection)


def _if(argument: object, values: Mapping[str, object]) -> object:
    condition, yes, no = _arguments(argument, 3)
    return evaluate(yes if holds(condition, values) else no, values)


def _length(argument: object, values: Mapping[str, object]) -> int:
    value = evaluate(argument, values)
    if not isinstance(value, str | list | dict):
        raise UndecidableError
    return len(value)


def _select(argument: object, values: Mapping[str, object]) -> object:
    index, items = (evaluate(part, values) for part in _arguments(argument, 2))
    if not isinstance(items, list | str) or not isinstance(index, int | float | str):
        raise UndecidableError
    try:
        return items[int(index)]
    except (TypeError, ValueError, LookupError):
        raise UndecidableError from None


_FUNCTIONS: dict[str, Callable[[object, Mapping[str, object]], object]] = {
    "Ref": _reference,
    "Fn::Equals": _equals,
    "Fn::Not": _not,
    "Fn::And": _and,
    "Fn::Or": _or,
    "Fn::Contains": _contains,
    "Fn::If": _if,
    "Fn::Length": _length,
    "Fn::Select": _select,
}
