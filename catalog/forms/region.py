"""Forms for regions and launch roles."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from catalog.forms.credentials import CredentialsField
from catalog.forms.text_fields import text
from catalog.models import Region
from catalog.suggestions import SuggestionsField
from console.lib.forms import EditForm


class RegionFields(forms.Form):
    """The fields of a region. Credentials that are left empty are kept."""

    name = text(_("Name"))
    endpoint = forms.CharField(label=_("Endpoint"), max_length=255, required=False)
    active = forms.BooleanField(
        label=_("Active: products can be launched here"), required=False, initial=True
    )
    engine = forms.ChoiceField(
        label=_("Location of new instances"),
        choices=Region.Engine.choices,
        required=False,
        initial=Region.Engine.LOCAL,
        help_text=_(
            "To run instances on Alibaba Cloud, the credentials must "
            "include ALIBABA_CLOUD_ACCESS_KEY_ID and "
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET. Existing instances stay "
            "where they were created."
        ),
    )
    credentials = CredentialsField(required=False)
    suggestions = SuggestionsField()

    def clean_engine(self) -> str | None:
        """Return the engine, or None to keep the current one."""
        return self.cleaned_data["engine"] or None


class RegionForm(RegionFields, EditForm):
    """The arguments of `Region.objects.add`."""

    id = forms.SlugField(
        label=_("Region ID"), max_length=64, help_text=_("For example cn-hangzhou.")
    )

    field_order = ("id",)


class RegionEditForm(RegionFields, EditForm):
    """The arguments of `Region.edit`. The ID cannot be changed."""

    forget = forms.BooleanField(
        label=_("Remove the stored credentials"), required=False
    )

    def __init__(self, *args: Any, stored: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not stored:
            del self.fields["forget"]

    def clean(self) -> dict[str, object]:
        if self.cleaned_data.pop("forget", False):
            self.cleaned_data["credentials"] = {}
        return self.cleaned_data


class LaunchRoleForm(EditForm):
    """The arguments of `LaunchRole.objects.add` and `LaunchRole.edit`."""

    name = forms.CharField(label=_("Name"), max_length=64)
    environment = CredentialsField()
