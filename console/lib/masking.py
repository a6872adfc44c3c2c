"""Masking of secret values by `******` in everything that is stored or shown.

It matches values, because Terraform does not track all sensitive data: the output of a
`terraform_data` is not marked, and with a full disk it prints the whole state.
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
MIN_LENGTH = 4
# A shorter secret, such as a port, would also mask unrelated keys and numbers.
MIN_LENGTH_IN_KEYS = 5
ELLIPSIS = "…"
DIGEST_LENGTH = 8
SALT = "console.lib.masking"


class NothingKeptError(Exception):
    """A mask was submitted where no stored secret exists."""


def is_mask(value: object) -> bool:
    """Return True for the mask that is shown instead of a secret."""
    return isinstance(value, str) and value.strip() == MASK


def holds_mask(value: object) -> bool:
    """Return True if a value is the mask or contains it, also inside lists and maps."""
    if isinstance(value, Mapping):
        return any(map(holds_mask, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_mask, value))
    return is_mask(value)


def unmasked(given: object, kept: object) -> object:
    """Replace masks inside `given` by the values at the same place in `kept`.

    Entries of maps are matched by key, those of lists by position if both lists have
    the same length. Raises NothingKeptError if `kept` has no such value.
    """
    if is_mask(given):
        return kept
    if not holds_mask(given):
        return given
    if isinstance(given, Mapping) and isinstance(kept, Mapping):
        if any(holds_mask(each) and key not in kept for key, each in given.items()):
            raise NothingKeptError
        return {key: unmasked(each, kept.get(key)) for key, each in given.items()}
    if (
        isinstance(given, list | tuple)
        and isinstance(kept, list | tuple)
        and len(given) == len(kept)
    ):
        return [unmasked(*pair) for pair in zip(given, kept, strict=True)]
    raise NothingKeptError


def _texts(value: object) -> Iterable[str]:
    """Yield all texts inside a value: the leaves of a secret object are secret too."""
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
    """Yield the encodings of a secret: raw, per line, JSON, HCL, URL and base64."""
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
        # Only characters that depend on the secret alone are the same at every offset.
        start, end = (0, 2, 3)[shift], -4 if (len(raw) + shift) % 3 else None
        yield encoded[start:end]
        yield encoded[start:end].replace("+", "-").replace("/", "_")


def _pattern(longest_first: Iterable[str]) -> re.Pattern[str] | None:
    alternatives = "|".join(map(re.escape, longest_first))
    return re.compile(alternatives) if alternatives else None


class Masker:
    """Replaces known secrets in text. Secrets shorter than 4 characters cannot be masked."""

    def __init__(self, secrets: Iterable[object]) -> None:
        spellings = {
            (spelling, len(text) >= MIN_LENGTH_IN_KEYS)
            for secret in secrets
            for text in _texts(secret)
            if len(text) >= MIN_LENGTH
            for spelling in _spellings(text)
            if len(spelling) >= MIN_LENGTH
        }
        every = sorted({text for text, _long in spellings}, key=len, reverse=True)
        self._spellings = every
        self._pattern = _pattern(every)
        long = {text for text, long in spellings if long}
        self._in_keys = _pattern(text for text in every if text in long)

    def text(self, text: str) -> str:
        """Return the text with secrets masked, and NUL replaced, which databases cannot store."""
        masked = self._pattern.sub(MASK, text) if self._pattern else text
        if self._pattern and masked.endswith(ELLIPSIS):
            masked = self._without_begun_secret(masked)
        return masked.replace("\0", "\N{REPLACEMENT CHARACTER}")

    def address(self, address: str) -> str:
        """Return a resource address with its secrets masked, but still unique.

        Each mask contains a digest of the secret, keyed with the site's secret key:
        different addresses stay different, and a resource keeps its address across
        tasks.
        """
        masked = (
            self._pattern.sub(lambda found: f"{MASK} ({_digest(found[0])})", address)
            if self._pattern
            else address
        )
        if self._pattern and masked.endswith(ELLIPSIS):
            masked = self._without_begun_secret(masked)
        return masked.replace("\0", "\N{REPLACEMENT CHARACTER}")

    def value(self, value: Any) -> Any:
        """Return a JSON value with secrets masked in all texts and keys."""
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
        """Return a key, or a number as text, with secrets of five or more characters masked."""
        masked = self._in_keys.sub(MASK, key) if self._in_keys else key
        return masked.replace("\0", "\N{REPLACEMENT CHARACTER}")

    def _without_begun_secret(self, text: str) -> str:
        """Mask the first part of a secret at the end of a truncated text."""
        body = text.removesuffix(ELLIPSIS)
        for spelling in self._spellings:
            for size in range(min(len(spelling) - 1, len(body)), MIN_LENGTH - 1, -1):
                if body.endswith(spelling[:size]):
                    return body[:-size] + MASK + ELLIPSIS
        return text


@cache
def _common_words() -> frozenset[str]:
    """Return the list of common passwords that Django contains."""
    return frozenset(CommonPasswordValidator().passwords)


def is_weak(secret: object) -> bool:
    """Return True for a secret that is short or a common word, which cannot be masked well.

    A short secret is not masked inside keys and numbers; a common word is masked
    wherever it occurs by itself.
    """
    return any(
        len(text) < MIN_LENGTH_IN_KEYS or text.strip().lower() in _common_words()
        for text in _texts(secret)
        if text
    )


def shortened(text: str, size: int) -> str:
    """Return the text in at most `size` characters, with a digest if it was cut."""
    if len(text) <= size:
        return text
    end = f"{ELLIPSIS} ({_digest(text)})"
    return text[: size - len(end)] + end


def _digest(text: str) -> str:
    digest = salted_hmac(SALT, text, algorithm="sha256").hexdigest()
    return digest[:DIGEST_LENGTH]
