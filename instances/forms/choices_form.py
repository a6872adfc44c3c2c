"""The part of a wizard that asks through what, which version, under which name and where."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from catalog.effective_constraints import LaunchOption, Limits
from catalog.models import Version
from instances.launch_validation import NAME_LENGTH

VERSION_LABEL = _("%(name)s — %(guidance)s")
WITHDRAWN_LABEL = _("%(name)s — no longer available")


class LaunchOptionField(forms.ChoiceField):
    """A choice between launch options; the only one is preselected and need not be sent."""

    def clean(self, value: Any) -> str:
        offered = list(self.widget.choices)
        only = offered[0][0] if len(offered) == 1 else ""
        return str(super().clean(value or only))


class ChoicesForm(forms.Form):
    """Launch option and version; `offer` fills in what there is to choose from."""

    use_required_attribute = False
    auto_id = "id_%s"

    portfolio = LaunchOptionField(
        label=_("Launch option"),
        help_text=_(
            "The portfolio that you launch the product through. Its constraints apply."
        ),
        error_messages={
            "required": _("Several launch options are available. Choose one.")
        },
    )
    version = forms.ChoiceField(
        label=_("Product version"),
        error_messages={"required": _("Choose a version.")},
    )

    def offer(self, options: list[LaunchOption], versions: list[Version]) -> None:
        """Set the choices; a single launch option is preselected."""
        portfolio = self.fields["portfolio"]
        assert isinstance(portfolio, forms.ChoiceField)
        portfolio.choices = [(o.portfolio.pk, o.portfolio.name) for o in options]
        if len(options) > 1:
            portfolio.choices = [("", _("Choose a launch option")), *portfolio.choices]
        version = self.fields["version"]
        assert isinstance(version, forms.ChoiceField)
        version.choices = [(each.pk, _version_label(each)) for each in versions]


class LaunchChoicesForm(ChoicesForm):
    """A launch also has a name and a region, for good."""

    name = forms.CharField(
        label=_("Product instance name"),
        max_length=NAME_LENGTH,
        help_text=_("1 to 128 characters. You cannot change the name later."),
        error_messages={"required": _("Enter a name, or select “Automatic generate”.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    automatic = forms.BooleanField(
        label=_("Automatic generate"),
        required=False,
        help_text=_("Generates a name from the product name and a number."),
    )
    region = forms.ChoiceField(
        label=_("Region"),
        help_text=_(
            "The region where resources are created. You cannot change it later."
        ),
        error_messages={"required": _("Choose a region.")},
    )

    field_order = ["name", "automatic", "portfolio", "version", "region"]

    def offer_regions(self, limits: Limits) -> None:
        """Set the regions the launch option allows."""
        region = self.fields["region"]
        assert isinstance(region, forms.ChoiceField)
        region.choices = [(each.pk, str(each)) for each in limits.regions()]


def _version_label(version: Version) -> str:
    if not version.active:
        return WITHDRAWN_LABEL % {"name": version.name}
    if version.guidance == Version.Guidance.DEFAULT:
        return version.name
    return VERSION_LABEL % {
        "name": version.name,
        "guidance": version.get_guidance_display(),
    }
