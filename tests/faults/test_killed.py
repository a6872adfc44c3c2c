"""A worker, a launcher or Terraform is killed (F01-F08, F20, F21, F27)."""

import os
import signal

import pytest
from django.utils.timezone import now

from instances.engines import processes
from instances.models import Instance, Resource, StateVersion, Task
from instances.worker.host import host_name
from tests.faults.conftest import (
    ended,
    go_on,
    launcher_of,
    reload,
    run_of,
    said,
    stage_of,
    wait_for,
    work,
)
from tests.faults.installation import children_of

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

KINDS = ["launch", "update", "terminate"]


def started(scene, kind, worker, slow, **shim):
    """A change in the middle of a stage, and the process of its worker."""
    scene.standing(kind)
    count = {"COUNT": 4} if kind == "update" else {}
    task = scene.order(kind, **count, **shim, SLEEP=slow)
    process = worker()
    directory = run_of(task)
    stage = slow.split()[0]
    wait_for(lambda: stage_of(directory) == stage)
    return task, process, directory


def die(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def all_made_once(task):
    """Each resource was begun exactly once in what the log tells."""
    begun = [line for line in said(task).splitlines() if " start" in line]
    return len(begun) == len(set(begun))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", ["init", "plan", "apply"])
def test_run_continues_without_its_worker_and_is_adopted(scene, worker, kind, stage):
    task, process, directory = started(scene, kind, worker, f"{stage} held")
    die(process)
    worker()
    wait_for(lambda: reload(task).epoch == 2)
    go_on(directory)
    task = ended(task)
    assert (task.status, task.status_message) == ("Succeeded", "")
    assert (task.attempt, task.epoch) == (0, 2)
    assert all_made_once(task)
    assert scene.status == "Available"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", ["init", "plan"])
def test_run_killed_before_apply_is_queued_again(scene, worker, kind, stage):
    task, process, directory = started(scene, kind, worker, f"{stage} held")
    die(process)
    os.killpg(launcher_of(directory), signal.SIGKILL)
    scene.behave(COUNT=4 if kind == "update" else 2)
    worker()
    task = ended(task)
    assert task.status == "Succeeded"
    assert task.attempt == 1
    assert all_made_once(task)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("victims", ["all", "tool"])
def test_run_killed_during_apply_is_not_repeated(scene, worker, kind, victims):
    task, process, directory = started(scene, kind, worker, "apply held")
    wait_for(lambda: Resource.objects.filter(status__endswith="_IN_PROGRESS").exists())
    before = StateVersion.objects.latest_of(scene.instance)
    if victims == "all":
        die(process)
        os.killpg(launcher_of(directory), signal.SIGKILL)
        worker()
    else:
        [tool] = children_of(launcher_of(directory))
        os.kill(tool, signal.SIGKILL)
    task = ended(task)
    assert task.status == "Failed"
    assert "Interrupted" in task.status_message
    in_flight = Resource.objects.filter(status__endswith="_IN_PROGRESS")
    assert in_flight.exists()
    assert all(row.address in task.status_message for row in in_flight)
    assert task.attempt == 0
    assert scene.status == "Error"
    if before is not None:
        assert StateVersion.objects.latest_of(scene.instance).serial >= before.serial
    if victims == "tool":
        assert "signal 9" in task.status_message


def test_interrupted_instance_can_be_updated_and_terminated(scene, worker):
    task, _, directory = started(scene, "launch", worker, "apply held", COUNT=3)
    os.killpg(launcher_of(directory), signal.SIGKILL)
    assert ended(task).status == "Failed"
    repair = scene.order("update", COUNT=3)
    assert ended(repair).status == "Succeeded"
    assert Resource.objects.filter(status="CREATE_COMPLETE").count() == 3
    last = scene.order("terminate")
    assert ended(last).status == "Succeeded"
    assert Instance.objects.get().terminated_at


@pytest.mark.parametrize("kind", KINDS)
def test_recorded_result_is_committed_by_the_next_worker(scene, worker, kind):
    task, process, directory = started(scene, kind, worker, "apply held")
    process.send_signal(signal.SIGSTOP)
    go_on(directory)
    wait_for((directory / "exit.json").exists)
    die(process)
    worker()
    task = ended(task)
    assert task.status == "Succeeded"
    assert task.attempt == 0
    assert all_made_once(task)


def test_next_worker_cleans_up_after_a_committed_run(scene, data_dir):
    task = scene.fault("launch")
    left = data_dir / "runs" / f"{task.pk}-0-1.somewhere"
    (left / "state").mkdir(parents=True)
    (left / "state" / "terraform.tfstate").write_text("secret")
    work()
    assert not left.exists()


def test_worker_killed_before_the_start_loses_no_work(scene):
    task = scene.order()
    # The row says "running" and names no run: nothing was begun.
    assert Task.objects.claim("dead", host_name()).pk == task.pk
    work()
    assert reload(task).status == "Succeeded"


def test_killed_worker_is_detected_at_once_on_its_host(scene, worker, settings):
    """Not only when its lease has run out."""
    task = scene.order(SLEEP="apply held")
    first = worker(lease=600)
    directory = run_of(task)
    lease_until = reload(task).lease_until
    die(first)
    worker(lease=600)
    wait_for(lambda: reload(task).epoch == 2)
    go_on(directory)
    task = ended(task)
    assert task.status == "Succeeded"
    # Its lease would have gone on for minutes after the run was over.
    assert now() < lease_until


def test_run_that_ignores_interrupts_is_killed(scene, settings):
    settings.TASK_TIMEOUT = 1
    task = scene.fault("launch", FAULT="hang")
    assert task.status == "Failed"
    assert "ran longer than" in task.status_message
    assert "killed" in task.status_message
    assert task.stop_step == Task.Stop.KILLED
    assert scene.status == "Error"
    other = scene.order("terminate", FAULT="")
    work()
    assert reload(other).status == "Succeeded"


@pytest.mark.parametrize("kind", KINDS)
def test_remaining_processes_of_a_run_are_ended(scene, kind, data_dir):
    seen = []
    real = processes.kill

    def spy(directory):
        seen.append(list(processes._holders(directory)))
        return real(directory)

    processes.kill = spy
    try:
        task = scene.fault(kind, FAULT="escape")
    finally:
        processes.kill = real
    assert task.status == "Succeeded"
    [holders] = [found for found in seen if found][-1:]
    assert holders
    wait_for(lambda: all(processes.start_time(pid) is None for pid in holders))
    assert not list((data_dir / "runs").iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_every_task_ends_after_all_processes_were_killed(scene, worker, kind):
    running, process, _ = started(scene, kind, worker, "apply 0.5")
    die(process)
    waiting = [scene.beside(f"other-{n}") for n in range(3)]
    worker()
    tasks = [ended(task) for task in [running, *waiting]]
    assert {task.status for task in tasks} == {"Succeeded"}
