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

pytestmark = pytest.mark.django_db


@pytest.fixture
def instance(alice):
    return InstanceFactory(owner=alice)


@pytest.fixture
def silent(instance):
    """A run on host `far` whose worker was last heard 45 s ago; a lease is 30 s."""
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
def test_who_could_settle_a_silent_run(silent, hosts, lease_status):
    alive(*hosts)
    assert silent.lease_status == lease_status


def test_a_worker_that_missed_one_sign_of_life_is_silent_before_its_lease_is_over(
    instance,
):
    alive("far")
    assert silent_for(instance, 12).lease_status == LeaseStatus.HELD


def test_half_a_lease_without_a_sign_is_silence(instance):
    alive("far")
    assert silent_for(instance, 20).lease_status == LeaseStatus.HOST_ALIVE


def test_the_lease_is_ended_so_that_a_worker_of_the_host_takes_it_up(
    instance, admin, bob
):
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


def test_a_worker_that_lives_after_all_keeps_its_run(instance, admin):
    alive("far")
    task = silent_for(instance, 20)
    task.reconcile(by=admin)
    task.renew()
    assert Task.objects.claim("far-9", "far") is None


def test_a_sign_of_life_at_the_same_moment_wins(silent, admin):
    alive("far")
    Task.objects.filter(pk=silent.pk).update(heartbeat_at=now())
    with pytest.raises(ConflictError, match="just sent a heartbeat"):
        silent.reconcile(by=admin)


def test_on_the_word_that_the_host_is_lost_another_takes_it_at_once(silent, admin):
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
def test_what_cannot_be_settled_is_refused_with_the_reason(
    silent, admin, hosts, host_lost, why
):
    alive(*hosts)
    with pytest.raises(ConflictError, match=why):
        silent.reconcile(by=admin, host_lost=host_lost)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("make", [running, with_task, failed])
def test_nothing_is_reconciled_that_is_certain(instance, admin, make):
    alive("far")
    with pytest.raises(ConflictError):
        make(instance, lease_until=now() + timedelta(seconds=30)).reconcile(by=admin)


@pytest.mark.django_db(transaction=True)
def test_a_run_of_a_lost_host_ends_as_interrupted_with_what_was_in_flight(alice, admin):
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


def test_an_end_user_has_no_such_page(browser, silent):
    assert browser.get(url_of(silent)).status_code == 404
    assert browser.post(url_of(silent)).status_code == 404
    page = browser.get(silent.get_absolute_url()).content.decode()
    assert "data-uncertain" in page
    assert "/reconcile/" not in page


def test_an_administrator_is_led_to_it_from_the_uncertainty(admin_browser, silent):
    for place in (silent.get_absolute_url(), f"/instances/{silent.instance_id}/"):
        assert url_of(silent) in admin_browser.get(place).content.decode()


def test_a_certain_task_does_not_lead_to_it(admin_browser, instance):
    task = running(instance)
    for place in (task.get_absolute_url(), f"/instances/{instance.pk}/"):
        assert "/reconcile/" not in admin_browser.get(place).content.decode()


def test_it_spells_out_the_consequences_and_changes_nothing(admin_browser, silent):
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


def test_settling_leads_back_to_the_task(admin_browser, silent):
    alive("far")
    response = admin_browser.post(url_of(silent), {"reason": "stuck"})
    assert response["Location"] == silent.get_absolute_url()
    assert AuditEntry.objects.get(action="ReconcileTask").reason == "stuck"


def test_a_host_is_lost_only_on_ones_word(admin_browser, silent):
    alive("near")
    page = admin_browser.get(url_of(silent)).content.decode()
    assert "If the host is only disconnected" in page
    assert admin_browser.post(url_of(silent), {}).status_code == 422
    assert Task.objects.get(pk=silent.pk).host == "far"
    admin_browser.post(url_of(silent), {"host_lost": "on"})
    assert Task.objects.get(pk=silent.pk).host == "near"


@pytest.mark.parametrize("make", [running, with_task, failed])
def test_it_says_why_there_is_nothing_to_do(admin_browser, instance, make):
    task = make(instance, lease_until=now() + timedelta(seconds=30))
    page = admin_browser.get(url_of(task)).content.decode()
    assert "Reason why the task cannot be reconciled now" in page
    assert 'type="submit"' not in page[page.index("data-lease") :]
    assert admin_browser.post(url_of(task), {}).status_code == 422
