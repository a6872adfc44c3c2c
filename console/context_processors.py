"""Context processors of every page: the navigation menu, and the appearance from cookies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django import forms
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from console.lib.errors import Text
from console.lib.users import User
from instances.models import waiting_for

YEAR = 365 * 24 * 3600  # seconds
COOKIES = {"theme": "theme", "density": "density", "shortcut": "shortcut"}


@dataclass(frozen=True)
class Entry:
    """A line of the menu; `url_name` is resolved for each request."""

    label: Text
    url_name: str
    icon: str
    admin_only: bool = False
    count: Callable[[User], int] | None = None


@dataclass(frozen=True)
class Group:
    """Entries of the menu under a heading."""

    label: Text
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Item:
    """A menu entry with its resolved URL, for the template."""

    label: Text
    url: str
    icon: str
    current: bool
    count: int = 0


MENU = (
    Group(
        _("Catalog"),
        (
            Entry(_("Products"), "catalog:product-list", "layers"),
            Entry(_("Instances"), "instances:instance-list", "boxes"),
            Entry(_("Plans"), "instances:plan-list", "file-diff", count=waiting_for),
        ),
    ),
    Group(
        _("Administrator"),
        (
            Entry(
                _("Portfolio management"),
                "manage:portfolio-list",
                "folder-tree",
                admin_only=True,
            ),
            Entry(
                _("Product management"),
                "manage:product-list",
                "package",
                admin_only=True,
            ),
            Entry(_("TagOptions"), "manage:tag-option-list", "tag", admin_only=True),
            Entry(_("Regions"), "manage:region-list", "globe", admin_only=True),
            Entry(
                _("Known errors"),
                "instances:known-error-list",
                "circle-question-mark",
                admin_only=True,
            ),
            Entry(_("Users"), "manage:people", "users", admin_only=True),
            Entry(_("Audit log"), "audit_log:audit-list", "history", admin_only=True),
            Entry(_("Data fixes"), "admin:index", "settings", admin_only=True),
        ),
    ),
    Group(_("Account"), (Entry(_("Access keys"), "console:access-key-list", "key"),)),
)


def navigation(request: HttpRequest) -> dict[str, object]:
    """Context processor: `navigation`, a list of `{"label", "items"}`; empty when signed out.

    Entries for administrators are left out for other users, and entries whose URL does
    not resolve for everyone.
    """
    return {"navigation": SimpleLazyObject(lambda: list(_groups(request)))}


def _groups(request: HttpRequest) -> Iterator[dict[str, object]]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return
    for group in MENU:
        entries = [
            e for e in group.entries if user.is_administrator or not e.admin_only
        ]
        found = (_item(each, request.path, user) for each in entries)
        items = [item for item in found if item is not None]
        if items:
            yield {"label": group.label, "items": items}


def _item(entry: Entry, path: str, user: User) -> Item | None:
    try:
        url = reverse(entry.url_name)
    except NoReverseMatch:
        return None
    count = entry.count(user) if entry.count else 0
    return Item(entry.label, url, entry.icon, path.startswith(url), count)


class AppearanceForm(forms.Form):
    """Theme, density and keyboard shortcuts of the browser. A missing field keeps its value."""

    theme = forms.ChoiceField(
        choices=[("auto", _("Automatic")), ("light", _("Light")), ("dark", _("Dark"))],
        required=False,
    )
    density = forms.ChoiceField(
        choices=[("comfortable", _("Comfortable")), ("compact", _("Compact"))],
        required=False,
    )

    shortcut = forms.ChoiceField(
        choices=[("on", _("On")), ("off", _("Off"))], required=False
    )

    def cookies(self) -> dict[str, str]:
        """Return the cookies to set, by name."""
        return {
            cookie: self.cleaned_data[name]
            for name, cookie in COOKIES.items()
            if self.cleaned_data.get(name)
        }


def appearance(request: HttpRequest) -> dict[str, str]:
    """Context processor: `theme`, `density`, `shortcut` and `request_id`.

    A cookie with an unknown value is ignored.
    """
    form = AppearanceForm(
        {name: request.COOKIES.get(cookie, "") for name, cookie in COOKIES.items()}
    )
    form.is_valid()
    return {name: form.cleaned_data.get(name, "") for name in COOKIES} | {
        "request_id": getattr(request, "id", "")
    }
