"""The operators and functions of jq that need nothing but values, as text of Terraform.

Each is given names, never expressions, so that it may repeat them. `try` gives the first
that does not fail; an index out of range is a failure that stands for "not for this type".
"""

from collections.abc import Callable

# The order of types in jq, by the first letter of a value as JSON; a number is anything else.
RANKS = '{n = 0, f = 1, t = 2, "\\"" = 4, "[" = 5, "{" = 6}'
NAMES = (
    '{n = "null", f = "boolean", t = "boolean", "\\"" = "string", '
    '"[" = "array", "{" = "object"}'
)
NUMBER, STRING = 3, 4
# Long enough for any index, which is found again at the end of a key to sort by.
INDEX_DIGITS = 9


def rank(a: str) -> str:
    """The rank of a value's type."""
    return f"lookup({RANKS}, substr(jsonencode({a}), 0, 1), {NUMBER})"


def truthy(a: str) -> str:
    """Whether a value counts as true: all do but null and false."""
    return f"({a} != null && {a} != false)"


def only(expression: str, kind: int, *names: str) -> str:
    """An expression that fails unless the values are of this kind."""
    same = " && ".join(f"{rank(name)} == {kind}" for name in names)
    return f"[{expression}][{same} ? 0 : 1]"


def plus(a: str, b: str) -> str:
    """A sum of numbers; texts, lists or objects in one; null adds nothing."""
    ways = (
        f"one([for x in [{a}, {b}] : x if x != null])",
        only(f"{a} + {b}", NUMBER, a, b),
        only(f'join("", [{a}, {b}])', STRING, a, b),
        f"concat({a}, {b})",
        f"merge({a}, {b})",
    )
    return f"try({', '.join(ways)}, null)"


def minus(a: str, b: str) -> str:
    """A difference of numbers, or of lists."""
    rest = f"[for x in {a} : x if !contains([for y in {b} : jsonencode(y)], jsonencode(x))]"
    return f"try({only(f'{a} - {b}', NUMBER, a, b)}, {rest}, null)"


def times(a: str, b: str) -> str:
    """A product of numbers."""
    return f"try({only(f'{a} * {b}', NUMBER, a, b)}, null)"


def over(a: str, b: str) -> str:
    """A quotient of numbers, or the parts of a text."""
    parts = only(f"split({b}, {a})", STRING, a, b)
    return f"try({only(f'{a} / {b}', NUMBER, a, b)}, {parts}, null)"


def rest_of(a: str, b: str) -> str:
    """What is left of a division."""
    return f"try({only(f'{a} % {b}', NUMBER, a, b)}, null)"


def equal(a: str, b: str) -> str:
    """Whether two values are the same."""
    return f"(jsonencode({a}) == jsonencode({b}))"


def less(a: str, b: str) -> str:
    """Whether one value comes before another in the order of jq."""
    texts = f"sort([{a}, {b}])[0] == {a} && {a} != {b}"
    numbers, strings = only(f"{a} < {b}", NUMBER, a, b), only(texts, STRING, a, b)
    return f"try({numbers}, {strings}, {rank(a)} < {rank(b)})"


OPERATORS: dict[str, Callable[[str, str], str]] = {
    "+": plus,
    "-": minus,
    "*": times,
    "/": over,
    "%": rest_of,
    "==": equal,
    "!=": lambda a, b: f"!{equal(a, b)}",
    "<": less,
    ">": lambda a, b: less(b, a),
    "<=": lambda a, b: f"!{less(b, a)}",
    ">=": lambda a, b: f"!{less(a, b)}",
    "and": lambda a, b: f"({truthy(a)} && {truthy(b)})",
    "or": lambda a, b: f"({truthy(a)} || {truthy(b)})",
}


def sorted_by(v: str, name: str, key: str) -> str:
    """The items of a list in the order of a key, made of each item by its name.

    Terraform sorts texts only. The key is written as one that sorts as jq would sort the
    value, with the index of its item behind it.
    """
    padded = only('format("%040.9f", k + 1000000000000000000)', NUMBER, "k")
    ways = f"{padded}, {only('k', STRING, 'k')}, jsonencode(k)"
    as_text = f'join("", [tostring({rank("k")}), try({ways})])'
    keys = (
        f"[for i, {name} in {v} : [for k in [{key}] : "
        f'join("\\u0001", [{as_text}, format("%0{INDEX_DIGITS}d", i)])][0]]'
    )
    index = f"tonumber(substr(s, length(s) - {INDEX_DIGITS}, {INDEX_DIGITS}))"
    return f"[for s in sort({keys}) : {v}[{index}]]"


def total(v: str) -> str:
    """All items added up; null for none."""
    ways = (
        f"[sum(x)][alltrue([for y in x : {rank('y')} == {NUMBER}]) ? 0 : 1]",
        f'[join("", x)][alltrue([for y in x : {rank("y")} == {STRING}]) ? 0 : 1]',
        "concat(x...)",
        "merge(x...)",
    )
    chosen = f"[for x in [[for y in {v} : y if y != null]] : [try({', '.join(ways)})]"
    return f"try({chosen}[length(x) == 0 ? 1 : 0]][0], null)"


