"""Passwords that anybody would guess who knows what this is and whose."""

import re

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

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
            "Your password can’t consist of words that belong to this installation, such "
            "as its name."
        )


def words() -> set[str]:
    """What the product is called, its host names, and what the operator adds."""
    labels = re.split(r"[^\w]+", " ".join(settings.ALLOWED_HOSTS).casefold())
    known = {*OURS, *labels, *(each.casefold() for each in settings.PASSWORD_WORDS)}
    return {word for word in known if len(word) >= SHORTEST}
