"""The lists of plans: mine, those that wait for me, those I decided on, everybody's."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import ChoiceFilter, FilterSet

from console.lib.errors import Text
from console.lib.names import folded
from console.lib.pagination import Page, page_size, paginate
from console.lib.users import User
from instances.filters import TextFilter
from instances.models import Plan
from instances.reviewing import duties_of, waiting_for

TABS: Mapping[str, Text] = {
    "mine": gettext_lazy("My plans"),
    "received": gettext_lazy("Received requests"),
    "history": gettext_lazy("Approval history"),
    "all": gettext_lazy("All plans"),
}
DEFAULT = "mine"


class PlanFilter(FilterSet):
    """`q`, `status`, `product`, `person`. The page says which value is not used."""

    q = TextFilter(method="search", label=gettext_lazy("Search"))
    status = ChoiceFilter(choices=Plan.Status.choices, label=gettext_lazy("Status"))
    product = TextFilter(method="of_product", label=gettext_lazy("Product"))
    person = TextFilter(method="of_person", label=gettext_lazy("User"))

    class Meta:
        model = Plan
        fields: list[str] = []

    def search(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """By the plan's name or ID, or the instance's."""
        return rows.filter(
            Q(search_text__contains=folded(value))
            | Q(pk__startswith=value.lower())
            | Q(reserved_instance_id=value.lower())
        )

    def of_product(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """By the product's name or ID."""
        return rows.filter(
            Q(version__product__name_key__contains=folded(value))
            | Q(version__product=value.lower())
        )

    def of_person(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """By the owner's login, name or principal ID."""
        people = User.objects.filter(
            Q(search_text__contains=folded(value)) | Q(principal_id=value)
        )
        return rows.filter(owner__in=people.values("pk"))

    @property
    def values(self) -> dict[str, str]:
        """The filters in force, by name."""
        self.form.is_valid()
        return {name: value for name, value in self.form.cleaned_data.items() if value}


@dataclass(frozen=True)
class Tab:
    """One of the lists, as a link."""

    name: str
    label: Text
    url: str
    current: bool
    count: str


class PlanListing:
    """What one request to the list asks for, and what it gets."""

    statuses = Plan.Status.choices

    def __init__(self, user: User, query: Mapping[str, str]) -> None:
        self.user = user
        self.query = query
        wanted = query.get("tab", DEFAULT)
        self.tab = wanted if wanted in self._offered() else DEFAULT
        self.filter = PlanFilter(query, self._scope())

    def _offered(self) -> list[str]:
        return [tab for tab in TABS if tab != "all" or self.user.is_administrator]

    def _scope(self) -> QuerySet:
        plans = Plan.objects.all()
        if self.tab == "received":
            return plans.received_by(self.user, duties_of(self.user))
        if self.tab == "history":
            return plans.reviewed_by(self.user)
        if self.tab == "all":
            return plans.submitted()
        return plans.submitted().owned_by(self.user)

    @cached_property
    def page(self) -> Page:
        rows = self.filter.qs.select_related("version__product", "owner").only(
            "name",
            "status",
            "operation",
            "instance_name",
            "description",
            "created_at",
            "version__name",
            "version__product__name",
            "owner__username",
            "owner__first_name",
            "owner__last_name",
        )
        size = page_size(self.query.get("size", ""))
        return paginate(rows, cursor=self.query.get("cursor", ""), size=size)

    @property
    def tabs(self) -> list[Tab]:
        waiting = waiting_for(self.user)
        return [
            Tab(
                tab,
                TABS[tab],
                self.address(tab),
                tab == self.tab,
                str(waiting) if tab == "received" and waiting else "",
            )
            for tab in self._offered()
        ]

    @property
    def title(self) -> str:
        """Return the title of the page, which names the tab."""
        return f"{TABS[self.tab]} · {_('Plans')}"

    @property
    def filtered(self) -> bool:
        return bool(self.filter.values)

    @property
    def cleared(self) -> str:
        """The same tab without filters."""
        return self.address(self.tab)

    def address(self, tab: str) -> str:
        """A tab of the list, from its start."""
        base = reverse("instances:plan-list")
        return base if tab == DEFAULT else f"{base}?{urlencode({'tab': tab})}"

    @property
    def empty_title(self) -> str:
        """What an empty tab says."""
        if self.filtered:
            return _("No plans match")
        return {
            "received": _("No requests are waiting for you"),
            "history": _("You have not approved or rejected any plans"),
            "all": _("There are no plans"),
        }.get(self.tab, _("You have no plans"))
