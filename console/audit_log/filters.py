"""Filters of the audit log: actor, action, target and period."""

from datetime import date, datetime, time

import django_filters as filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils.timezone import make_aware
from django.utils.translation import gettext_lazy as _

from console.lib.audit import AuditEntry
from console.lib.errors import Text
from instances.filters import TextFilter

SHORT = forms.TextInput(attrs={"size": 9, "autocomplete": "off"})
DATE = {"type": "date"}
EARLIEST, LATEST = date(1970, 1, 1), date(9998, 12, 31)


class AuditFilter(filters.FilterSet):
    """The filters `who`, `action`, `target`, `from` and `to`; invalid values are reported."""

    who = TextFilter(field_name="actor_name", label=_("Actor"), widget=SHORT)
    action = TextFilter(field_name="action", label=_("Action"), widget=SHORT)
    target = TextFilter(method="about", label=_("Target"), widget=SHORT)

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def about(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """Filter by ID or exact name of the target, or by request ID."""
        return rows.filter(
            Q(target_id=value) | Q(target_name=value) | Q(request_id=value.upper())
        )

    def since(self, rows: QuerySet, name: str, value: date) -> QuerySet:
        return rows.filter(at__gte=_moment(value, time.min))

    def until(self, rows: QuerySet, name: str, value: date) -> QuerySet:
        return rows.filter(at__lte=_moment(value, time.max))

    @property
    def values(self) -> dict[str, str]:
        """The active filters by name, as in the URL."""
        self.form.is_valid()
        return {
            name: str(value) for name, value in self.form.cleaned_data.items() if value
        }


def _moment(day: date, hour: time) -> datetime:
    # Clamped, because the time zone offset would overflow at the limits of the calendar.
    return make_aware(datetime.combine(min(max(day, EARLIEST), LATEST), hour))


def _day(method: str, label: Text) -> filters.DateFilter:
    return filters.DateFilter(
        method=method,
        label=label,
        widget=forms.DateInput(attrs=DATE),
        error_messages={"invalid": _("Enter a date such as 2026-11-29.")},
    )


# `from` is a keyword of Python, so these two cannot be class attributes.
AuditFilter.base_filters["from"] = _day("since", _("From"))
AuditFilter.base_filters["to"] = _day("until", _("To"))
