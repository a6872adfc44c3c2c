"""What a run leaves is judged by what it left, not by its exit code (F22, F23, F24, F29)."""

import pytest
from django.db import connection

from instances.models import Instance, Resource, StateVersion
from tests.faults.conftest import reload, work

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

KINDS = ["launch", "update", "terminate"]


def last_serial(instance):
    return instance.states.order_by("-serial").values_list("serial", flat=True).first()


@pytest.mark.parametrize("kind", KINDS)
def test_run_without_a_fault_succeeds(scene, kind):
    task = scene.fault(kind)
    assert (task.status, task.status_message) == ("Succeeded", "")
    assert scene.status == "Available"
    gone = Instance.objects.get().terminated_at is not None
    assert gone == (kind == "terminate")


@pytest.mark.parametrize("kind", ["launch", "update"])
def test_partial_failure_keeps_created_resources_and_can_be_terminated(scene, kind):
    task = scene.fault(kind, COUNT=9, FAULT="partial")
    made = {"launch": 2, "update": 4}[kind]
    assert task.status == "Failed"
    assert scene.status == "Error"
    assert StateVersion.objects.latest_of(scene.instance).resource_count == made
    assert Resource.objects.filter(status="CREATE_COMPLETE").count() == made
    last = scene.order("terminate")
    work()
    assert reload(last).status == "Succeeded"
    assert Instance.objects.get().terminated_at


def test_update_completes_a_partial_failure(scene):
    scene.fault("launch", COUNT=5, FAULT="partial")
    task = scene.order("update", COUNT=5)
    work()
    assert reload(task).status == "Succeeded"
    assert Resource.objects.count() == 5


@pytest.mark.parametrize("fault", ["leftover", "leftover-error"])
def test_termination_that_leaves_resources_fails(scene, fault):
    task = scene.fault("terminate", FAULT=fault)
    assert task.status == "Failed"
    assert "thing.r1" in task.status_message
    instance = Instance.objects.get()
    assert (instance.status, instance.terminated_at) == ("Error", None)
    assert [row.address for row in instance.resources.all()] == ["thing.r1"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("state-none", "did not leave a readable state"),
        ("state-empty", "did not leave a readable state"),
        ("state-cut", "did not leave a readable state"),
        ("state-foreign", "different lineage"),
        ("state-older", "older"),
    ],
)
def test_success_without_a_usable_state_fails(scene, kind, fault, words):
    if kind == "launch" and words != "did not leave a readable state":
        # A first state has nothing to be compared with: its like is found by an update.
        kind = "update"
    task = scene.fault(kind, FAULT=fault)
    assert task.status == "Failed"
    assert words in task.status_message
    instance = Instance.objects.get()
    assert (instance.status, instance.terminated_at) == ("Error", None)
    assert len(set(instance.states.values_list("lineage", flat=True))) <= 1


@pytest.mark.parametrize("fault", ["state-errored", "state-dumped"])
@pytest.mark.parametrize("kind", ["launch", "update"])
def test_errored_state_is_recovered(scene, kind, fault):
    task = scene.fault(kind, FAULT=fault)
    made = {"launch": 2, "update": 5}[kind]
    assert task.status == "Succeeded"
    assert StateVersion.objects.latest_of(scene.instance).resource_count == made


@pytest.mark.parametrize("kind", ["update", "terminate"])
def test_damaged_stored_state_fails_before_the_run_starts(scene, kind):
    scene.fault("update")
    older, newest = scene.instance.states.order_by("-serial")[:2][::-1]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT body FROM instances_stateversion WHERE id = %s", [newest.pk]
        )
        body = bytearray(cursor.fetchone()[0])
        body[-1] ^= 1
        cursor.execute(
            "UPDATE instances_stateversion SET body = %s WHERE id = %s",
            [bytes(body), newest.pk],
        )
    task = scene.order(kind, COUNT=5)
    work()
    task = reload(task)
    assert task.status == "Failed"
    assert f"serial {newest.serial}" in task.status_message
    assert f"serial {older.serial} can be read" in task.status_message
    assert "Nothing was started" in task.status_message
    assert scene.status == "Available"
    assert StateVersion.objects.filter(task=task).count() == 0
    assert not Instance.objects.get().terminated_at
