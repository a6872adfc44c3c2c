"""The language of a page when the person has chosen none: from their browser's list."""

import re

from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils.translation.trans_real import parse_accept_lang_header

TRADITIONAL = re.compile(r"zh-(?:.+-)?(?:hant|tw|hk|mo)(?:-.+)?")
DROPPED = re.compile(rf"zh|{TRADITIONAL.pattern}")
ENGLISH = re.compile(r"en(?:-.+)?")


class LanguageMiddleware(LocaleMiddleware):
    """Gives readers of Traditional Chinese the language they name beside it.

    Django counts every kind of Chinese as the only one that there is, Simplified. That
    remains the answer for those who list no English.
    """

    def process_request(self, request: HttpRequest) -> None:
        accepted = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
        request.META["HTTP_ACCEPT_LANGUAGE"] = preferred(accepted)
        super().process_request(request)


def preferred(accepted: str) -> str:
    """Return an Accept-Language header without Traditional Chinese where English is in it."""
    languages = parse_accept_lang_header(accepted.lower())
    names = [name for name, _quality in languages]
    if not any(map(ENGLISH.fullmatch, names)) or not any(
        map(TRADITIONAL.fullmatch, names)
    ):
        return accepted
    # Browsers put a bare `zh` behind `zh-TW` of their own accord.
    kept = [each for each in languages if not DROPPED.fullmatch(each[0])]
    return ",".join(f"{name};q={quality}" for name, quality in kept)