def holds(v: str, b: str) -> str:
    """Whether a text has another in it, or a list all items of another."""
    texts = only(f"length(split({b}, {v})) > 1", STRING, v, b)
    items = f"[for y in {v} : jsonencode(y)]"
    return f"try({texts}, alltrue([for x in {b} : contains({items}, jsonencode(x))]), null)"


def has(v: str, k: str) -> str:
    """Whether an object has a member of this name, or a list an item of this number."""
    return f"try(contains(keys({v}), {k}), {k} >= 0 && {k} < length({v}), null)"


def from_entries(v: str) -> str:
    """An object made of names and values."""
    name = "tostring(try(x.key, x.name, x.k))"
    return f"try({{for x in {v} : {name} => try(x.value, x.v, null)}}, null)"


def text_of(v: str) -> str:
    """A text as it is, another value as JSON."""
    return f"try({only(v, STRING, v)}, jsonencode({v}))"


def of_text(function: str) -> Callable[..., str]:
    """A function of Terraform that is only for texts."""

    def made(v: str, *given: str) -> str:
        call = f"{function}({', '.join((v, *given))})"
        return f"try({only(call, STRING, v, *given)}, null)"

    return made


def of_number(pattern: str) -> Callable[[str], str]:
    """A calculation, with `x` for the number."""
    return lambda v: f"[for x in [{v}] : try({only(pattern, NUMBER, 'x')}, null)][0]"


def in_order(v: str) -> str:
    """The items of a list in the order of jq."""
    return sorted_by(v, "o", "o")


def item(target: str, key: str) -> str:
    """An item of a list by its number, from the end when negative, or a member by its name."""
    if key.startswith('"') or key.isdigit():
        return f"try({target}[{key}], null)"
    return f"try({target}[{key} < 0 ? length({target}) + {key} : {key}], {target}[{key}], null)"


def part(target: str, low: str, high: str) -> str:
    """A part of a list or text between two numbers, each from the end when negative."""
    size = f"length({target})"
    start = low if low.isdigit() else f"({low} < 0 ? max({size} + {low}, 0) : {low})"
    if low == "null":
        start = "0"
    if high == "null":
        end = size
    else:
        end = high if high.isdigit() else f"({high} < 0 ? {size} + {high} : {high})"
    kept = f"[for i, e in {target} : e if i >= {start} && i < {end}]"
    return f"try({kept}, substr({target}, {start}, max({end} - {start}, 0)), null)"


SIMPLE_FUNCTIONS: dict[tuple[str, int], Callable[..., str]] = {
    ("not", 0): lambda v: f"!{truthy(v)}",
    ("length", 0): lambda v: f"try(length({v}), abs({v}), 0)",
    ("keys", 0): lambda v: f"try(keys({v}), [for i, e in {v} : i], null)",
    ("keys_unsorted", 0): lambda v: f"try(keys({v}), [for i, e in {v} : i], null)",
    ("has", 1): has,
    ("contains", 1): holds,
    ("inside", 1): lambda v, b: holds(b, v),
    ("add", 0): total,
    ("any", 0): lambda v: f"try(anytrue([for x in {v} : {truthy('x')}]), null)",
    ("all", 0): lambda v: f"try(alltrue([for x in {v} : {truthy('x')}]), null)",
    ("flatten", 0): lambda v: f"try(flatten([for x in {v} : x]), null)",
    ("floor", 0): of_number("floor(x)"),
    ("ceil", 0): of_number("ceil(x)"),
    ("round", 0): of_number("floor(x + 0.5)"),
    ("abs", 0): of_number("abs(x)"),
    ("tostring", 0): text_of,
    ("tojson", 0): lambda v: f"jsonencode({v})",
    ("tonumber", 0): lambda v: f"try(tonumber({v}), null)",
    ("fromjson", 0): lambda v: f"try(jsondecode({v}), null)",
    ("type", 0): lambda v: f'lookup({NAMES}, substr(jsonencode({v}), 0, 1), "number")',
    ("sort", 0): lambda v: f"try({in_order(v)}, null)",
    ("unique", 0): lambda v: f"try(distinct({in_order(v)}), null)",
    ("min", 0): lambda v: f"try({in_order(v)}[0], null)",
    ("max", 0): lambda v: f"try(reverse({in_order(v)})[0], null)",
    ("reverse", 0): lambda v: f"try(reverse({v}), strrev({v}), [])",
    ("first", 0): lambda v: f"try({v}[0], null)",
    ("last", 0): lambda v: f"try({v}[length({v}) - 1], null)",
    ("nth", 1): lambda v, n: f"try({v}[{n}], null)",
    ("ascii_downcase", 0): of_text("lower"),
    ("ascii_upcase", 0): of_text("upper"),
    ("startswith", 1): of_text("startswith"),
    ("endswith", 1): of_text("endswith"),
    ("ltrimstr", 1): of_text("trimprefix"),
    ("rtrimstr", 1): of_text("trimsuffix"),
    ("split", 1): lambda v, s: f"try({only(f'split({s}, {v})', STRING, v, s)}, null)",
    ("join", 1): lambda v, s: (
        f'try(join({s}, [for x in {v} : x == null ? "" : tostring(x)]), null)'
    ),
    ("test", 1): lambda v, s: f"can({only(f'regex({s}, {v})', STRING, v, s)})",
    ("to_entries", 0): lambda v: (
        f"try([for k, x in {v} : {{key = k, value = x}}], null)"
    ),
    ("from_entries", 0): from_entries,
}
