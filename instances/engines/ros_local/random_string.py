"""Simulates ALIYUN::RandomString: a text of the given length and characters.

The text is made from the ID of the resource, so it stays the same as long as that exists.
"""

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
DEFAULT_LENGTH, MAX_LENGTH = 32, 512


def property_of(place: str, name: str) -> str:
    """Return the input of a property, which is known before the resource is made."""
    return f"{place}.input.Properties[{quoted(name)}]"


def random_string(resource: Resource, place: str) -> Expression:
    given = resource.properties
    size = str(DEFAULT_LENGTH)
    if "length" in given:
        size = f"try(tonumber({property_of(place, 'length')}), {DEFAULT_LENGTH})"
    characters = _characters(resource, place)
    digit = 'parseint(substr(sha256(join("", [%s, tostring(n)])), 0, 8), 16)'
    number = digit % f"{place}.id"
    made = (
        f'join("", [for s in [{characters}] : join("", [for n in '
        f"range(min(max({size}, 0), {MAX_LENGTH})) : "
        f"substr(s, {number} % length(s), 1)])])"
    )
    return Expression(made, "string", any_secret(given.values()))


def _characters(resource: Resource, place: str) -> str:
    """Return the characters that the text is made of."""
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
