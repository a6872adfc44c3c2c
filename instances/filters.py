"""What narrows a list of instances: one set of filters for the page, the CSV and the API."""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import CharField, Q, QuerySet, Value
from django.utils.translation import gettext_lazy as _
from django_filters import CharFilter, ChoiceFilter, FilterSet

from catalog.models import Product, Region
from console.lib.errors import Text
from console.lib.names import folded, is_called
from console.lib.users import Role, User
from instances.models import Instance

OWN, ACCOUNT = "user", "account"
OPTIONS = 200
LONGEST = 200
# Pasted from chats and PDFs: spaces of any width, joiners, marks, the byte order mark.
INVISIBLE = (
    string.whitespace + "\u00a0\u00ad\u3000\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
)
INSTANCE_ID = re.compile(r"pp-[0-9a-z]{14}")


class SearchField(forms.CharField):
    """Text somebody pasted: what cannot be seen at its ends is not part of it."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").strip(INVISIBLE)[:LONGEST]


class TextFilter(CharFilter):
    field_class = SearchField


class AccessFilter(ChoiceFilter):
    """The instances that a user sees: without a choice, or with one not open to them, their own."""

    def filter(self, qs: QuerySet, value: Any) -> QuerySet:
        return qs.visible_to(self.parent.user, value or OWN)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Applied:
    """A filter in force, as the page shows it."""

    name: str
    label: Text
    value: str


class InstanceFilter(FilterSet):
    """`access`, `q`, `status`, `product`, `region`, `owner`, `ownerless`, and for names alone
    `name` (in any case) and `text` (a part of it).

    The page, the CSV file and the API narrow their lists by it. The page says which value is
    not used.
    """

    access = AccessFilter(
        choices=[(OWN, _("User")), (ACCOUNT, _("Account"))], label=_("Access filter")
    )
    q = TextFilter(method="search", label=_("Search"))
    status = ChoiceFilter(choices=Instance.Status.choices, label=_("Status"))
    product = TextFilter(field_name="product_id", label=_("Product"))
    region = TextFilter(field_name="region_id", label=_("Region"))
    owner = TextFilter(method="of_owner", label=_("Owner"))
    ownerless = ChoiceFilter(
        method="without_owner", choices=[("1", _("Yes"))], label=_("No active owner")
    )

    name = TextFilter(method="called", label=_("Name"))
    text = TextFilter(method="containing", label=_("Name"))

    class Meta:
        model = Instance
        fields: list[str] = []

    def __init__(
        self, data: Mapping[str, str], queryset: QuerySet | None = None, *, user: User
    ) -> None:
        super().__init__(data, queryset)
        self.user = user

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        # Also for a choice that is unknown: no list is given without its access filter.
        self.form.cleaned_data.setdefault("access", OWN)
        return super().filter_queryset(queryset)

    @property
    def access_asked(self) -> str:
        """The choice that was made, whether it is open to the user or not."""
        self.form.is_valid()
        return self.form.cleaned_data.get("access") or OWN

    @property
    def access_given(self) -> str:
        """The access in force: only an administrator has the whole account's."""
        return self.access_asked if self.user.is_administrator else OWN

    @property
    def scope(self) -> QuerySet:
        """The instances that the access filter alone leaves."""
        return self.queryset.visible_to(self.user, self.access_asked)

    def search(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """By name, ID or its beginning, product or owner."""
        lower = value.lower()
        if INSTANCE_ID.fullmatch(lower):
            return rows.filter(pk=lower)
        wanted = folded(value)
        products = Product.objects.filter(name_key__contains=wanted)
        owners = User.objects.filter(name_key__contains=wanted)
        return rows.filter(
            Q(name_key__contains=wanted)
            | Q(pk__startswith=lower)
            | Q(product__in=products.values("pk"))
            | Q(owner__in=owners.values("pk"))
        )

    def called(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """By the whole name, without regard to case."""
        return rows.filter(is_called(value))

    def containing(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """By a part of the name, without regard to case."""
        return rows.filter(name_key__contains=folded(value))

    def of_owner(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """By the owner's login, group or principal ID."""
        of_id = Q(principal_id=value)
        people = User.objects.filter(of_id | is_called(value, "username"))
        roles = Role.objects.filter(of_id | is_called(value))
        return rows.filter(
            Q(owner__in=people.values("pk")) | Q(owner_role__in=roles.values("pk"))
        )

    def without_owner(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """Those nobody looks after: the person, or everybody in the group, has left."""
        return rows.ownerless()  # type: ignore[attr-defined]

    @property
    def values(self) -> dict[str, str]:
        """The filters in force within the access, by name."""
        self.form.is_valid()
        return {
            name: value
            for name, value in self.form.cleaned_data.items()
            if value and name != "access"
        }

    def applied(self, names: dict[str, str]) -> list[Applied]:
        """The filters in force as tokens; `names` says what product and region IDs mean."""
        words = {**names, **dict(Instance.Status.choices)}
        return [
            Applied(name, self.filters[name].label, _word(name, value, words))
            for name, value in self.values.items()
        ]


def _word(name: str, value: str, words: dict[str, Any]) -> str:
    return str(_("Yes") if name == "ownerless" else words.get(value, value))


def filter_options(user: User) -> tuple[list[Any], list[Any]]:
    """Products and regions to choose from, as (ID, name), in one query.

    Read from their own tables: asking the instances which ones occur costs a full scan.
    """
    products = Product.objects.all()
    if not user.is_administrator:
        products = products.visible_to(user)
    kind = {"kind": Value("2", output_field=CharField())}
    found = (
        Region.objects.annotate(kind=Value("1", output_field=CharField()))
        .order_by()
        .values_list("kind", "pk", "name")
        .union(
            products.annotate(**kind).order_by().values_list("kind", "pk", "name"),
            all=True,
        )
        .order_by("kind", "name", "pk")[: 2 * OPTIONS]
    )
    regions = [(pk, name) for kind, pk, name in found if kind == "1"]
    chosen = [(pk, name) for kind, pk, name in found if kind == "2"]
    return chosen[:OPTIONS], regions[:OPTIONS]
