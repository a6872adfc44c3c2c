"""The completion of a task, which changes the instance only while the task is its last one."""

import threading
from functools import partial

import pytest

from instances.models import Instance, ProvisioningSpec, Task
from instances.worker.run import Run
from tests.factories import (
    TaskFactory,
)
from tests.interleaving import just_before

STATUS_CHANGE = 'UPDATE "instances_instance" SET "status"'
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.launched(parameters={"name": "one"}, tags={"team": "web"}),
]


def update(instance, by, *, name="one", tags=()):
    spec = ProvisioningSpec(
        instance.version, instance.portfolio, {"name": name}, dict(tags)
    )
    return instance.update_to(spec, by=by)


def newer_task(instance):
    """Give the instance another last task, which waits."""
    task = TaskFactory(instance=instance, kind=Task.Kind.UPDATE)
    Instance.objects.filter(pk=instance.pk).update(last_task=task, status="UnderChange")


def completed_after_a_newer_task(task):
    """Carry a task out as a worker does; a newer one comes right before its completion."""
    work = Task.objects.claim("worker", "host")
    assert work == task
    with just_before(STATUS_CHANGE, partial(newer_task, task.instance)):
        Run(work, threading.Event()).drive()
    task.refresh_from_db()
    return task


def check_unchanged(before):
    """Check that the instance is what the newer task made of it."""
    after = Instance.objects.get(pk=before.pk)
    assert after.last_task.state == Task.State.QUEUED
    assert (after.status, after.status_message) == ("UnderChange", "")
    assert after.terminated_at is None
    assert after.last_successful_task == before.last_successful_task
    assert dict(after.tags.values_list("key", "value")) == {"team": "web"}


def test_successful_update_leaves_the_instance_of_a_newer_task(instance, alice):
    task = update(instance, alice, tags={"team": "data"})
    assert completed_after_a_newer_task(task).status == Task.Status.SUCCEEDED
    check_unchanged(instance)


def test_termination_leaves_the_instance_of_a_newer_task(instance, alice):
    task = instance.terminate(by=alice)
    assert completed_after_a_newer_task(task).status == Task.Status.SUCCEEDED
    check_unchanged(instance)


def test_update_that_did_not_start_leaves_the_instance_of_a_newer_task(
    instance, alice, settings
):
    settings.TERRAFORM_BIN = "/nowhere/terraform"
    task = completed_after_a_newer_task(update(instance, alice, name="two"))
    assert task.status == Task.Status.FAILED
    assert "CONSOLE_TERRAFORM_BIN" in task.status_message
    check_unchanged(instance)


def test_interrupted_update_leaves_the_instance_of_a_newer_task(instance, alice):
    task = update(instance, alice, name="two")
    Task.objects.update(run_directory="/nowhere/run-0-1.lost-host")
    assert "Interrupted" in completed_after_a_newer_task(task).status_message
    check_unchanged(instance)
