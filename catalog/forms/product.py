"""Forms for products and their versions."""

from django import forms
from django.utils.translation import gettext_lazy as _

from catalog.forms.text_fields import text, text_area
from catalog.models import Version
from console.lib.forms import EditForm, VerbForm


class ProductForm(EditForm):
    """The arguments of `Product.objects.publish` and `Product.edit`."""

    name = text(_("Product name"))
    provider = text(
        _("Provider"),
        help_text=_("The team that users can contact about this product."),
    )
    description = text_area(_("Description"))


class CopyForm(VerbForm):
    """The name of the copy of a product; a name is generated if it is empty."""

    name = text(_("Name of the copy"), required=False)


class VersionFields(forms.Form):
    """The fields of a version, without its template."""

    name = text(_("Version name"), help_text=_("For example 1.0."))
    description = text_area(_("Version description"))
    guidance = forms.ChoiceField(
        label=_("Guidance"),
        choices=Version.Guidance,
        initial=Version.Guidance.DEFAULT,
        required=False,
        help_text=_("The recommendation that users see when they choose a version."),
    )
    active = forms.BooleanField(
        label=_("Active: end users can launch it"), required=False, initial=True
    )

    def clean_guidance(self) -> str:
        return self.cleaned_data["guidance"] or Version.Guidance.DEFAULT


class VersionForm(VersionFields, EditForm):
    """The arguments of `Version.edit`."""
