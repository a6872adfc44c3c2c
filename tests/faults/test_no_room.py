"""A host whose disk is below its floor begins nothing, and fails nothing for it (F17)."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from instances.models import Heartbeat, Plan, Task
from instances.worker.host import host_name
from instances.worker.loop import Worker
from tests.factories import InstanceFactory, PlanFactory
from tests.faults.conftest import reload, wait_for, work
from tests.instances.running import with_task
from tests.waiting import beside, over

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]
KINDS = ["launch", "update", "terminate"]


@pytest.fixture
def full(settings):
    """A floor no disk is above, and an hour of waiting already behind everything."""
    settings.FREE_BYTES = 1 << 60
    settings.LEASE_SECONDS = 0

    def wait():
        for model in (Task, Plan):
            model.objects.update(queued_at=now() - timedelta(hours=1))

    return wait


@pytest.mark.parametrize("kind", KINDS)
def test_work_waits_for_free_disk_space(scene, settings, kind, request):
    scene.standing(kind)
    wait = request.getfixturevalue("full")
    task = scene.order(kind)
    wait()
    work()
    held = reload(task)
    assert (held.state, held.status, held.status_message) == (
        "queued",
        "InProgress",
        "",
    )
    assert (held.attempt, held.epoch) == (0, 0)
    settings.FREE_BYTES, settings.LEASE_SECONDS = 0, 1
    work()
    assert reload(task).status == "Succeeded"


def test_another_host_claims_work_when_one_has_no_free_disk_space(scene, full):
    task = scene.order()
    full()
    assert Task.objects.claim("full", "h", free_disk_space=False) is None
    assert Task.objects.claim("other", "h2").pk == task.pk


@pytest.mark.usefixtures("full")
def test_work_that_needs_no_disk_space_is_done_on_a_full_disk(alice):
    """A termination of what never had anything starts no run."""
    instance = InstanceFactory(owner=alice, last_task=None)
    task = instance.terminate(by=alice)
    work()
    assert reload(task).status == "Succeeded"


@pytest.mark.parametrize("canceled", [False, True])
@pytest.mark.usefixtures("full")
def test_unstarted_work_of_a_killed_worker_returns_to_the_queue(scene, alice, canceled):
    task = scene.order()
    Task.objects.claim("dead", host_name())
    if canceled:
        reload(task).cancel(by=alice)
    work()
    task = reload(task)
    if canceled:
        assert (task.state, task.status) == ("ended", "Failed")
        assert "before anything was changed" in task.status_message
    else:
        assert (task.state, task.attempt, task.started_at) == ("queued", 0, None)
        assert Task.objects.claim("other", "h2").pk == task.pk


def test_heartbeat_reports_changes_of_free_disk_space_at_once(
    settings, transactional_db
):
    worker = Worker()
    try:
        for floor, has_space in ((0, True), (1 << 60, False), (0, True)):
            settings.FREE_BYTES = floor
            worker._iterate()
            assert Heartbeat.objects.get().room == has_space
    finally:
        worker._delete_heartbeat()
        worker.lock.release()
        worker.wakeup.close()


def test_page_and_doctor_report_the_full_disk(browser, alice, capsys):
    task = with_task(InstanceFactory(owner=alice))
    Heartbeat.objects.beat("w-1", host="one", capacity=4, busy=0, room=False)
    page = browser.get(task.get_absolute_url())
    assert "Not enough disk space" in page.content.decode()
    assert "No worker is running" not in page.content.decode()
    assert "all tasks wait" in examined(capsys)
    # One host with free disk space is enough.
    Heartbeat.objects.beat("w-2", host="two", capacity=4, busy=0)
    url = f"{task.get_absolute_url()}progress/"
    seen = page.context["progress"].poll_token
    assert (
        "Not enough disk space" not in browser.get(url, {"seen": seen}).content.decode()
    )
    said = examined(capsys)
    assert "no task starts on one" in said
    assert "other hosts run the tasks" in said


def test_queued_preview_reports_the_full_disk(browser, alice):
    plan = PlanFactory(owner=alice, draft=False)
    page = lambda: browser.get(plan.get_absolute_url()).content.decode()  # noqa: E731
    assert "No worker is running." in page()
    Heartbeat.objects.beat("w-1", host="one", capacity=4, busy=0, room=False)
    assert "hosts are too full" in page()
    Heartbeat.objects.beat("w-2", host="two", capacity=4, busy=0)
    assert "hosts are too full" not in page()


def examined(capsys):
    try:
        call_command("doctor")
    except CommandError as error:
        return capsys.readouterr().out + str(error)
    return capsys.readouterr().out


def test_doctor_reports_the_full_disk_of_its_host(settings, capsys, db):
    settings.FREE_BYTES = 1 << 60
    assert "no task starts on this host" in examined(capsys)


def follow(worker):
    thread = beside(worker.work)
    wait_for(lambda: Heartbeat.objects.exists())
    return thread


def test_worker_waits_for_a_missing_data_directory(
    alice, data_dir, caplog, tmp_path_factory
):
    """As when a disk is unmounted: no error of the database, and no end of the worker."""
    worker = Worker()
    thread = follow(worker)
    away = tmp_path_factory.mktemp("away") / "wake"
    (data_dir / "wake").rename(away)
    wait_for(lambda: "the main loop failed" in caplog.text)
    away.rename(data_dir / "wake")
    task = InstanceFactory(owner=alice, last_task=None).terminate(by=alice)
    try:
        wait_for(lambda: reload(task).status == "Succeeded")
        assert thread.is_alive()
    finally:
        worker.stop()
        over(thread)
