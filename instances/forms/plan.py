"""The forms of a plan: its name and description, and the decision of an approver."""

from django import forms
from django.utils.translation import gettext_lazy as _

from console.lib.forms import VerbForm
from instances.models.approval import COMMENT_LENGTH
from instances.models.plan import TEXT_LENGTH


class PlanForm(VerbForm):
    """The arguments of `plan.submit`."""

    auto_id = "plan_%s"

    name = forms.CharField(
        label=_("Plan name"),
        max_length=TEXT_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Enter a name for the plan.")},
    )
    description = forms.CharField(
        label=_("Description"),
        max_length=TEXT_LENGTH,
        required=False,
        help_text=_("Describe the purpose of the plan. Approvers read this first."),
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )


class DecisionForm(VerbForm):
    """The comment of an approver, and the digest of the preview that it is about."""

    comment = forms.CharField(
        label=_("Comment"),
        max_length=COMMENT_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput)
