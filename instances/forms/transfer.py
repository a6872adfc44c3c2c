"""To whom something is handed over: a person or a group, by name."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from console.lib.forms import EditForm
from console.lib.users import Role, User
from instances.filters import INVISIBLE
from instances.models import Instance, Principal
from instances.models.owner import REASON_LENGTH, owner_mark, owner_name

SUGGESTED = 500
USER, ROLE = "user/", "role/"


class PrincipalField(forms.CharField):
    """`alice`, `user/alice`, `role/operators` or a principal ID; gives the person or group.

    Without a prefix a person is meant before a group of the same name.
    """

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"list": "principals", "autocomplete": "off", "spellcheck": "false"}
        super().__init__(
            max_length=200, widget=forms.TextInput(attrs=attrs), strip=False, **kwargs
        )

    def clean(self, value: Any) -> Any:
        text = super().clean(str(value or "").strip(INVISIBLE))
        if not text:
            return None
        found = _principal(text)
        if found is None:
            raise forms.ValidationError(
                _("%(name)s is not an active user or a group."),
                params={"name": text},
            )
        return found


class PersonField(PrincipalField):
    """The same for what only a person can do."""

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if isinstance(found, Role):
            raise forms.ValidationError(_("Choose a user. You selected a group."))
        return found


def _principal(text: str) -> Principal | None:
    people = User.objects.filter(is_active=True)
    roles: QuerySet[Role] = QuerySet(Role)
    if text.startswith(USER):
        return people.filter(username=text.removeprefix(USER)).first()
    if text.startswith(ROLE):
        return roles.filter(name=text.removeprefix(ROLE)).first()
    return (
        people.filter(username=text).first()
        or roles.filter(name=text).first()
        or people.filter(principal_id=text).first()
        or roles.filter(principal_id=text).first()
    )


def suggestions(without: User | None = None) -> list[tuple[str, str]]:
    """What the field offers while somebody types, as (value, name); never everybody."""
    people = User.objects.filter(is_active=True).order_by("username")
    if without is not None:
        people = people.exclude(pk=without.pk)
    names = list(
        Role.objects.order_by("name").values_list("name", flat=True)[:SUGGESTED]
    )
    return [
        *((f"{USER}{each}", each.display_name) for each in people[:SUGGESTED]),
        *((f"{ROLE}{name}", name) for name in names),
    ]


class ReasonField(forms.CharField):
    """Why, for the audit trail."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Reason"),
            required=False,
            max_length=REASON_LENGTH,
            help_text=_("Recorded in the audit trail."),
        )


class TransferForm(EditForm):
    """Its `cleaned_data` are the arguments of `transfer` and `hand_over`.

    With an instance as its `record` it carries the owner that the person saw.
    """

    to = PrincipalField(
        label=_("New owner"),
        help_text=_("Enter a login name, a group as role/<name>, or a principal ID."),
    )
    reason = ReasonField()

    def stamp_of(self, record: Instance) -> str:
        return owner_mark(vars(record))

    def entry_names(self) -> list[str]:
        return ["to"]

    def stored(self, name: str, record: Instance) -> Any:
        return owner_name(vars(record))
