"""`manage.py reconcile`: what no worker holds is brought to its truth, the rest left alone."""

import threading

import pytest
from django.core.management import call_command

from catalog.models import Template
from catalog.models.trusted import example_files
from instances.engines import processes
from instances.models import Instance, ProvisioningSpec, Task
from instances.worker.host import WorkerLock, host_name
from instances.worker.run import Run
from tests.factories import RegionFactory, TemplateFactory, VersionFactory
from tests.waiting import beside, over, wait_for

pytestmark = [
    pytest.mark.engine,
    pytest.mark.usefixtures("terraform"),
    pytest.mark.django_db(transaction=True),
]


NOTHING = "Nothing is running, and every status matches its tasks.\n"


@pytest.fixture
def reconcile(capsys):
    def run():
        call_command("reconcile")
        return capsys.readouterr().out

    return run


def launch_box(by, template, **values):
    spec = ProvisioningSpec(VersionFactory(template=template), None, values)
    return Instance.objects.launch(spec, name="box", region=RegionFactory(), by=by)


def begun_by_a_dead_worker(task, until):
    """Follow the run of a task until it has got so far, and then as if killed: no word."""
    work = Task.objects.claim("gone-1-a", host_name())
    stopping = threading.Event()
    run = Run(work, stopping)
    run.work.release = lambda: None
    thread = beside(run.drive)
    wait_for(lambda: until(Task.objects.get(pk=task.pk)))
    stopping.set()
    over(thread)
    return Task.objects.get(pk=task.pk)


def slow(by):
    template = Template.objects.from_files(example_files("slow-cluster"))
    return launch_box(by, template, node_count=3, seconds_per_step=2)


def test_reconcile_reports_that_nothing_is_running(reconcile):
    assert reconcile() == NOTHING


def test_reconcile_completes_a_killed_run_as_interrupted(alice, reconcile):
    task = slow(alice)
    task = begun_by_a_dead_worker(task, lambda t: t.resources_done >= 1)
    run = Run(task, threading.Event())
    processes.kill(run.directory)
    # Long before its lease is over.
    said = reconcile()
    assert f"{task.pk}: reconciled as Failed. Interrupted" in said
    assert Instance.objects.get().status == "Error"
    assert reconcile() == NOTHING


def test_reconcile_leaves_an_active_run_to_the_next_worker(alice, reconcile):
    task = begun_by_a_dead_worker(slow(alice), lambda t: t.resources_done >= 1)
    assert "still running; the next worker monitors it" in reconcile()
    task.refresh_from_db()
    assert (task.state, task.attempt) == ("running", 0)
    assert Task.objects.claim("next-1-a", host_name()).pk == task.pk
    processes.kill(Run(task, threading.Event()).directory)


def test_reconcile_stores_the_result_of_an_ended_run(alice, reconcile):
    task = launch_box(alice, TemplateFactory())
    dying = threading.Event()
    dying.set()
    first = Run(Task.objects.claim("gone-1-a", host_name()), dying)
    first.work.release = lambda: None
    first.drive()  # it starts the run, and follows it no further
    run = Run(Task.objects.get(pk=task.pk), threading.Event())
    engine, directory = run.engine, run.directory
    wait_for(lambda: engine.outcome(directory) and not engine.alive(directory))
    assert f"{task.pk}: reconciled as Succeeded." in reconcile()
    assert Instance.objects.get().status == "Available"


def test_reconcile_queues_unstarted_work_again(alice, reconcile):
    task = launch_box(alice, TemplateFactory())
    Task.objects.claim("gone-1-a", host_name())
    assert "had not started; queued again" in reconcile()
    task.refresh_from_db()
    assert (task.state, task.run_directory) == ("queued", "")


def test_reconcile_leaves_work_of_a_running_worker_alone(alice, reconcile):
    task = launch_box(alice, TemplateFactory())
    lock = WorkerLock("busy-1-a")
    held = Task.objects.claim("busy-1-a", host_name())
    assert "running in busy-1-a, last heartbeat 0 s ago; no action taken" in reconcile()
    lock.release()
    task.refresh_from_db()
    assert task.epoch == held.epoch


def test_reconcile_leaves_work_of_another_host_alone(alice, reconcile):
    launch_box(alice, TemplateFactory())
    Task.objects.claim("w-1-a", "elsewhere")
    assert "running on elsewhere" in reconcile()
