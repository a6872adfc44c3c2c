"""/instances/<pk>/tasks/<task>/reconcile/ and task.reconcile()"""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError
from instances.models import Heartbeat, LeaseLostError, LeaseStatus, Task
from instances.worker.loop import Worker
from tests.factories import InstanceFactory
from tests.instances.running import failed, running, with_task
from tests.markup import compact

pytestmark = pytest.mark.django_db


@pytest.fixture
def silent(instance):
    """A run on host `far` with a heartbeat 45 s ago; a lease is 30 s."""
    return silent_for(instance, 45)


def silent_for(instance, seconds):
    beat = now() - timedelta(seconds=seconds)
    return running(
        instance,
        worker="far-1",
        host="far",
        epoch=1,
        heartbeat_at=beat,
        lease_until=beat + timedelta(seconds=30),
    )


def alive(*hosts):
    for host in hosts:
        Heartbeat.objects.beat(f"{host}-9", host=host, capacity=4, busy=0)


def url_of(task):
    return f"{task.get_absolute_url()}reconcile/"


@pytest.mark.parametrize(
    ("hosts", "lease_status"),
    [
        ([], LeaseStatus.NO_WORKER),
        (["far"], LeaseStatus.HOST_ALIVE),
        (["near"], LeaseStatus.HOST_SILENT),
        (["far", "near"], LeaseStatus.HOST_ALIVE),
    ],
)
def test_lease_status_depends_on_the_workers_of_the_host(silent, hosts, lease_status):
    alive(*hosts)
    assert silent.lease_status == lease_status


def test_a_worker_without_heartbeat_is_silent_before_its_lease_expires(
    instance,
):
    alive("far")
    assert silent_for(instance, 12).lease_status == LeaseStatus.HELD


def test_half_a_lease_without_heartbeat_is_silence(instance):
    alive("far")
    assert silent_for(instance, 20).lease_status == LeaseStatus.HOST_ALIVE


def test_the_lease_ends_so_that_a_worker_of_the_host_takes_over(instance, admin, bob):
    alive("far")
    task = silent_for(instance, 20)
    assert Task.objects.claim("far-9", "far") is None
    task.reconcile(by=admin, reason="it hangs")
    taken = Task.objects.claim("far-9", "far")
    assert (taken.pk, taken.epoch) == (task.pk, 2)
    with pytest.raises(LeaseLostError):
        task.write(stage="apply")
    entry = AuditEntry.objects.get(action="ReconcileTask")
    assert (entry.actor, entry.reason) == (admin, "it hangs")
    assert entry.before == {"worker": "far-1", "host": "far", "epoch": 1}
    assert entry.after == {"host": "far", "host_lost": False}


def test_a_worker_with_a_new_heartbeat_keeps_its_task(instance, admin):
    alive("far")
    task = silent_for(instance, 20)
    task.reconcile(by=admin)
    task.renew()
    assert Task.objects.claim("far-9", "far") is None


def test_a_concurrent_heartbeat_wins(silent, admin):
    alive("far")
    Task.objects.filter(pk=silent.pk).update(heartbeat_at=now())
    with pytest.raises(ConflictError, match="just sent a heartbeat"):
        silent.reconcile(by=admin)


def test_a_declared_lost_host_lets_another_take_over(silent, admin):
    alive("near")
    assert Task.objects.claim("near-9", "near") is None
    silent.reconcile(by=admin, host_lost=True)
    taken = Task.objects.claim("near-9", "near")
    assert (taken.pk, taken.epoch, taken.attempt) == (silent.pk, 2, 0)
    assert taken.run_directory == silent.run_directory


@pytest.mark.parametrize(
    ("hosts", "host_lost", "why"),
    [
        ([], False, "No worker is running."),
        ([], True, "No worker is running."),
        (["near"], False, "No worker is running on far"),
        (["far"], True, "so the host cannot be declared lost"),
    ],
)
def test_a_task_that_cannot_be_reconciled_is_refused_with_the_reason(
    silent, admin, hosts, host_lost, why
):
    alive(*hosts)
    with pytest.raises(ConflictError, match=why):
        silent.reconcile(by=admin, host_lost=host_lost)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("make", [running, with_task, failed])
