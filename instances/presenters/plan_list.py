"""The lists of plans: own plans, received requests, approval history, and all plans."""

from collections.abc import Mapping
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
from instances.models import Plan, duties_of, waiting_for
from instances.presenters.tabs import Tab

TAB_LABELS: Mapping[str, Text] = {
    "mine": gettext_lazy("My plans"),
    "received": gettext_lazy("Received requests"),
    "history": gettext_lazy("Approval history"),
    "all": gettext_lazy("All plans"),
}
DEFAULT_TAB = "mine"


class PlanFilter(FilterSet):
    """`q`, `status`, `product`, `person`. The form has an error for a value that is invalid."""

    q = TextFilter(method="search", label=gettext_lazy("Search"))
    status = ChoiceFilter(choices=Plan.Status.choices, label=gettext_lazy("Status"))
    product = TextFilter(method="by_product", label=gettext_lazy("Product"))
    person = TextFilter(method="by_owner", label=gettext_lazy("User"))

    class Meta:
        model = Plan
        fields: list[str] = []

    def search(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """Search in the name and the ID of the plan and of its instance."""
        return rows.filter(
            Q(search_text__contains=folded(value))
            | Q(pk__startswith=value.lower())
            | Q(reserved_instance_id=value.lower())
        )

    def by_product(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """Filter by the name or the ID of the product."""
        return rows.filter(
            Q(version__product__name_key__contains=folded(value))
            | Q(version__product=value.lower())
        )

    def by_owner(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """Filter by the login, the name or the principal ID of the owner."""
        owners = User.objects.filter(
            Q(search_text__contains=folded(value)) | Q(principal_id=value)
        )
        return rows.filter(owner__in=owners.values("pk"))

    @property
    def values(self) -> dict[str, str]:
        """Return the values that are set, by filter."""
        self.form.is_valid()
        return {name: value for name, value in self.form.cleaned_data.items() if value}


class PlanList:
    """The plan list of one request, as `user` may see it."""

    statuses = Plan.Status.choices

    def __init__(self, user: User, query: Mapping[str, str]) -> None:
        self.user = user
        self.query = query
        wanted = query.get("tab", DEFAULT_TAB)
        self.tab = wanted if wanted in self._available_tabs() else DEFAULT_TAB
        self.filter = PlanFilter(query, self._plans_in_tab())

    def _available_tabs(self) -> list[str]:
        return [tab for tab in TAB_LABELS if tab != "all" or self.user.is_administrator]

    def _plans_in_tab(self) -> QuerySet:
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
                TAB_LABELS[tab],
                self.tab_url(tab),
                tab == self.tab,
                str(waiting) if tab == "received" and waiting else "",
            )
            for tab in self._available_tabs()
        ]

    @property
    def title(self) -> str:
        """Return the title of the page, which names the tab."""
        return f"{TAB_LABELS[self.tab]} · {_('Plans')}"

    @property
    def filtered(self) -> bool:
        return bool(self.filter.values)

    @property
    def reset_url(self) -> str:
        """Return the URL of the tab without filters."""
        return self.tab_url(self.tab)

    def tab_url(self, tab: str) -> str:
        base = reverse("instances:plan-list")
        return base if tab == DEFAULT_TAB else f"{base}?{urlencode({'tab': tab})}"

    @property
    def empty_title(self) -> str:
        if self.filtered:
            return _("No plans match")
        return {
            "received": _("No requests are waiting for you"),
            "history": _("You have not approved or rejected any plans"),
            "all": _("No plans"),
        }.get(self.tab, _("You have no plans"))
