"""Canceled while it waits, while it runs, twice, and too late; clocks that jump (F25, F28)."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from console.lib.errors import ConflictError
from instances.models import StateVersion, Task
from instances.worker.host import host_name
from instances.worker.run import Run
from tests.faults.conftest import go_on, reload, run_of, stage_of, wait_for, work
from tests.waiting import beside, over

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

KINDS = ["launch", "update", "terminate"]


@pytest.fixture
def running(scene):
    """Starts a change with a worker in a thread; gives the task in the middle of a stage."""
    threads = []

    def start(kind, stage, **shim):
        scene.standing(kind)
        count = {"COUNT": 6} if kind == "update" else {}
        task = scene.order(kind, **count, **shim, SLEEP=f"{stage} held")
        thread = beside(work)
        threads.append(thread)
        directory = run_of(task)
        wait_for(lambda: stage_of(directory) == stage)
        return task, thread

    yield start
    for thread in threads:
        over(thread)


@pytest.mark.parametrize("kind", KINDS)
def test_canceled_queued_task_ends_at_once_unchanged(scene, alice, kind):
    scene.standing(kind)
    before = scene.status if kind != "launch" else "Error"
    task = scene.order(kind)
    task.cancel(by=alice)
    task = reload(task)
    assert (task.status, task.state) == ("Failed", "ended")
    assert scene.status == before
    with pytest.raises(ConflictError, match="already ended"):
        task.cancel(by=alice)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", ["plan", "apply"])
def test_canceled_running_task_stops_after_interrupt(
    scene, alice, running, settings, kind, stage
):
    settings.STOP_SECONDS = 30
    task, thread = running(kind, stage)
    reload(task).cancel(by=alice)
    reload(task).cancel(by=alice)
    over(thread)
    task = reload(task)
    assert task.status == "Failed"
    assert "Canceled" in task.status_message
    assert task.stop_step == Task.Stop.ASKED
    assert scene.status == "Error"
    if stage == "plan":
        assert "Nothing was changed" in task.status_message
    else:
        assert StateVersion.objects.latest_of(scene.instance).resource_count


def test_cancellation_after_the_end_is_refused(scene, alice):
    task = scene.fault("launch")
    with pytest.raises(ConflictError, match="already ended"):
        task.cancel(by=alice)
    assert reload(task).status == "Succeeded"


def test_worker_that_adopts_a_canceled_run_sends_no_second_interrupt(
    scene, alice, settings
):
    """Terraform would take it for an order to drop what it has begun."""
    settings.STOP_SECONDS = 30
    task = scene.order(COUNT=3, SLEEP="apply held")
    first = Run(Task.objects.claim("one", host_name()), threading.Event())
    first._decrypt()
    first._start()
    wait_for(lambda: stage_of(first.directory) == "apply")
    task.cancel(by=alice)
    first._cancel_if_due()
    asked_at = reload(task).stop_step_at
    first.work.release()
    work()
    task = reload(task)
    assert (task.stop_step, task.stop_step_at) == (Task.Stop.ASKED, asked_at)
    assert "Canceled" in task.status_message


@pytest.mark.parametrize("hours", [2, -2])
def test_clock_change_times_out_no_run_and_gives_no_negative_duration(
    scene, running, monkeypatch, hours
):
    real = timezone.now
    task, thread = running("launch", "apply")
    jumped = lambda: real() + timedelta(hours=hours)  # noqa: E731
    for module in ("worker.completion", "worker.event_recorder", "models.work"):
        monkeypatch.setattr(f"instances.{module}.now", jumped)
    go_on(run_of(task))
    over(thread)
    task = reload(task)
    assert task.status == "Succeeded"
    assert task.seconds >= 0
