"""Everything that an engine tells passes one masking point; nothing is stored in clear."""

import importlib
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from console.lib.masking import MASK, Masker
from instances.engines import base
from instances.masked_engine import (
    ENCRYPTED_FIELDS,
    UNMASKED_FIELDS,
    MaskedEngine,
    known_secrets,
)
from instances.models import Resource, Task, TaskDiagnostics
from instances.worker.completion import TaskCompletion
from instances.worker.event_recorder import EventRecorder
from tests.factories import InstanceFactory, PlanFactory, TaskFactory

SECRET = "swordfish-42"
KIND = {str: SECRET, bool: True, int: 1, bytes: SECRET.encode()}
PARTS = {
    "resource": base.ResourceEvent,
    "diagnostic": base.Diagnostic,
    "outputs": base.Output,
    "resources": base.StateResource,
}


def telling(kind, **facts):
    """An answer of an engine with the secret in each place that can hold it."""
    values = {}
    for each in fields(kind):
        if each.name in PARTS:
            part = telling(PARTS[each.name])
            values[each.name] = [part] if each.name.endswith("s") else part
        elif each.name in ("replace_paths", "uses"):
            values[each.name] = [[SECRET]]
        elif each.name in ("before", "after", "value"):
            values[each.name] = {SECRET: [SECRET, {"x": f"a {SECRET}"}]}
        elif each.name == "stages":
            values[each.name] = {}
        else:
            values[each.name] = KIND.get(each.type, SECRET)
    return kind(**values | facts)


class Loud:
    """An engine that tells the secret wherever it can."""

    in_cloud = False

    def start(self, directory, order):
        raise base.EngineError(f"cannot begin with {SECRET}")

    def resume(self, directory, order, offset):
        raise base.EngineMissingError(f"cannot resume {SECRET}")

    def events(self, directory, offset, limit=500):
        return [telling(base.Event)]

    def outcome(self, directory):
        return telling(base.Outcome)

    def state(self, directory):
        return telling(base.StateFile)

    def changes(self, directory):
        return [telling(base.Change)]

    def check_values(self, files, parameters, secrets, types=None):
        return [telling(base.Diagnostic)]


@pytest.fixture
def masked():
    return MaskedEngine(Loud(), Masker([SECRET]))


def clear_places(told, place=""):
    """The places of an answer that hold the secret in clear."""
    if is_dataclass(told):
        return [
            found
            for each in fields(told)
            for found in clear_places(getattr(told, each.name), each.name)
        ]
    if isinstance(told, list):
        return [found for each in told for found in clear_places(each, place)]
    return [place] if SECRET in str(told) else []


def test_every_field_of_every_answer_is_masked(masked):
    answers = [
        masked.events(Path(), 0),
        [masked.outcome(Path())],
        masked.changes(Path()),
        masked.check_values({}, {}, {}),
    ]
    found = {place for told in answers for place in clear_places(told)}
    assert found <= UNMASKED_FIELDS


def test_only_encrypted_fields_of_a_state_are_unmasked(masked):
    state = masked.state(Path())
    assert {*clear_places(state)} - UNMASKED_FIELDS == ENCRYPTED_FIELDS
    assert SECRET in str(state.outputs[0].secret_value)


def test_errors_are_masked_and_keep_their_kind(masked):
    with pytest.raises(base.EngineError, match=r"begin with \*{6}"):
        masked.start(Path(), None)
    with pytest.raises(base.EngineMissingError, match=r"resume \*{6}"):
        masked.resume(Path(), None, 0)


def test_secret_equal_to_an_engine_word_is_not_masked_there():
    class Quiet(Loud):
        def events(self, directory, offset, limit=500):
            return [telling(base.Event, stage="apply", level="error", message="apply")]

    [event] = MaskedEngine(Quiet(), Masker(["apply", "error"])).events(Path(), 0)
    assert (event.stage, event.level, event.message) == ("apply", "error", MASK)


def resource(key, status="CREATE_COMPLETE"):
    address = f'terraform_data.user["{key}"]'
    return base.ResourceEvent(address, "terraform_data", "user", status, "", "")


