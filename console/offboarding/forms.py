"""The offboarding form on the page of a user."""

from typing import Any, TypedDict

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from console.lib.forms import VerbForm
from console.lib.users import User
from console.offboarding.holdings import Holdings
from instances.forms.transfer import PrincipalField, ReasonField, UserField
from instances.models import Instance, Principal


class OffboardingValues(TypedDict):
    """Arguments of `Offboarding.objects.begin`, except `by`."""

    instances: QuerySet[Instance]
    to: Principal | None
    approver: User | None
    reason: str


class OffboardingForm(VerbForm):
    """Choice of the new owner, the instances and the new approver."""

    ALL, CHOSEN, NONE = "all", "chosen", "none"

    to = PrincipalField(
        label=_("New owner of the instances"),
        required=False,
        help_text=_("Enter a login name, a group as role/<name>, or a principal ID."),
    )
    which = forms.ChoiceField(
        label=_("Instances to hand over"),
        choices=[
            (ALL, _("All instances")),
            (CHOSEN, _("Only the instances selected below")),
            (NONE, _("None. The instances stay without an active owner.")),
        ],
        initial=ALL,
        widget=forms.RadioSelect,
    )
    instance = forms.MultipleChoiceField(required=False)
    approver = UserField(
        label=_("Replacement approver"),
        required=False,
        help_text=_(
            "Replaces this user in all approval constraints. If you leave this empty, "
            "the constraints keep an approver who cannot approve."
        ),
    )
    reason = ReasonField()

    def __init__(self, holdings: Holdings, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.holdings = holdings
        if not holdings.constraints:
            del self.fields["approver"]
        if not holdings.instance_count:
            for name in ("to", "which", "instance"):
                del self.fields[name]
            return
        # The new owner is optional only if no instances are transferred.
        self.fields["to"].required = self.data.get("which") != self.NONE
        ids = [each.pk for each in holdings.instances]
        field = self.fields["instance"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(pk, pk) for pk in ids]

    @property
    def selected(self) -> QuerySet[Instance]:
        """The instances to transfer."""
        which = self.cleaned_data.get("which", self.NONE)
        if which == self.ALL:
            return self.holdings.owned
        ticked = self.cleaned_data.get("instance", [])
        chosen = self.holdings.owned.filter(pk__in=ticked)
        return chosen if which == self.CHOSEN else chosen.none()

    def verb_values(self) -> OffboardingValues:
        return {
            "instances": self.selected,
            "to": self.cleaned_data.get("to"),
            "approver": self.cleaned_data.get("approver"),
            "reason": self.cleaned_data["reason"],
        }
