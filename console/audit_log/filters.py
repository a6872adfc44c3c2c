"""What narrows the audit audit_log: who, what was done, to what, from when to when."""

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
    """`who`, `action`, `target`, `from`, `to`. The page says which value is not used."""

    who = TextFilter(field_name="actor_name", label=_("Actor"), widget=SHORT)
    action = TextFilter(field_name="action", label=_("Action"), widget=SHORT)
    target = TextFilter(method="about", label=_("Target"), widget=SHORT)

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def about(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        """By the target's ID or exact name, or the ID of the request."""
        return rows.filter(
            Q(target_id=value) | Q(target_name=value) | Q(request_id=value.upper())
        )

    def since(self, rows: QuerySet, name: str, value: date) -> QuerySet:
        return rows.filter(at__gte=_moment(value, time.min))

    def until(self, rows: QuerySet, name: str, value: date) -> QuerySet:
        """The day itself included."""
        return rows.filter(at__lte=_moment(value, time.max))

    @property
    def values(self) -> dict[str, str]:
        """The filters in force, by name, as the address has them."""
        self.form.is_valid()
        return {
            name: str(value) for name, value in self.form.cleaned_data.items() if value
        }


def _moment(day: date, hour: time) -> datetime:
    # Ends of the calendar leave no room for a zone's offset, and hold no entries.
    return make_aware(datetime.combine(min(max(day, EARLIEST), LATEST), hour))


def _day(method: str, label: Text) -> filters.DateFilter:
    return filters.DateFilter(
        method=method,
        label=label,
        widget=forms.DateInput(attrs=DATE),
        error_messages={"invalid": _("Enter a date such as 2026-11-29.")},
    )


# `from` is a word of the language, so these two cannot be written as attributes.
AuditFilter.base_filters["from"] = _day("since", _("From"))
AuditFilter.base_filters["to"] = _day("until", _("To"))
