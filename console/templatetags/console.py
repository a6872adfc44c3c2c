"""Template tags and filters for icons, statuses, times and other presentation."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from console import assets
from console.lib.prose import Prose, prose_of
from console.templatetags import statuses

register = template.Library()

NO_VALUE = "–"
# Django's own Chinese counts days in 日, the word of a date.
TIME_UNITS: Any = {
    "year": ngettext_lazy("%(num)d year", "%(num)d years", "num"),
    "month": ngettext_lazy("%(num)d month", "%(num)d months", "num"),
    "week": ngettext_lazy("%(num)d week", "%(num)d weeks", "num"),
    "day": ngettext_lazy("%(num)d day", "%(num)d days", "num"),
    "hour": ngettext_lazy("%(num)d hour", "%(num)d hours", "num"),
    "minute": ngettext_lazy("%(num)d minute", "%(num)d minutes", "num"),
}
# In this order, because each user agent also contains the names of those below it.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Version", "Safari"),
)
SYSTEMS = (
    ("Windows", "Windows"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Android", "Android"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, modifier: str = "") -> SafeString:
    """`{% icon "copy" %}`: a decorative 16 px icon; `modifier` is "small", "large" or "spin".

    Raises `assets.UnknownIconError` if the sprite has no such icon.
    """
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        f"icon icon--{modifier}" if modifier else "icon",
        assets.asset("icons.svg").url,
        assets.check_icon(name),
    )


@register.simple_tag
def asset(name: str) -> str:
    """`{% asset "console.css" %}`: the URL of an asset, with its digest."""
    return assets.asset(name).url


@register.simple_tag(takes_context=True)
def return_field(context: template.Context) -> str:
    """Return a hidden field with the URL of the previous page and its filters."""
    request = context.get("request")
    if request is None:
        return ""
    url = request.POST.get("next") or request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(url, {request.get_host()}):
        return ""
    return format_html('<input type="hidden" name="next" value="{}">', url)


@register.inclusion_tag("components/status.html")
def status(value: str, word: str = "", kind: str = "status") -> dict[str, object]:
    """`{% status instance.status %}`: icon and word; `kind="badge"` shows a badge."""
    shown = statuses.status_of(str(value))
    return {"value": value, "word": word or shown.word, "status": shown, "kind": kind}


@register.inclusion_tag("components/description.html")
def description(text: str, paragraph: bool = False) -> dict[str, object]:
    """`{% description product.description %}`: text with line breaks, lists and folding.

    A short text of one line is returned as it is, inside `<p>` if `paragraph`.
    """
    text = text or ""
    prose = prose_of(text)
    one_line = not prose.head and "\n" not in text.strip() and not _is_list(prose)
    plain = text if isinstance(text, SafeString) or one_line else ""
    return {"prose": prose, "plain": plain, "paragraph": paragraph}


def _is_list(prose: Prose) -> bool:
    return any(block.items for block in prose.blocks)


@register.simple_tag(takes_context=True)
def active(context: template.Context, url: str, exact: bool = False) -> SafeString:
    """Return `aria-current="page"` on the page of `url` and below: `<a {% active url %}>`."""
    request = context.get("request")
    path = request.path if request else ""
    current = path == url if exact else bool(url) and path.startswith(url)
    return format_html(' aria-current="{}"', "page") if current else SafeString("")


@register.simple_tag
def relative_time(moment: datetime | None) -> str:
    """`{% relative_time task.created_at %}`: "2 hours ago", "just now", "in 3 minutes"."""
    if moment is None:
        return NO_VALUE
    now = timezone.now()
    if abs(now - moment) < timedelta(minutes=1):
        return _("just now")
    if moment > now:
        left = timeuntil(moment, now, TIME_UNITS, depth=1)
        return _("in %(time)s") % {"time": left}
    passed = timesince(moment, now, time_strings=TIME_UNITS, depth=1)
    return _("%(time)s ago") % {"time": passed}


@register.filter
def browser(agent: str) -> str:
    """Return name and version of a browser for display: "Chrome 150, Linux"."""
    found = next((each for each in BROWSERS if f"{each[0]}/" in agent), None)
    if found is None:
        return agent or NO_VALUE
    product, name = found
    release = agent.partition(f"{product}/")[2].partition(".")[0]
    system = next((name for sign, name in SYSTEMS if sign in agent), "")
    label = f"{name} {release}" if release.isdecimal() else name
    return f"{label}, {system}" if system else label


@register.filter
def plain(value: object) -> str:
    """Return a value for display: lists with commas, pairs with `=`, empty values as a dash."""
    match value:
        case None | "" | []:
            return NO_VALUE
        case dict() if not value:
            return NO_VALUE
        case bool():
            return _("yes") if value else _("no")
        case dict():
            return ", ".join(f"{key} = {plain(each)}" for key, each in value.items())
        case list() | tuple():
            return ", ".join(plain(each) for each in value)
    return str(value)


@register.filter
def duration(value: timedelta | float | None) -> str:
    """Return a duration in at most two units: "1.2 s", "45 s", "3 min 12 s", "2 h 5 min"."""
    if value is None:
        return NO_VALUE
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 10:
        return _("%(seconds)s s") % {"seconds": f"{max(seconds, 0):.1f}"}
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)d min %(seconds)d s") % {
            "minutes": minutes,
            "seconds": seconds,
        }
    return _("%(seconds)s s") % {"seconds": int(seconds)}
