"""A worker that slept through its lease, and hosts that do not see each other (F12, F13)."""

import os
import signal
import threading
import time
from dataclasses import replace

import pytest
from django.db import connection, transaction

from instances.engines import processes, run_lease
from instances.engines.base import EngineError, Order
from instances.models import LeaseLostError, Resource, StateVersion, Task
from instances.worker.database_retry import CONNECTION_ERRORS
from instances.worker.host import host_name
from instances.worker.run import Run
from tests.faults.conftest import (
    begun,
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
from tests.faults.forked import Forked, asleep, pause
from tests.waiting import beside, over

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

KINDS = ["launch", "update", "terminate"]
several_hosts = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="several hosts need PostgreSQL"
)


def unwatched(run, after, stop):
    """Have a run stop itself after so many seconds without a worker, and kill it then."""
    engine = run.engine.engine
    engine.settings = replace(
        engine.settings, unwatched_seconds=after, stop_seconds=stop
    )


def run_out(task):
    """Let the lease of a task's worker end."""
    Task.objects.filter(pk=task.pk).update(lease_until="2020-01-01T00:00Z")


@pytest.mark.parametrize("kind", KINDS)
def test_resumed_worker_with_stale_fencing_token_changes_nothing(scene, worker, kind):
    scene.standing(kind)
    task = scene.order(kind, COUNT=4, SLEEP="apply held")
    first = worker()
    directory = run_of(task)
    wait_for(lambda: stage_of(directory) == "apply")
    pause(first)
    worker()
    wait_for(lambda: reload(task).epoch == 2)
    go_on(directory)
    task = ended(task)
    row = dict(Task.objects.filter(pk=task.pk).values()[0])
    first.send_signal(signal.SIGCONT)
    time.sleep(1)
    assert Task.objects.filter(pk=task.pk).values()[0] == row
    assert (task.status, task.epoch) == ("Succeeded", 2)
    begun = [line for line in said(task).splitlines() if " start" in line]
    assert len(begun) == len(set(begun)) > 0
    assert scene.status == "Available"


def test_resumed_worker_leaves_an_adopted_run_alone(scene):
    task = scene.order(SLEEP="apply 1")
    first = Task.objects.claim("sleeper", host_name())
    run = Run(first, threading.Event())
    run._decrypt()
    run._start()
    run_out(task)
    adopter = beside(work)
    wait_for(lambda: reload(task).epoch == 2)
    run.drive()
    over(adopter)
    assert reload(task).status == "Succeeded"


@pytest.mark.parametrize("took", ["another host", "nobody"])
def test_resumed_worker_stops_its_run_that_was_not_adopted(scene, took):
    task = scene.order(COUNT=9, SLEEP="apply 1")
    first = Task.objects.claim("sleeper", host_name())
    run = Run(first, threading.Event())
    run._decrypt()
    run._start()
    wait_for(lambda: begun(run.directory))
    changed = {"host": "far"} if took == "another host" else {"run_directory": "/new"}
    Task.objects.filter(pk=task.pk).update(epoch=2, **changed)
    run.drive()
    assert not run.engine.alive(run.directory)
    # It was asked, not killed: what it had begun is in its state.
    assert run.engine.state(run.directory).resources
    assert run.engine.outcome(run.directory).canceled


def test_every_write_after_a_lost_lease_is_refused(scene):
    scene.order()
    old = Task.objects.claim("old", host_name())
    Task.objects.update(epoch=2)
    for write in (
        old.renew,
        old.release,
        old.requeue,
        lambda: old.write(stage="apply"),
        lambda: Run(old, threading.Event()).completion.fail_unchanged("no"),
        lambda: Run(old, threading.Event()).completion.fail_interrupted("no"),
        lambda: Run(old, threading.Event()).completion.succeed_without_run(),
    ):
        with pytest.raises(LeaseLostError):
            write()
    task = Task.objects.get()
    assert (task.status, task.stage, task.state) == ("InProgress", "", "running")
    assert scene.status == "UnderChange"


def test_abandoned_run_cannot_be_started_by_a_resumed_worker(scene, data_dir):
    """The sleeper had named its directory, and not yet started anything in it."""
    task = scene.order()
    sleeper = Task.objects.claim("sleeper", host_name())
    name = f"{task.pk}-0-1.{host_name()}"
    directory = data_dir / "runs" / name
    sleeper.renew(run_directory=str(directory))
    run_out(task)
    work()
    assert reload(task).status == "Succeeded"
    with pytest.raises(EngineError, match="already contains a run"):
        Run(sleeper, threading.Event()).engine.start(directory, Order("apply", {}))
    assert Resource.objects.count() == 2