def state(*keys):
    """A state with a resource for each of these keys."""
    return base.StateFile(
        body=b"{}",
        serial=len(keys),
        lineage="one",
        outputs=[],
        resources=[
            base.StateResource(
                f'terraform_data.user["{key}"]', "terraform_data", "user", "", False
            )
            for key in keys
        ],
    )


class Telling(Loud):
    def __init__(self, keys):
        self.keys = keys

    def events(self, directory, offset, limit=500):
        return [
            base.Event(
                *(n, n + 1, "", "apply", "stdout", "info", f"user {key} made"),
                resource=resource(key),
            )
            for n, key in enumerate(self.keys)
        ]

    def state(self, directory):
        return state(*self.keys)


KEYS = ["swordfish-42", "herring-9"]


def claimed(task):
    Task.objects.filter(pk=task.pk).update(state=Task.State.RUNNING)
    task.state = Task.State.RUNNING
    return task


@pytest.mark.django_db
def test_resources_are_recorded_and_synced_under_one_masked_address():
    task = claimed(TaskFactory(secrets={"names": KEYS}))
    engine = MaskedEngine(Telling(KEYS), Masker(known_secrets(task)))
    EventRecorder(task).store(engine.events(Path(), 0))
    recorded = {row.pk: row.address for row in Resource.objects.all()}
    completion = TaskCompletion(task, engine)
    completion._sync_resources(engine.state(Path()), complete=True)
    assert {row.pk: row.address for row in Resource.objects.all()} == recorded
    assert len({*recorded.values()}) == 2
    assert not [each for each in stored_texts() for key in KEYS if key in each]


def stored_texts():
    """Every text of every table."""
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            for row in cursor.fetchall():
                yield from (str(value) for value in row)


@pytest.mark.django_db
def test_the_secrets_of_earlier_tasks_are_masked_too():
    instance = InstanceFactory()
    TaskFactory(instance=instance, ended=True, secrets={"password": "the-old-one"})
    update = TaskFactory(instance=instance, secrets={"password": "the-new-one"})
    plan = PlanFactory(instance=instance, secrets={"password": "the-planned-one"})
    assert {*known_secrets(update)} == {"the-old-one", "the-new-one"}
    assert {*known_secrets(plan)} == {
        "the-old-one",
        "the-new-one",
        "the-planned-one",
    }


@pytest.mark.django_db
def test_the_migration_masks_what_an_earlier_release_stored():
    instance = InstanceFactory(status_message=f"Resources being changed: a.b[{SECRET}]")
    task = TaskFactory(instance=instance, secrets={"names": [SECRET]}, ended=True)
    Task.objects.filter(pk=task.pk).update(
        status_message=f"Resources being changed: {SECRET}"
    )
    clear = f'terraform_data.user["{SECRET}"]'
    kept = Resource.objects.create(
        instance=instance,
        address=clear,
        name=Resource.name_of(clear, "terraform_data"),
        type="terraform_data",
        status="CREATE_FAILED",
    )
    plain = Resource.objects.create(
        instance=instance, address="a.b", name="b", type="a", status="CREATE_COMPLETE"
    )
    TaskDiagnostics.objects.create(task=task, in_flight=[clear, "a.b"])
    module = importlib.import_module("instances.migrations.0010_mask_addresses")
    loader = MigrationLoader(connection)
    state = loader.project_state(("instances", "0010_mask_addresses"))
    module.mask_addresses(state.apps, None)
    kept.refresh_from_db()
    masked = Masker([SECRET]).address(clear)
    assert (kept.address, kept.name) == (masked, masked.removeprefix("terraform_data."))
    assert Resource.objects.get(pk=plain.pk).address == "a.b"
    assert TaskDiagnostics.objects.get().in_flight == [masked, "a.b"]
    assert not [each for each in stored_texts() if SECRET in each]


@pytest.mark.django_db
def test_an_address_longer_than_its_column_is_shortened():
    task = claimed(TaskFactory())
    keys = ["k" * 2000 + "1", "k" * 2000 + "2"]
    engine = MaskedEngine(Telling(keys), Masker([]))
    EventRecorder(task).store(engine.events(Path(), 0))
    TaskCompletion(task, engine)._sync_resources(engine.state(Path()), complete=True)
    assert sorted(len(row.address) for row in Resource.objects.all()) == [512, 512]
    assert {len(row.name) for row in Resource.objects.all()} == {255}
