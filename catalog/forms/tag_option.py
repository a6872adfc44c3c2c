"""Forms for tag options."""

from django import forms
from django.utils.translation import gettext_lazy as _

from catalog.forms.text_fields import text
from catalog.models.tag_option import key_rule, value_rule
from console.lib.forms import EditForm, VerbForm


class TagOptionForm(VerbForm):
    """The arguments of `TagOption.objects.offer`."""

    key = text(_("Key"), validators=[key_rule])
    value = text(_("Value"), validators=[value_rule])


class TagOptionEditForm(EditForm):
    """The arguments of `TagOption.edit`. The key cannot be changed."""

    value = text(_("Value"), validators=[value_rule])
    active = forms.BooleanField(label=_("Active"), required=False)
