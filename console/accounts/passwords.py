"""Password validators against words of this installation and against other spellings."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from console.lib.users import normalize_password

PRODUCT_WORDS = (
    "service",
    "catalog",
    "console",
    "terraform",
    "password",
    "welcome",
    "admin",
)
# Characters that must remain without such words.
MIN_REMAINING = 8
# Shorter parts of host names, such as "www" or "com", are ignored.
MIN_WORD_LENGTH = 4


class WordsValidator:
    """Refuses passwords that consist mostly of words of this installation."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Raise ValidationError if too few characters remain without those words."""
        left = password.casefold()
        for word in sorted(installation_words(), key=len, reverse=True):
            left = left.replace(word, "")
        if left != password.casefold() and len(left) < MIN_REMAINING:
            raise ValidationError(self.get_help_text(), code="password_of_our_words")

    def get_help_text(self) -> str:
        return _(
            "Your password cannot consist only of words that belong to this "
            "installation, such as its name."
        )


class SpellingValidator:
    """Applies the other validators to the normalized password.

    For example, a common password in full-width letters is still a common password.
    """

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Raise ValidationError with the problems of the normalized password."""
        normalized = normalize_password(password)
        if normalized == password:
            return
        others = [
            each
            for each in get_default_password_validators()
            if not isinstance(each, SpellingValidator)
        ]
        known = set(_problems(others, password, user))
        found = [
            each for each in _problems(others, normalized, user) if each not in known
        ]
        if found:
            raise ValidationError(found)

    def get_help_text(self) -> str:
        return _(
            "Characters of different widths and Unicode forms are treated as the same."
        )


def _problems(
    validators: Iterable[Any],
    password: str,
    user: AbstractBaseUser | None,
) -> Iterator[str]:
    for each in validators:
        try:
            each.validate(password, user)
        except ValidationError as error:
            yield from error.messages


def installation_words() -> set[str]:
    """Return the product's name, the parts of its host names and CONSOLE_PASSWORD_WORDS."""
    labels = re.split(r"[^\w]+", " ".join(settings.ALLOWED_HOSTS).casefold())
    known = {
        *PRODUCT_WORDS,
        *labels,
        *(each.casefold() for each in settings.PASSWORD_WORDS),
    }
    return {word for word in known if len(word) >= MIN_WORD_LENGTH}
