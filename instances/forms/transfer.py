"""The form of a transfer: the new owner, a user or a group, by name."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from console.lib.forms import EditForm
from console.lib.users import Role, User
from instances.filters import INVISIBLE_CHARACTERS
from instances.models import Instance, Principal
from instances.models.owner import REASON_LENGTH, owner_mark, owner_name

MAX_SUGGESTIONS = 500
USER_PREFIX, ROLE_PREFIX = "user/", "role/"


class PrincipalField(forms.CharField):
    """`alice`, `user/alice`, `role/operators` or a principal ID, as a user or a group.

    Without a prefix, a user is preferred to a group of the same name.
    """

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"list": "principals", "autocomplete": "off", "spellcheck": "false"}
        super().__init__(
            max_length=200, widget=forms.TextInput(attrs=attrs), strip=False, **kwargs
        )

    def clean(self, value: object) -> Principal | None:
        text = super().clean(str(value or "").strip(INVISIBLE_CHARACTERS))
        if not text:
            return None
        found = _principal(text)
        if found is None:
            raise forms.ValidationError(
                _("%(name)s is not an active user or a group."),
                params={"name": text},
            )
        return found


class UserField(PrincipalField):
    """A user, in the same formats."""

    def clean(self, value: object) -> Principal | None:
        found = super().clean(value)
        if isinstance(found, Role):
            raise forms.ValidationError(_("Choose a user. You selected a group."))
        return found


def _principal(text: str) -> Principal | None:
    users = User.objects.filter(is_active=True)
    roles: QuerySet[Role] = QuerySet(Role)
    if text.startswith(USER_PREFIX):
        return users.filter(username=text.removeprefix(USER_PREFIX)).first()
    if text.startswith(ROLE_PREFIX):
        return roles.filter(name=text.removeprefix(ROLE_PREFIX)).first()
    return (
        users.filter(username=text).first()
        or roles.filter(name=text).first()
        or users.filter(principal_id=text).first()
        or roles.filter(principal_id=text).first()
    )


def principal_suggestions(without: User | None = None) -> list[tuple[str, str]]:
    """Return suggestions for the field as (value, name), at most MAX_SUGGESTIONS of each kind."""
    users = User.objects.filter(is_active=True).order_by("username")
    if without is not None:
        users = users.exclude(pk=without.pk)
    names = list(
        Role.objects.order_by("name").values_list("name", flat=True)[:MAX_SUGGESTIONS]
    )
    return [
        *(
            (f"{USER_PREFIX}{each}", each.display_name)
            for each in users[:MAX_SUGGESTIONS]
        ),
        *((f"{ROLE_PREFIX}{name}", name) for name in names),
    ]


class ReasonField(forms.CharField):
    def __init__(self) -> None:
        super().__init__(
            label=_("Reason"),
            required=False,
            max_length=REASON_LENGTH,
            help_text=_("Recorded in the audit log."),
        )


class TransferForm(EditForm):
    """`cleaned_data` has the arguments of `transfer`.

    With an instance as `record`, the form carries the owner that the user has seen.
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

    def stored(self, name: str, record: Instance) -> str:
        return owner_name(vars(record))
