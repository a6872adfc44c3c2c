"""ALIYUN::RandomString: a text of the length and letters asked for, stable while it lives."""

from instances.engines.ros_local.expressions import Expression, any_secret, quoted
from instances.engines.ros_local.scope import Resource

SEQUENCES = {
    "lowercase": "abcdefghijklmnopqrstuvwxyz",
    "uppercase": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "letters": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "digits": "0123456789",
    "hexdigits": "0123456789ABCDEF",
    "octdigits": "01234567",
    "lettersdigits": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
}
RANDOM_LENGTH, RANDOM_MOST = 32, 512


def property_of(place: str, name: str) -> str:
    """A property as it was asked for, which is known before the resource is made."""
    return f"{place}.input.Properties[{quoted(name)}]"


def random_text(resource: Resource, place: str) -> Expression:
    """A text of the length and letters asked for."""
    given = resource.properties
    size = str(RANDOM_LENGTH)
    if "length" in given:
        size = f"try(tonumber({property_of(place, 'length')}), {RANDOM_LENGTH})"
    letters = _letters(resource, place)
    digit = 'parseint(substr(sha256(join("", [%s, tostring(n)])), 0, 8), 16)'
    number = digit % f"{place}.id"
    made = (
        f'join("", [for s in [{letters}] : join("", [for n in '
        f"range(min(max({size}, 0), {RANDOM_MOST})) : "
        f"substr(s, {number} % length(s), 1)])])"
    )
    return Expression(made, "string", any_secret(given.values()))


def _letters(resource: Resource, place: str) -> str:
    """The characters a random text is made of."""
    table = ", ".join(f"{key} = {quoted(text)}" for key, text in SEQUENCES.items())
    every = quoted(SEQUENCES["lettersdigits"])
    given = resource.properties
    if "character_classes" in given:
        classes = property_of(place, "character_classes")
        found = f'join("", distinct([for c in {classes} : {{{table}}}[c["class"]]]))'
        return f"try({found}, {every})"
    if "character_sequences" in given:
        sequences = property_of(place, "character_sequences")
        return f'try(join("", [for c in {sequences} : c["sequence"]]), {every})'
    if "sequence" in given:
        return f"try({{{table}}}[{property_of(place, 'sequence')}], {every})"
    return every
