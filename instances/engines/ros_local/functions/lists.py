"""Functions of ROS for lists, objects and mappings."""

import re

from instances.engines.ros_local.expressions import (
    NULL,
    Expression,
    TranslationError,
    as_text,
    call,
    sequence,
    string,
    written,
)
from instances.engines.ros_local.functions.arguments import (
    listed,
    many,
    one_list,
    values,
)
from instances.engines.ros_local.scope import Function, Scope

INDEX = re.compile(r"-?\d{1,9}")
SLICE = re.compile(r"(-?\d{1,9})?:(-?\d{1,9})?")
ZONES = ("a", "b", "c")


def select(scope: Scope, given: object) -> Expression:
    """Return an item by its index, from the end when negative, by its key, or a slice."""
    index, items, *rest = listed("Fn::Select", given, 2, 3)
    found = one_list(scope, items)
    otherwise = scope.value(rest[0]) if rest else string("")
    if isinstance(index, str) and ":" in index:
        return _slice(index, found)
    if isinstance(index, str) and INDEX.fullmatch(index):
        index = int(index)
    if isinstance(index, int) and not isinstance(index, bool) and index < 0:
        pattern = f"[for v in [%s] : try(v[length(v) - {-index}], %s)][0]"
        return written(pattern, found, otherwise)
    if isinstance(index, str | int):
        return written("try(%s[%s], %s)", found, scope.value(index), otherwise)
    pattern = "[for k in [%s] : [for v in [%s] : try(v[tonumber(k)], v[k], %s)][0]][0]"
    return written(pattern, scope.value(index), found, otherwise)


def find_in_map(scope: Scope, given: object) -> Expression:
    """Return a value of a mapping by two keys, or a default."""
    name, *keys = listed("Fn::FindInMap", given, 3, 4)
    if isinstance(name, str) and not scope.has("Mappings", name):
        raise TranslationError(
            f"Fn::FindInMap names the mapping {name[:80]}, which is not there."
        )
    path = [as_text(scope.value(key)) for key in (name, *keys[:2])]
    found = written("local.mappings[%s][%s][%s]", *path)
    if len(keys) == 2:
        return found
    return call("try", found, scope.value(keys[2]))


def get_azs(scope: Scope, given: object) -> Expression:
    """Return the zones of a region, which are simulated as three."""
    region = scope.value(given or {"Ref": "ALIYUN::Region"})
    names = sequence(string(letter) for letter in ZONES)
    return call("formatlist", string("%s-%s"), as_text(region), names, kind="list")


def index(scope: Scope, given: object) -> Expression:
    """Return the index of a value in a list; null or a default when it is not in it."""
    value, items, *rest = listed("Fn::Index", given, 2, 3)
    otherwise = scope.value(rest[0]) if rest else NULL
    found = one_list(scope, items)
    return written("try(index(%s, %s), %s)", found, scope.value(value), otherwise)


def length(scope: Scope, given: object) -> Expression:
    """Return the number of items, members or characters."""
    return written("try(length(%s), 0)", one_list(scope, given), kind="number")


def list_merge(scope: Scope, given: object) -> Expression:
    found = many("Fn::ListMerge", given)
    lists = [one_list(scope, item) for item in found]
    pattern = "[for v in %s : v]"
    return call("concat", *(written(pattern, item) for item in lists), kind="list")


def merge_map(scope: Scope, given: object) -> Expression:
    """Merge objects; the last one has precedence."""
    if isinstance(given, list):
        found = values(scope, many("Fn::MergeMap", given))
        return call("merge", *found, kind="object")
    return written("merge(%s...)", scope.value(given), kind="object")


def merge_map_to_list(scope: Scope, given: object) -> Expression:
    """Return a list of objects from objects of lists; a short list repeats its last item."""
    if not isinstance(given, list):
        raise TranslationError("Fn::MergeMapToList takes a list of objects of lists.")
    merged = written("merge(%s...)", one_list(scope, given))
    row = "{for k, v in m : k => v[min(i, length(v) - 1)] if length(v) > 0}"
    size = "max(concat([0], [for v in m : length(v)])...)"
    pattern = f"[for m in [%s] : [for i in range({size}) : {row}]][0]"
    return written(pattern, merged, kind="list")


def select_map_list(scope: Scope, given: object) -> Expression:
    """Return the values of a key in several objects, without those that lack it."""
    key, items = listed("Fn::SelectMapList", given, 2)
    name = as_text(scope.value(key))
    pattern = "[for k in [%s] : [for v in %s : v[k] if can(v[k])]][0]"
    return written(pattern, name, one_list(scope, items), kind="list")


def get_json_value(scope: Scope, given: object) -> Expression:
    """Return the value of a key in JSON text or an object."""
    key, source = listed("Fn::GetJsonValue", given, 2)
    name = as_text(scope.value(key))
    pattern = (
        '[for k in [%s] : [for v in [%s] : try(jsondecode(v)[k], v[k], "")][0]][0]'
    )
    return written(pattern, name, scope.value(source))


def _slice(text: str, items: Expression) -> Expression:
    """Return a part of a list; a negative bound counts from the end."""
    found = SLICE.fullmatch(text.replace(" ", ""))
    if found is None:
        raise TranslationError(
            f"Fn::Select cannot be simulated with the slice {text[:40]}."
        )
    low, high = (_bound(bound) for bound in found.groups())
    kept = " && ".join(
        f"i {sign} {bound}" for sign, bound in ((">=", low), ("<", high)) if bound
    )
    pattern = f"[for s in [%s] : [for i, v in s : v if {kept or 'true'}]][0]"
    return written(pattern, items, kind="list")


def _bound(written_bound: str | None) -> str:
    """Return a bound of a slice as an index of the list `s`; empty for an open end."""
    if not written_bound:
        return ""
    number = int(written_bound)
    return str(number) if number >= 0 else f"length(s) - {-number}"


FUNCTIONS: dict[str, Function] = {
    "Fn::Select": select,
    "Fn::FindInMap": find_in_map,
    "Fn::GetAZs": get_azs,
    "Fn::Index": index,
    "Fn::Length": length,
    "Fn::ListMerge": list_merge,
    "Fn::MergeMap": merge_map,
    "Fn::MergeMapToList": merge_map_to_list,
    "Fn::SelectMapList": select_map_list,
    "Fn::GetJsonValue": get_json_value,
}
