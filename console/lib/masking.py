"""One masker for everything that is stored or shown: it replaces secret values by `******`.

It works on values, because Terraform loses track of what is sensitive: the output of a
`terraform_data` is not marked, and a full disk makes it print the whole state.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.utils.crypto import salted_hmac

MASK = "******"
SHORTEST = 4
# A shorter secret, such as a port, would rewrite keys and numbers that only look like it.
SHORTEST_IN_KEYS = 5
CUT = "…"
DIGEST_LENGTH = 8
SALT = "console.lib.masking"


class NothingKeptError(Exception):
    """A mask was sent back where no secret exists that it could stand for."""


def is_mask(value: Any) -> bool:
    """Return whether a value is the mask this console prints instead of a secret."""
    return isinstance(value, str) and value.strip() == MASK


def holds_mask(value: Any) -> bool:
    """Return whether a value is the mask, or holds it anywhere inside lists and maps."""
    if isinstance(value, Mapping):
        return any(map(holds_mask, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_mask, value))
    return is_mask(value)


def unmasked(given: Any, kept: Any) -> Any:
    """Put back what masks inside `given` stand for: the part of `kept` at the same place.

    Entries of a map are found by key, those of a list by position, provided the list is
    as long as before. Raises NothingKeptError where `kept` has no such part.
    """
    if is_mask(given):
        return kept
    if not holds_mask(given):
        return given
    if isinstance(given, Mapping) and isinstance(kept, Mapping):
        if any(holds_mask(each) and key not in kept for key, each in given.items()):
            raise NothingKeptError
        return {key: unmasked(each, kept.get(key)) for key, each in given.items()}
    lists = isinstance(given, list | tuple) and isinstance(kept, list | tuple)
    if lists and len(given) == len(kept):
        return [unmasked(*pair) for pair in zip(given, kept, strict=True)]
    raise NothingKeptError


def _texts(value: Any) -> Iterable[str]:
    """Yield every text inside a value: a secret object's leaves are secret too."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, bool) or value is None:
        return
    else:
        yield str(value)


def _spellings(text: str) -> Iterable[str]:
    """Yield the forms in which a secret turns up: raw, per line, JSON, HCL, URL and base64."""
    yield text
    yield from text.splitlines()
    for escaped in (json.dumps(text), json.dumps(text, ensure_ascii=False)):
        yield escaped[1:-1]
        yield escaped[1:-1].replace("${", "$${").replace("%{", "%%{")
    yield quote(text, safe="")
    yield quote(text)
    raw = text.encode()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        # Only the characters that depend on the secret alone are the same at every place.
        start, end = (0, 2, 3)[shift], -4 if (len(raw) + shift) % 3 else None
        yield encoded[start:end]
        yield encoded[start:end].replace("+", "-").replace("/", "_")


def _pattern(longest_first: Iterable[str]) -> re.Pattern[str] | None:
    alternatives = "|".join(map(re.escape, longest_first))
    return re.compile(alternatives) if alternatives else None


class Masker:
    """Replaces known secrets in text. Secrets shorter than 4 characters cannot be masked."""

    def __init__(self, secrets: Iterable[Any]) -> None:
        spellings = {
            (spelling, len(text) >= SHORTEST_IN_KEYS)
            for secret in secrets
            for text in _texts(secret)
            if len(text) >= SHORTEST
            for spelling in _spellings(text)
            if len(spelling) >= SHORTEST
        }
        every = sorted({text for text, _long in spellings}, key=len, reverse=True)
        self._spellings = every
        self._pattern = _pattern(every)
        long = {text for text, long in spellings if long}
        self._in_keys = _pattern(text for text in every if text in long)

    def text(self, text: str) -> str:
        """Return the text with every known secret replaced, and NUL, which no database holds."""
        masked = self._pattern.sub(MASK, text) if self._pattern else text
        if self._pattern and masked.endswith(CUT):
            masked = self._without_begun_secret(masked)
        return masked.replace("\0", "\N{REPLACEMENT CHARACTER}")

    def address(self, address: str) -> str:
        """Return a resource's address with its secrets replaced, still an identity.

        Each mask carries a digest of what it covers, keyed by the site's secret key: two
        addresses do not become one, and a resource keeps its address over tasks.
        """
        masked = (
            self._pattern.sub(lambda found: f"{MASK} ({_digest(found[0])})", address)
            if self._pattern
            else address
        )
        if self._pattern and masked.endswith(CUT):
            masked = self._without_begun_secret(masked)
        return masked.replace("\0", "\N{REPLACEMENT CHARACTER}")

    def value(self, value: Any) -> Any:
        """Return a JSON value with secrets replaced in every text and key inside it."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.key(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            masked = self.key(str(value))
            return value if masked == str(value) else masked
        return value

    def key(self, key: str) -> str:
        """Return a key, or a number as text, with secrets of five or more characters replaced."""
        masked = self._in_keys.sub(MASK, key) if self._in_keys else key
        return masked.replace("\0", "\N{REPLACEMENT CHARACTER}")

    def _without_begun_secret(self, text: str) -> str:
        """Mask the beginning of a secret at the end of a text that was cut off there."""
        body = text.removesuffix(CUT)
        for spelling in self._spellings:
            for size in range(min(len(spelling) - 1, len(body)), SHORTEST - 1, -1):
                if body.endswith(spelling[:size]):
                    return body[:-size] + MASK + CUT
        return text


@cache
def _common_words() -> frozenset[str]:
    """Return the passwords that people choose most, as Django ships them."""
    return frozenset(CommonPasswordValidator().passwords)


def is_weak(secret: Any) -> bool:
    """Return True for a secret that cannot be masked well: one that is short or a common word.

    A short one stays where it is part of a key or number; a common word is masked wherever
    it stands by itself.
    """
    return any(
        len(text) < SHORTEST_IN_KEYS or text.strip().lower() in _common_words()
        for text in _texts(secret)
        if text
    )


def shortened(text: str, size: int) -> str:
    """Return the text in at most `size` characters; a digest of all of it tells long ones apart."""
    if len(text) <= size:
        return text
    end = f"{CUT} ({_digest(text)})"
    return text[: size - len(end)] + end


def _digest(text: str) -> str:
    digest = salted_hmac(SALT, text, algorithm="sha256").hexdigest()
    return digest[:DIGEST_LENGTH]
