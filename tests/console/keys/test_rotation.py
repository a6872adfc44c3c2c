"""The `rotate_keys` command, during which all values stay readable."""

import pytest
from django.core.management import CommandError, call_command

from catalog.models import LaunchRole, Region
from console.api.access_keys import AccessKey
from console.keys import rotation
from console.keys.rotation import Rotation, encrypted_columns
from console.lib.encryption import DecryptionError, generate_key
from instances.models import Output, Plan, StateVersion, Task
from tests.everything import Everything
from tests.factories import RegionFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ring(settings):
    """Add a new first key; return a function that removes the old ones."""

    def turn():
        settings.ENCRYPTION_KEYS = [generate_key(), *settings.ENCRYPTION_KEYS]

    def drop():
        settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]

    turn.drop = drop
    return turn


@pytest.fixture
def sealed(alice, bob, admin):
    """At least one value in every encrypted column."""
    everything = Everything(alice, bob, admin)
    everything.region.credentials = {"TOKEN": "region-secret"}
    everything.region.save()
    role = LaunchRole.objects.get()
    role.environment = {"TOKEN": "role-secret"}
    role.save()
    task = TaskFactory(ended=True, secrets={"password": "task-secret"})
    Output.objects.create(
        task=task, key="out", sensitive=True, secret_value="output-secret"
    )
    plan = everything.plan
    plan.file = b"saved plan"
    plan.save()
    StateVersion.objects.create(
        instance=task.instance, lineage="l", serial=1, digest="d", body=b"state"
    )
    return everything


def readable(sealed):
    """Return the values of each encrypted column."""
    return {
        AccessKey.objects.get(pk=sealed.key.pk).secret_text,
        Region.objects.get(pk=sealed.region.pk).credentials["TOKEN"],
        LaunchRole.objects.get().environment["TOKEN"],
        Output.objects.get(key="out").secret_value,
        bytes(Plan.objects.get(pk=sealed.plan.pk).file),
        bytes(StateVersion.objects.get().body),
        *(task.secrets.get("password") for task in Task.objects.all()),
    }


def test_every_encrypted_column_is_known():
    known = {
        f"{each.model._meta.object_name}.{each.name}" for each in encrypted_columns()
    }
    assert known >= {
        "AccessKey.secret",
        "LaunchRole.environment",
        "Output.secret_value",
        "Plan.file",
        "Plan.secrets",
        "Region.credentials",
        "StateVersion.body",
        "Task.secrets",
    }


def test_the_old_key_is_not_needed_after_a_rotation(sealed, ring, capsys):
    before = readable(sealed)
    ring()
    call_command("rotate_keys")
    ring.drop()
    assert readable(sealed) == before
    assert "encrypted again" in capsys.readouterr().out


def test_the_old_key_is_needed_without_a_rotation(sealed, ring):
    ring()
    ring.drop()
    with pytest.raises(DecryptionError):
        readable(sealed)


def test_a_second_rotation_changes_nothing(sealed, ring):
    ring()
    call_command("rotate_keys")
    again = Rotation()
    list(again.run())
    assert again.resealed == 0
    assert again.current > 0


def test_an_interrupted_rotation_continues(sealed, ring, monkeypatch):
    """The rotation is interrupted after each number of rows."""
    before, real = readable(sealed), rotation.reseal
    for stop in range(1, 6):
        ring()
        left = iter(range(stop))

        def reseal(*args, left=left):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return real(*args)

        monkeypatch.setattr(rotation, "reseal", reseal)
        with pytest.raises(KeyboardInterrupt):
            call_command("rotate_keys", batch=1)
        assert readable(sealed) == before
        monkeypatch.setattr(rotation, "reseal", real)
        call_command("rotate_keys", batch=2)
        ring.drop()
        assert readable(sealed) == before


def test_a_concurrent_change_is_not_overwritten(ring, monkeypatch):
    region = RegionFactory()
    region.credentials = {"TOKEN": "old"}
    region.save()
    ring()
    real = rotation.reseal

    def reseal(sealed, context):
        new = real(sealed, context)
        fresh = Region.objects.get(pk=region.pk)
        fresh.credentials = {"TOKEN": "new"}
        fresh.save()
        return new

    monkeypatch.setattr(rotation, "reseal", reseal)
    call_command("rotate_keys")
    assert Region.objects.get(pk=region.pk).credentials == {"TOKEN": "new"}


def test_unreadable_values_are_named_and_others_are_rotated(sealed, ring, settings):
    lost = RegionFactory(id="eu-lost")
    kept = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [generate_key()]
    lost.credentials = {"TOKEN": "x"}
    lost.save()
    settings.ENCRYPTION_KEYS = kept
    ring()
    with pytest.raises(CommandError, match="region:eu-lost:credentials"):
        call_command("rotate_keys")
    ring.drop()
    lost.delete()
    assert "region-secret" in readable(sealed)
