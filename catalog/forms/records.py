"""The rules of what administrators write; pages and the API check with the same forms."""

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from catalog.forms.credentials import CredentialsField
from catalog.models import Constraint, Region, Version
from catalog.models.grant import PRINCIPAL_PATTERN
from catalog.models.tag_option import key_rule, value_rule
from catalog.suggestions import SuggestionsField
from console.lib.forms import EditForm, VerbForm
from console.lib.users import Role, User

MAX_TEXT_LENGTH = 128


def text(label: Any, **options: Any) -> forms.CharField:
    """A text of 1 to 128 characters; with `required=False` also none."""
    return forms.CharField(label=label, max_length=MAX_TEXT_LENGTH, **options)


def text_area(label: Any) -> forms.CharField:
    """A text that may have several lines, or none."""
    widget = forms.Textarea(attrs={"rows": 3})
    return text(label, required=False, widget=widget)


class ProductForm(EditForm):
    """What people read about a product. For `publish` and `edit`."""

    name = text(_("Product name"))
    provider = text(
        _("Provider"),
        help_text=_("The team that users can contact about this product."),
    )
    description = text_area(_("Description"))


class CopyForm(VerbForm):
    """The name of a product's copy; empty for a made one."""

    name = text(_("Name of the copy"), required=False)


class VersionForm(EditForm):
    """A version without its template. `active` is taken as sent: absent is False."""

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


class PortfolioForm(EditForm):
    """What a portfolio is called. For `open` and `edit`."""

    name = text(_("Portfolio name"))
    provider = text(
        _("Provider"), help_text=_("The team that maintains the portfolio.")
    )
    description = text_area(_("Description"))


class GrantForm(VerbForm):
    """Exactly one of a person, a group and a pattern. For `grant` and `withdraw`.

    People and groups are named as people write them or by their principal ID.
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

    def clean(self) -> dict[str, Any]:
        named = map(self.add_prefix, ("user", "role", "pattern"))
        if sum(bool(self.data.get(name)) for name in named) != 1:
            raise ValidationError(_("Specify exactly one user, group, or pattern."))
        return self.cleaned_data


class ConstraintForm(VerbForm):
    """A constraint as the API sends it: its configuration is JSON text."""

    kind = forms.ChoiceField(label=_("Type"), choices=Constraint.Kind)
    description = text_area(_("Description"))
    config = forms.JSONField(label=_("Configuration"))


class TagOptionForm(VerbForm):
    """A tag to offer."""

    key = text(_("Key"), validators=[key_rule])
    value = text(_("Value"), validators=[value_rule])


class TagOptionEditForm(EditForm):
    """What may change of a tag option: never its key."""

    value = text(_("Value"), validators=[value_rule])
    active = forms.BooleanField(label=_("Active"), required=False)


class RegionForm(EditForm):
    """A region. Its credentials are write-only: left empty, the stored ones stay."""

    id = forms.SlugField(
        label=_("Region ID"), max_length=64, help_text=_("For example cn-hangzhou.")
    )
    name = text(_("Name"))
    endpoint = forms.CharField(label=_("Endpoint"), max_length=255, required=False)
    active = forms.BooleanField(
        label=_("Active: products can be launched here"), required=False, initial=True
    )
    engine = forms.ChoiceField(
        label=_("Where new instances run"),
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
        """The engine, or None where nothing was said: then it stays what it is."""
        return self.cleaned_data["engine"] or None


class RegionEditForm(RegionForm):
    """A region that is there: its ID stays."""

    id = None  # type: ignore[assignment]
    forget = forms.BooleanField(
        label=_("Remove the stored credentials"), required=False
    )

    def __init__(self, *args: Any, stored: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not stored:
            del self.fields["forget"]

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.pop("forget", False):
            self.cleaned_data["credentials"] = {}
        return self.cleaned_data


class LaunchRoleForm(EditForm):
    """A named set of credentials for launch constraints."""

    name = forms.CharField(label=_("Name"), max_length=64)
    environment = CredentialsField()
