"""The hash chain of the audit log."""

import threading

import pytest
from django.core.management import CommandError, call_command

from console.lib.audit import AuditEntry
from tests.factories import ProductFactory
from tests.waiting import beside, over


@pytest.fixture
def entries(db, alice):
    product = ProductFactory()
    return [
        AuditEntry.objects.record(f"Change{number}", product, by=alice)
        for number in range(4)
    ]


def verify():
    call_command("verify_audit")


def test_an_unchanged_chain_is_valid(entries, capsys):
    verify()
    assert "4 entries, chain intact" in capsys.readouterr().out


def test_an_empty_chain_is_valid(db, capsys):
    verify()
    assert "0 entries" in capsys.readouterr().out


def test_a_changed_entry_is_named(entries):
    AuditEntry.objects.filter(pk=entries[1].pk).update(actor_name="somebody else")
    with pytest.raises(CommandError, match="Entry 2 was changed"):
        verify()


def test_a_removed_entry_is_named(entries):
    entries[1].delete()
    with pytest.raises(CommandError, match="Entry 2 is missing"):
        verify()


def test_a_removed_last_entry_is_found(entries):
    entries[3].delete()
    with pytest.raises(CommandError, match="ends at entry 3, but 4 were written"):
        verify()


def test_a_rewritten_entry_breaks_the_next_one(entries):
    entry = AuditEntry.objects.get(pk=entries[1].pk)
    entry.reason = "I had a good reason"
    entry.hash = entry.digest()
    entry.save()
    with pytest.raises(CommandError, match="Entry 3 does not follow"):
        verify()


@pytest.mark.django_db(transaction=True)
def test_concurrent_entries_form_one_chain(alice, capsys):
    product = ProductFactory()
    barrier = threading.Barrier(4)

    def write():
        barrier.wait()
        for _ in range(5):
            AuditEntry.objects.record("Change", product, by=alice)

    for thread in [beside(write) for _ in range(4)]:
        over(thread)
    verify()
    assert "20 entries" in capsys.readouterr().out
