"""What a function is given, taken apart; each of these refuses what does not fit."""

from typing import Any

from instances.engines.ros_local.expressions import Expression, TranslationError
from instances.engines.ros_local.scope import Scope


def listed(name: str, given: Any, least: int, most: int | None = None) -> list[Any]:
    """The arguments of a function that takes a list of so many."""
    most = least if most is None else most
    if not isinstance(given, list) or not least <= len(given) <= most:
        count = str(least) if least == most else f"{least} to {most}"
        raise TranslationError(f"{name} takes a list of {count} values.")
    return given


def many(name: str, given: Any) -> list[Any]:
    """The arguments of a function that takes a list of any length."""
    if not isinstance(given, list) or not given:
        raise TranslationError(f"{name} takes a list of values.")
    return given


def whole_number(name: str, given: Any, what: str, most: int) -> int:
    """A number written in the document itself, such as a number of decimal places."""
    try:
        number = int(str(given))
    except ValueError:
        number = -1
    if isinstance(given, bool) or not 0 <= number <= most:
        raise TranslationError(f"{name} takes a number of {what} from 0 to {most}.")
    return number


def values(scope: Scope, given: list[Any]) -> list[Expression]:
    """An expression for each argument."""
    return [scope.value(item) for item in given]


def one_list(scope: Scope, given: Any) -> Expression:
    """The argument of a function that takes a list, or something that gives one."""
    return scope.items(given) if isinstance(given, list) else scope.value(given)