def test_a_task_with_a_known_status_is_not_reconciled(instance, admin, make):
    alive("far")
    with pytest.raises(ConflictError):
        make(instance, lease_until=now() + timedelta(seconds=30)).reconcile(by=admin)


@pytest.mark.django_db(transaction=True)
def test_a_run_on_a_lost_host_ends_as_interrupted(alice, admin):
    worker = Worker()
    alive(worker.host)
    instance = InstanceFactory(owner=alice)
    task = silent_for(instance, 45)
    Task.objects.filter(pk=task.pk).update(run_directory="/nowhere/run-0-1.far")
    instance.resources.create(
        address="a.b", name="b", type="a", status="CREATE_IN_PROGRESS"
    )
    worker.work(once=True)
    assert Task.objects.get().state == Task.State.RUNNING

    task.reconcile(by=admin, host_lost=True)
    worker = Worker()
    worker.work(once=True)
    ended = Task.objects.select_related("diagnostics", "instance").get()
    assert (ended.status, ended.instance.status) == ("Failed", "Error")
    assert ended.diagnostics.interrupted
    assert ended.diagnostics.in_flight == ["a.b"]
    assert "Interrupted" in ended.status_message


# The page


def test_an_end_user_cannot_open_the_page(browser, silent):
    assert browser.get(url_of(silent)).status_code == 404
    assert browser.post(url_of(silent)).status_code == 404
    page = browser.get(silent.get_absolute_url()).content.decode()
    assert "data-status-unknown" in page
    assert "/reconcile/" not in page


def test_an_unknown_status_links_to_it_for_administrators(admin_browser, silent):
    for place in (silent.get_absolute_url(), f"/instances/{silent.instance_id}/"):
        assert url_of(silent) in admin_browser.get(place).content.decode()


def test_a_known_status_does_not_link_to_it(admin_browser, instance):
    task = running(instance)
    for place in (task.get_absolute_url(), f"/instances/{instance.pk}/"):
        assert "/reconcile/" not in admin_browser.get(place).content.decode()


def test_it_shows_the_effects_and_changes_nothing(admin_browser, silent):
    alive("far")
    page = admin_browser.get(url_of(silent)).content.decode()
    for fact in (
        "far-1",
        "If the task is still running",
        "Failed (interrupted)",
        "Reconcile now",
    ):
        assert fact in page
    assert Task.objects.get(pk=silent.pk).lease_until == silent.lease_until


def test_reconciling_redirects_to_the_task(admin_browser, silent):
    alive("far")
    response = admin_browser.post(url_of(silent), {"reason": "stuck"})
    assert response["Location"] == silent.get_absolute_url()
    assert AuditEntry.objects.get(action="ReconcileTask").reason == "stuck"


def test_a_host_must_be_declared_lost(admin_browser, silent):
    alive("near")
    page = admin_browser.get(url_of(silent)).content.decode()
    assert "If the host is only disconnected" in page
    assert admin_browser.post(url_of(silent), {}).status_code == 422
    assert Task.objects.get(pk=silent.pk).host == "far"
    admin_browser.post(url_of(silent), {"host_lost": "on"})
    assert Task.objects.get(pk=silent.pk).host == "near"


@pytest.mark.parametrize("make", [running, with_task, failed])
def test_it_shows_why_there_is_nothing_to_reconcile(admin_browser, instance, make):
    task = make(instance, lease_until=now() + timedelta(seconds=30))
    page = compact(admin_browser.get(url_of(task)))
    assert "Reason why the task cannot be reconciled now" in page
    assert 'type="submit"' not in page[page.index("data-lease") :]
    assert admin_browser.post(url_of(task), {}).status_code == 422
