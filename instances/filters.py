"""The filters of instance lists, shared by the page, the CSV file and the API."""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass

from django import forms
from django.db.models import CharField, Q, QuerySet, Value
from django.utils.translation import gettext_lazy as _
from django_filters import CharFilter, ChoiceFilter, FilterSet

from catalog.models import Product, Region
from console.lib.errors import Text
from console.lib.names import folded, has_name
from console.lib.users import Role, User
from instances.models import Instance

OWN, ACCOUNT = "user", "account"
# An ID and a name.
Option = tuple[str, str]
MAX_OPTIONS = 200
MAX_SEARCH_LENGTH = 200
# Pasted from chats and PDFs: spaces of any width, joiners, marks, the byte order mark.
INVISIBLE_CHARACTERS = (
    string.whitespace + "\u00a0\u00ad\u3000\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
)
INSTANCE_ID = re.compile(r"pp-[0-9a-z]{14}")


class SearchField(forms.CharField):
    """A text, stripped of invisible characters at both ends and cut to MAX_SEARCH_LENGTH."""

    def to_python(self, value: object) -> str:
        return str(super().to_python(value) or "").strip(INVISIBLE_CHARACTERS)[
            :MAX_SEARCH_LENGTH
        ]


class TextFilter(CharFilter):
    field_class = SearchField


class AccessFilter(ChoiceFilter):
    """The access filter; without a choice, or with one that is refused, the user's own instances."""

    def filter(self, qs: QuerySet, value: str) -> QuerySet:
        return qs.visible_to(self.parent.user, value or OWN)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class ActiveFilter:
    """A filter that is set, with its value as the page shows it."""

    name: str
    label: Text
    value: str


class InstanceFilter(FilterSet):
    """The filters of an instance list; an invalid value is an error of the form and ignored.

    The fields are `access`, `q`, `status`, `product`, `region`, `owner`, `ownerless`, and
    for the API `name` (the whole name, in any case) and `text` (a part of it).
    """

    access = AccessFilter(
        choices=[(OWN, _("User")), (ACCOUNT, _("Account"))], label=_("Access filter")
    )
    q = TextFilter(method="search", label=_("Search"))
    status = ChoiceFilter(choices=Instance.Status.choices, label=_("Status"))
    product = TextFilter(field_name="product_id", label=_("Product"))
    region = TextFilter(field_name="region_id", label=_("Region"))
    owner = TextFilter(method="by_owner", label=_("Owner"))
    ownerless = ChoiceFilter(
        method="without_active_owner",
        choices=[("1", _("Yes"))],
        label=_("No active owner"),
    )

    name = TextFilter(method="by_name", label=_("Name"))
    text = TextFilter(method="by_name_part", label=_("Name"))

    class Meta:
        model = Instance
        fields: list[str] = []

    def __init__(
        self, data: Mapping[str, str], queryset: QuerySet | None = None, *, user: User
    ) -> None:
        super().__init__(data, queryset)
        self.user = user

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        # An unknown choice is not in cleaned_data: without it the access filter would not run.
        self.form.cleaned_data.setdefault("access", OWN)
        return super().filter_queryset(queryset)

    @property
    def requested_access(self) -> str:
        """Return the access that was chosen, also when the user may not have it."""
        self.form.is_valid()
        return self.form.cleaned_data.get("access") or OWN

    @property
    def granted_access(self) -> str:
        """Return the access that applies: only administrators get that of the account."""
        return self.requested_access if self.user.is_administrator else OWN

    @property
    def scope(self) -> QuerySet:
        """Return the instances that pass the access filter; the other filters do not apply."""
        return self.queryset.visible_to(self.user, self.requested_access)

    def search(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """Search in the name, the start of the ID, the product and the owner."""
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

    def by_name(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        return rows.filter(has_name(value))

    def by_name_part(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        return rows.filter(name_key__contains=folded(value))

    def by_owner(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """Filter by the login, the group or the principal ID of the owner."""
        of_id = Q(principal_id=value)
        people = User.objects.filter(of_id | has_name(value, "username"))
        roles = Role.objects.filter(of_id | has_name(value))
        return rows.filter(
            Q(owner__in=people.values("pk")) | Q(owner_role__in=roles.values("pk"))
        )

    def without_active_owner(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """Keep instances whose owner, or every member of whose group, is inactive."""
        return rows.ownerless()  # type: ignore[attr-defined]

    @property
    def values(self) -> dict[str, str]:
        """Return the values that are set, by filter; the access filter is left out."""
        self.form.is_valid()
        return {
            name: value
            for name, value in self.form.cleaned_data.items()
            if value and name != "access"
        }

    def active(self, names: Mapping[str, str]) -> list[ActiveFilter]:
        """Return the filters that are set; `names` has the names of product and region IDs."""
        labels: dict[str, Text] = {**names, **dict(Instance.Status.choices)}
        return [
            ActiveFilter(
                name, self.filters[name].label, _value_text(name, value, labels)
            )
            for name, value in self.values.items()
        ]


def _value_text(name: str, value: str, labels: Mapping[str, Text]) -> str:
    return str(_("Yes") if name == "ownerless" else labels.get(value, value))


def filter_options(user: User) -> tuple[list[Option], list[Option]]:
    """Return the products and the regions to choose from, in one query.

    They come from their own tables: the distinct values of the instances cost a full scan.
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
        .order_by("kind", "name", "pk")[: 2 * MAX_OPTIONS]
    )
    regions = [(pk, name) for kind, pk, name in found if kind == "1"]
    chosen = [(pk, name) for kind, pk, name in found if kind == "2"]
    return chosen[:MAX_OPTIONS], regions[:MAX_OPTIONS]
