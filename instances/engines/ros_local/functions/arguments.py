"""Reads the arguments of functions. Each reader raises TranslationError for wrong ones."""

from instances.engines.ros_local.expressions import Expression, TranslationError
from instances.engines.ros_local.scope import Scope


def listed(
    name: str, given: object, least: int, most: int | None = None
) -> list[object]:
    """Return the arguments of a function that takes a list of `least` to `most` values."""
    most = least if most is None else most
    if not isinstance(given, list) or not least <= len(given) <= most:
        count = str(least) if least == most else f"{least} to {most}"
        raise TranslationError(f"{name} takes a list of {count} values.")
    return given


def many(name: str, given: object) -> list[object]:
    """Return the arguments of a function that takes a list of any length but 0."""
    if not isinstance(given, list) or not given:
        raise TranslationError(f"{name} takes a list of values.")
    return given


def whole_number(name: str, given: object, what: str, most: int) -> int:
    """Return a number that the template gives literally, such as decimal places.

    `what` names it in the error, `most` is the largest that is allowed.
    """
    try:
        number = int(str(given))
    except ValueError:
        number = -1
    if isinstance(given, bool) or not 0 <= number <= most:
        raise TranslationError(f"{name} takes a number of {what} from 0 to {most}.")
    return number


def values(scope: Scope, given: list[object]) -> list[Expression]:
    return [scope.value(item) for item in given]


def one_list(scope: Scope, given: object) -> Expression:
    """Return the argument of a function that takes a list, or an expression of one."""
    return scope.items(given) if isinstance(given, list) else scope.value(given)
