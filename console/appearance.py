"""What a browser is like to its person: theme, density, shortcut; kept in cookies."""

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

YEAR = 365 * 24 * 3600
COOKIES = {"theme": "theme", "density": "density", "shortcut": "shortcut"}


class AppearanceForm(forms.Form):
    """One choice at a time, or several; what is not sent stays as it is."""

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
        """The cookies to set, by name."""
        return {
            cookie: self.cleaned_data[name]
            for name, cookie in COOKIES.items()
            if self.cleaned_data.get(name)
        }


def appearance(request: HttpRequest) -> dict[str, str]:
    """Context processor: `theme`, `density` and `shortcut`, known values only."""
    form = AppearanceForm(
        {name: request.COOKIES.get(cookie, "") for name, cookie in COOKIES.items()}
    )
    form.is_valid()
    return {name: form.cleaned_data.get(name, "") for name in COOKIES} | {
        "request_id": getattr(request, "id", "")
    }