def test_active_run_cannot_be_abandoned(scene):
    task = scene.order(SLEEP="plan 2")
    run = Run(Task.objects.claim("one", host_name()), threading.Event())
    run._decrypt()
    run._start()
    assert not run_lease.abandon(run.directory)
    run.drive()
    assert reload(task).status == "Succeeded"


def test_run_without_a_worker_stops_itself(scene):
    """So that another host, after its grace, does not begin a second one beside it."""
    scene.order(COUNT=9, SLEEP="apply 1")
    run = Run(Task.objects.claim("gone", host_name()), threading.Event())
    unwatched(run, 2, 5)
    run._decrypt()
    run._start()
    # Followed until then, however long the machine takes to come so far.
    wait_for(
        lambda: (
            run_lease.renew(run.directory, run_lease.uptime()) or begun(run.directory)
        )
    )
    wait_for(lambda: run.engine.outcome(run.directory))
    outcome = run.engine.outcome(run.directory)
    assert (outcome.finished, outcome.canceled) == (True, True)
    assert "No worker was reachable" in outcome.message
    assert run.engine.state(run.directory).resources


def test_run_without_a_worker_that_ignores_interrupts_is_killed(scene):
    scene.order(FAULT="hang")
    run = Run(Task.objects.claim("gone", host_name()), threading.Event())
    unwatched(run, 1, 1)
    run._decrypt()
    run._start()
    outcome = wait_for(lambda: run.engine.outcome(run.directory))
    assert (outcome.finished, outcome.applying) == (False, True)


def test_run_with_a_worker_continues(scene):
    task = scene.order(COUNT=4, SLEEP="apply 1")
    run = Run(Task.objects.claim("here", host_name()), threading.Event())
    unwatched(run, 3, 1)
    run.drive()
    assert reload(task).status == "Succeeded"


@pytest.mark.skipif(connection.vendor == "sqlite", reason="rows are locked elsewhere")
def test_worker_suspended_in_a_transaction_loses_the_task(scene):
    """The server ends its session; who wakes up finds it gone, as after a restart."""
    task = scene.order()
    options = connection.settings_dict["OPTIONS"]["options"]
    assert "idle_in_transaction_session_timeout=30s" in options

    def sleep():
        held = Task.objects.claim("sleeper", host_name())
        with connection.cursor() as cursor:
            cursor.execute("SET idle_in_transaction_session_timeout = '300ms'")
        try:
            with transaction.atomic():
                held.renew()
                os.kill(os.getpid(), signal.SIGSTOP)
                held.renew()
        except CONNECTION_ERRORS:
            os._exit(42)

    sleeper = Forked(sleep)
    wait_for(lambda: reload(task).epoch == 1 and asleep(sleeper.pid))
    run_out(task)
    work()
    sleeper.send_signal(signal.SIGCONT)
    assert sleeper.wait() == 42
    assert (reload(task).status, reload(task).epoch) == ("Succeeded", 2)


@several_hosts
@pytest.mark.parametrize("kind", KINDS)
def test_work_of_a_lost_host_completes_from_the_stored_state_after_the_grace(
    scene, worker, kind, settings
):
    scene.standing(kind)
    task = scene.order(kind, COUNT=9, SLEEP="apply 1")
    lost = worker(host="lost", grace=600)
    directory = run_of(task)
    wait_for(lambda: reload(task).resources_done)
    lost.kill()
    lost.wait()
    processes.kill(directory)
    died = time.monotonic()
    worker(host="other", grace=2)
    task = ended(task)
    assert time.monotonic() - died > 2
    assert task.status == "Failed"
    assert "host of this run was lost" in task.status_message
    assert scene.status == "Error"
    assert StateVersion.objects.latest_of(scene.instance).resource_count
    assert task.attempt == 0


@several_hosts
def test_host_that_returns_within_the_grace_keeps_its_run(scene, worker):
    task = scene.order(COUNT=4, SLEEP="apply 1")
    first = worker(host="first", grace=30)
    run_of(task)
    worker(host="second", grace=30)
    first.send_signal(signal.SIGSTOP)
    wait_for(lambda: reload(task).suspected_at)
    first.send_signal(signal.SIGCONT)
    task = ended(task)
    assert (task.status, task.epoch, task.suspected_at) == ("Succeeded", 1, None)


@several_hosts
def test_work_that_a_lost_host_started_is_not_repeated(scene, worker):
    """The last it told was of the plan; its run may have gone on to apply."""
    task = scene.order(SLEEP="plan 30")
    lost = worker(host="lost", grace=600)
    directory = run_of(task)
    wait_for(lambda: reload(task).stage == "plan")
    lost.kill()
    lost.wait()
    processes.kill(directory)
    assert launcher_of(directory)
    worker(host="other", grace=1)
    task = ended(task)
    assert (task.status, task.attempt) == ("Failed", 0)
