"""Access keys: limit, enabling, deletion and secrecy."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from console.api.access_keys import AccessKey, access_key_for
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, NotFoundError


@pytest.fixture
def key(alice):
    return AccessKey.objects.issue(alice, by=alice)


def test_a_key_id_has_the_format_of_the_vendor(key):
    assert key.pk.startswith("LTAI5t")
    assert (len(key.pk), len(key.secret_text)) == (24, 30)


def test_the_secret_is_encrypted_at_rest(key):
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM console_accesskey")
        stored = bytes(cursor.fetchone()[0])
    assert key.secret_text.encode() not in stored
    assert AccessKey.objects.get(pk=key.pk).secret_text == key.secret_text


def test_a_user_has_at_most_two_keys(key, alice, bob):
    AccessKey.objects.issue(alice, by=alice)
    with pytest.raises(ConflictError) as refusal:
        AccessKey.objects.issue(alice, by=alice)
    assert refusal.value.code == "LimitExceeded.AccessKey"
    assert AccessKey.objects.issue(bob, by=bob)


def test_the_database_refuses_a_third_key(key, alice):
    with pytest.raises(IntegrityError), transaction.atomic():
        AccessKey.objects.create(user=alice, slot=3, secret=b"x")


def test_a_deleted_key_can_be_replaced(key, alice):
    AccessKey.objects.issue(alice, by=alice)
    key.remove(by=alice)
    assert AccessKey.objects.issue(alice, by=alice).slot == 1


def test_a_key_is_disabled_and_enabled(key, alice):
    key.disable(by=alice)
    assert not AccessKey.objects.get(pk=key.pk).usable
    key.enable(by=alice)
    assert AccessKey.objects.get(pk=key.pk).usable


def test_every_change_is_audited_without_the_secret(key, alice):
    key.disable(by=alice)
    key.disable(by=alice)
    key.enable(by=alice)
    key.remove(by=alice)
    entries = AuditEntry.objects.order_by("pk")
    assert [entry.action for entry in entries] == [
        "CreateAccessKey",
        "DisableAccessKey",
        "EnableAccessKey",
        "DeleteAccessKey",
    ]
    assert not any(entry.before or entry.after for entry in entries)


def test_the_key_of_another_user_is_not_found(key, bob):
    with pytest.raises(NotFoundError):
        access_key_for(bob, key.pk)


def test_the_command_prints_one_line_of_json(alice):
    out = StringIO()
    call_command("create_access_key", "alice", stdout=out)
    [line] = out.getvalue().splitlines()
    printed = json.loads(line)
    key = AccessKey.objects.get(pk=printed["AccessKeyId"])
    assert printed == {"AccessKeyId": key.pk, "AccessKeySecret": key.secret_text}


def test_the_command_names_an_unknown_user(db):
    with pytest.raises(CommandError, match="User not found: mallory"):
        call_command("create_access_key", "mallory")


def test_the_command_refuses_a_third_key(alice):
    for _ in range(2):
        AccessKey.objects.issue(alice, by=None)
    with pytest.raises(CommandError, match="up to two"):
        call_command("create_access_key", "alice")
