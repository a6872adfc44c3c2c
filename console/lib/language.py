"""The language of a page for users who have not chosen one: from the browser's list."""

import re

from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils.translation.trans_real import parse_accept_lang_header

TRADITIONAL = re.compile(r"zh-(?:.+-)?(?:hant|tw|hk|mo)(?:-.+)?")
DROPPED = re.compile(rf"zh|{TRADITIONAL.pattern}")
ENGLISH = re.compile(r"en(?:-.+)?")


class LanguageMiddleware(LocaleMiddleware):
    """Serve English to readers of Traditional Chinese who accept English.

    Django maps every variant of Chinese to Simplified Chinese, the only one available.
    That remains the language of readers whose list has no English.
    """

    def process_request(self, request: HttpRequest) -> None:
        accepted = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
        request.META["HTTP_ACCEPT_LANGUAGE"] = preferred(accepted)
        super().process_request(request)


def preferred(accepted: str) -> str:
    """Return an Accept-Language header without Traditional Chinese if it lists English."""
    languages = parse_accept_lang_header(accepted.lower())
    names = [name for name, _quality in languages]
    if not any(map(ENGLISH.fullmatch, names)) or not any(
        map(TRADITIONAL.fullmatch, names)
    ):
        return accepted
    # Browsers add a bare `zh` after `zh-TW` themselves.
    kept = [each for each in languages if not DROPPED.fullmatch(each[0])]
    return ",".join(f"{name};q={quality}" for name, quality in kept)
