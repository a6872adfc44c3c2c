"""KnownError: which card explains a failure, and what is on record about the cards"""

import time

import pytest

from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, InvalidInputError
from instances.models import KnownError

pytestmark = pytest.mark.django_db
QUOTA = {
    "title": "Quota",
    "pattern": "quota ?exceeded",
    "explanation": "Ask the cloud team for more.",
    "link": "https://wiki.example.test/quota",
}


def card(admin, **values):
    return KnownError.objects.add(**{**QUOTA, **values}, by=admin)


def test_a_pattern_is_found_anywhere_in_any_case(admin):
    quota = card(admin)
    assert KnownError.objects.explaining("a\nError: QuotaExceeded: no\nb") == quota
    assert KnownError.objects.explaining("all is well") is None


def test_of_several_the_lowest_in_order_is_shown(admin):
    card(admin)
    first = card(admin, title="First", position=1)
    card(admin, title="Off", position=0, active=False)
    assert KnownError.objects.explaining("quota exceeded") == first


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pattern", "("),
        ("pattern", r"(a)\1"),
        ("pattern", ".*"),
        ("pattern", "x" * 501),
        ("pattern", ""),
        ("explanation", ""),
        ("title", ""),
        ("link", "javascript:alert(1)"),
        ("link", "//elsewhere"),
        ("position", -1),
    ],
)
def test_a_card_nobody_could_use_is_refused(admin, field, value):
    with pytest.raises(InvalidInputError) as refusal:
        card(admin, **{field: value})
    assert field in refusal.value.errors
    assert not KnownError.objects.exists()


def test_a_title_is_taken_once(admin):
    card(admin)
    with pytest.raises(ConflictError):
        card(admin)


def test_a_pattern_stored_before_it_was_refused_fits_nothing(admin):
    KnownError.objects.filter(pk=card(admin).pk).update(pattern="(")
    assert KnownError.objects.explaining("(") is None


def test_a_hostile_pattern_on_a_hostile_log_takes_no_time(admin):
    card(admin, pattern="(a+)+$b")
    began = time.monotonic()
    assert KnownError.objects.explaining("a" * 10_000_000) is None
    assert time.monotonic() - began < 1


def test_only_the_end_of_a_long_text_is_searched(admin):
    quota = card(admin)
    assert KnownError.objects.explaining("quota exceeded" + "x" * 300_000) is None
    assert KnownError.objects.explaining("x" * 300_000 + "quota exceeded") == quota


def test_each_change_is_on_record(admin):
    quota = card(admin)
    quota.edit(**{**QUOTA, "title": "Quotas", "active": False}, by=admin)
    quota.remove(by=admin)
    entries = AuditEntry.objects.order_by("sequence")
    assert [entry.action for entry in entries] == [
        "CreateKnownError",
        "UpdateKnownError",
        "DeleteKnownError",
    ]
    assert entries[1].before["title"] == "Quota"
    assert entries[1].after["active"] is False
    assert {entry.actor for entry in entries} == {admin}
    assert not KnownError.objects.exists()
