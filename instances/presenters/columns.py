"""What a browser keeps about the instance list: the columns it shows, the rows of a page.

Kept as cookies, so that it outlasts the session: the person's choice, and nobody's secret.
"""

from collections.abc import Mapping

from django import forms
from django.utils.translation import gettext_lazy as _

from console.lib.pagination import SIZES

# Name, status and operations are always there.
ALWAYS = "name"
HIDEABLE = {
    "product": _("Product name"),
    "version": _("Version name"),
    "owner": _("Owner"),
    "region": _("Stack region"),
    "created": _("Created time"),
}
COLUMNS_COOKIE, SIZE_COOKIE = "instance-columns", "instance-rows"


class ColumnsForm(forms.Form):
    """The columns to show and the rows of a page; several values of `columns` are one choice."""

    columns = forms.MultipleChoiceField(
        choices=[(ALWAYS, _("Instance name / ID")), *HIDEABLE.items()], required=False
    )
    size = forms.TypedChoiceField(
        choices=[(str(size), str(size)) for size in SIZES], required=False
    )

    def cookies(self) -> dict[str, str]:
        """The cookies to set, by name; what was not sent stays as it is."""
        chosen = {
            COLUMNS_COOKIE: ".".join(self.cleaned_data["columns"]),
            SIZE_COOKIE: self.cleaned_data["size"],
        }
        return {name: value for name, value in chosen.items() if value}


def shown_columns(cookies: Mapping[str, str]) -> frozenset[str]:
    """The names of HIDEABLE to show: all of them until somebody has chosen."""
    chosen = cookies.get(COLUMNS_COOKIE, "").split(".")
    return frozenset(HIDEABLE if ALWAYS not in chosen else HIDEABLE.keys() & {*chosen})
