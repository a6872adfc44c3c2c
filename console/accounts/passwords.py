"""Passwords that anybody would guess who knows what this is and whose."""

import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from console.lib.users import normalize_password

OURS = ("service", "catalog", "console", "terraform", "password", "welcome", "admin")
# What has to be left of a password without such words.
LEAST = 8
# Parts of host names that say nothing, such as "www" or "com", are shorter.
SHORTEST = 4


class WordsValidator:
    """Refuses what is little more than words of this installation."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Raise ValidationError when too little is left without them."""
        left = password.casefold()
        for word in sorted(words(), key=len, reverse=True):
            left = left.replace(word, "")
        if left != password.casefold() and len(left) < LEAST:
            raise ValidationError(self.get_help_text(), code="password_of_our_words")

    def get_help_text(self) -> str:
        return _(
            "Your password cannot consist only of words that belong to this "
            "installation, such as its name."
        )


class SpellingValidator:
    """Applies the other rules to the spelling that is stored, where it is another one.

    So a common password in full-width letters is still a common password.
    """

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Raise ValidationError with what the other rules have against that spelling."""
        normalized = normalize_password(password)
        if normalized == password:
            return
        others = [
            each
            for each in get_default_password_validators()
            if not isinstance(each, SpellingValidator)
        ]
        known = set(_objections(others, password, user))
        found = [
            each for each in _objections(others, normalized, user) if each not in known
        ]
        if found:
            raise ValidationError(found)

    def get_help_text(self) -> str:
        return _(
            "Characters of different widths and Unicode forms are treated as the same."
        )


def _objections(
    validators: list[Any], password: str, user: AbstractBaseUser | None
) -> Iterator[str]:
    for each in validators:
        try:
            each.validate(password, user)
        except ValidationError as error:
            yield from error.messages


def words() -> set[str]:
    """What the product is called, its host names, and what the operator adds."""
    labels = re.split(r"[^\w]+", " ".join(settings.ALLOWED_HOSTS).casefold())
    known = {*OURS, *labels, *(each.casefold() for each in settings.PASSWORD_WORDS)}
    return {word for word in known if len(word) >= SHORTEST}
