"""AutoCompleteInput: a random name that the user can keep or replace.

Metadata: Length, Prefix, Suffix, CharacterClasses [{Class, min}].
"""

import secrets
import string

from catalog.schema.conversion import ConversionError, as_text, number
from catalog.schema.parameter import Parameter

ASSOCIATION = "AutoCompleteInput"
_LENGTH = 8
_MAX_LENGTH = 64
_CLASSES = {
    "lowercase": string.ascii_lowercase,
    "uppercase": string.ascii_uppercase,
    "digits": string.digits,
    "specialCharacters": "-_",
}


def random_name(parameter: Parameter) -> str:
    """Return the prefix, random characters of the declared classes, and the suffix."""
    metadata = parameter.association_metadata
    length = min(max(_whole(metadata.get("Length"), _LENGTH), 1), _MAX_LENGTH)
    alphabet, characters = "", ""
    declared = metadata.get("CharacterClasses")
    for item in declared if isinstance(declared, list) else []:
        letters = (
            _CLASSES.get(item.get("Class", "")) if isinstance(item, dict) else None
        )
        if letters:
            alphabet += letters
            least = min(_whole(item.get("min"), 0), length)
            characters += "".join(secrets.choice(letters) for _ in range(least))
    alphabet = alphabet or _CLASSES["lowercase"] + _CLASSES["digits"]
    characters += "".join(
        secrets.choice(alphabet) for _ in range(length - len(characters))
    )
    mixed = list(characters[:length])
    secrets.SystemRandom().shuffle(mixed)
    prefix, suffix = as_text(metadata.get("Prefix")), as_text(metadata.get("Suffix"))
    return prefix + "".join(mixed) + suffix


def _whole(value: object, otherwise: int) -> int:
    try:
        return otherwise if value is None else int(number(value))
    except ConversionError:
        return otherwise
