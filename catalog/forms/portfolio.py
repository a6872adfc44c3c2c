"""Forms for portfolios and the access to them."""

from typing import cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from catalog.forms.text_fields import text, text_area
from catalog.models.grant import PRINCIPAL_PATTERN
from console.lib.forms import EditForm, VerbForm
from console.lib.users import Role, User


class PortfolioForm(EditForm):
    """The arguments of `Portfolio.objects.open` and `Portfolio.edit`."""

    name = text(_("Portfolio name"))
    provider = text(
        _("Provider"), help_text=_("The team that maintains the portfolio.")
    )
    description = text_area(_("Description"))


class GrantForm(VerbForm):
    """The arguments of `Portfolio.grant`: exactly one of user, group and pattern.

    Users and groups are entered by name or by principal ID.
    """

    user = forms.CharField(
        label=_("User"),
        required=False,
        max_length=150,
        help_text=_("The login name."),
        widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"}),
    )
    role = forms.CharField(
        label=_("Group"),
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={"list": "groups", "autocomplete": "off"}),
    )
    pattern = forms.RegexField(
        PRINCIPAL_PATTERN,
        label=_("Pattern"),
        required=False,
        max_length=160,
        help_text=_(
            "user/<name> or role/<name>. An asterisk (*) matches any text, "
            "for example, user/ops-*."
        ),
        error_messages={
            "invalid": _(
                "Enter user/<name> or role/<name>. An asterisk (*) matches any text."
            )
        },
    )

    def clean_user(self) -> User | None:
        name = self.cleaned_data["user"]
        if not name:
            return None
        found = (
            User.objects.filter(principal_id=name).first()
            or User.objects.filter(username=name).first()
        )
        if found is None:
            raise ValidationError(_("User not found. Check the login name."))
        return found

    def clean_role(self) -> Role | None:
        name = self.cleaned_data["role"]
        if not name:
            return None
        # The manager comes from Group, whose type does not know of principal IDs.
        roles = cast("QuerySet[Role]", Role.objects.all())
        found = (
            roles.filter(principal_id=name).first() or roles.filter(name=name).first()
        )
        if found is None:
            raise ValidationError(_("Group not found. Check the group name."))
        return found

    def clean(self) -> dict[str, object]:
        named = map(self.add_prefix, ("user", "role", "pattern"))
        if sum(bool(self.data.get(name)) for name in named) != 1:
            raise ValidationError(_("Specify exactly one user, group, or pattern."))
        return self.cleaned_data
