"""A status that contradicts the tasks is set to what tasks and state say, by one verb."""

import pytest
from django.core.management import call_command
from django.utils.timezone import now

from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError
from instances.models import Instance, StateVersion, Task, TaskDiagnostics
from tests.factories import TaskFactory
from tests.instances.running import failed, running, with_task

pytestmark = pytest.mark.django_db
UNDER_CHANGE = Instance.Status.UNDER_CHANGE


@pytest.fixture
def reconcile_url(instance):
    return f"/instances/{instance.pk}/reconcile/"


def stuck(instance, status=UNDER_CHANGE):
    Instance.objects.filter(pk=instance.pk).update(status=status)
    return Instance.objects.get(pk=instance.pk)


def launch_well(instance):
    with_task(instance, ended=True, kind=Task.Kind.LAUNCH)


def failed_while_applying(instance):
    failed(instance)


def failed_before_anything(instance):
    failed(instance, stages={}, instance_status_before="Available")


def terminated(instance):
    with_task(instance, ended=True, kind=Task.Kind.TERMINATE, ended_at=now())
    instance.resources.create(address="a.b", name="b", type="a", status="X")


def terminated_in_part(instance):
    terminated(instance)
    StateVersion.objects.create(
        instance=instance, lineage="l", serial=1, digest="d", body=b"", resource_count=2
    )


CASES = [
    (launch_well, "Available", False),
    (failed_while_applying, "Error", False),
    (failed_before_anything, "Available", False),
    (terminated, "Available", True),
    (terminated_in_part, "Error", False),
    (lambda instance: None, "Error", False),
]


@pytest.mark.parametrize(("history", "status", "over"), CASES)
def test_it_is_set_to_what_tasks_and_state_say(instance, admin, history, status, over):
    history(instance)
    row = stuck(instance)
    assert row.contradicts
    row.reconcile_status(by=admin, reason="restored by hand")
    row = Instance.objects.get(pk=instance.pk)
    assert (row.status, row.terminated_at is not None) == (status, over)
    assert not row.contradicts
    assert row.resources.exists() == (history is terminated_in_part)
    entry = AuditEntry.objects.get(action="ReconcileInstance")
    assert (entry.before, entry.after["status"]) == ({"status": "UnderChange"}, status)
    assert (entry.actor, entry.reason) == (admin, "restored by hand")


def test_evidence_of_a_run_makes_a_failure_an_error(instance, admin):
    failed_before_anything(instance)
    TaskDiagnostics.objects.create(task=Task.objects.get(), error="Killed.")
    row = stuck(instance)
    row.reconcile_status(by=admin)
    assert row.status == "Error"


def test_available_while_a_task_runs_becomes_under_change(instance, admin):
    running(instance)
    row = stuck(instance, "Available")
    assert row.contradicts
    row.reconcile_status(by=admin)
    assert row.status == UNDER_CHANGE


@pytest.mark.parametrize("history", [running, launch_well])
def test_a_status_that_agrees_is_left_alone(instance, admin, history):
    history(instance)
    row = Instance.objects.get(pk=instance.pk)
    assert not row.contradicts
    with pytest.raises(ConflictError, match="matches the tasks"):
        row.reconcile_status(by=admin)
    assert not AuditEntry.objects.exists()


def test_a_task_that_begins_at_this_moment_wins(instance, admin, monkeypatch):
    launch_well(instance)
    row = stuck(instance)
    found = row.true_status()
    TaskFactory(instance=instance)
    monkeypatch.setattr(Instance, "true_status", lambda self: found)
    with pytest.raises(ConflictError):
        row.reconcile_status(by=admin)


def test_the_command_corrects_every_one(instance, capsys):
    launch_well(instance)
    stuck(instance)
    call_command("reconcile")
    told = capsys.readouterr().out
    assert f"{instance.pk}: was UnderChange" in told
    assert Instance.objects.get(pk=instance.pk).status == "Available"
    assert AuditEntry.objects.get().actor_name == "system"
    call_command("reconcile")
    assert "every status matches its tasks" in capsys.readouterr().out


def test_an_administrator_finds_the_way_on_the_page(
    admin_browser, instance, reconcile_url
):
    launch_well(instance)
    stuck(instance)
    page = admin_browser.get(instance.get_absolute_url()).content.decode()
    assert "The status of this instance does not match its tasks." in page
    assert reconcile_url in page
    assert "Available" in admin_browser.get(reconcile_url).content.decode()
    assert admin_browser.post(reconcile_url, {"reason": ""}).status_code == 422
    assert admin_browser.post(reconcile_url, {"reason": "restored"}).status_code == 302
    page = admin_browser.get(instance.get_absolute_url()).content.decode()
    assert "does not match its tasks" not in page


def test_the_owner_is_told_whom_to_ask(browser, instance, reconcile_url):
    launch_well(instance)
    stuck(instance)
    page = browser.get(instance.get_absolute_url()).content.decode()
    assert "Ask an administrator to reconcile the status." in page
    assert browser.post(reconcile_url, {"reason": "x"}).status_code == 404


CHANGING = (
    "update/",
    "update/review/",
    "terminate/",
    "terminate/plan/",
    "transfer/",
    "reconcile/",
)


@pytest.mark.parametrize("page", CHANGING)
def test_a_terminated_instance_opens_no_form(admin_browser, instance, page):
    launch_well(instance)
    Instance.objects.filter(pk=instance.pk).update(terminated_at=now())
    url = f"{instance.get_absolute_url()}{page}"
    for answer in (admin_browser.get(url), admin_browser.post(url, {"task": "x"})):
        assert answer.status_code == 409
        assert "This instance has been terminated." in answer.content.decode()


def test_a_terminated_instance_is_not_retried(admin_browser, instance):
    task = failed(instance)
    Instance.objects.filter(pk=instance.pk).update(terminated_at=now())
    url = f"{instance.get_absolute_url()}retry/"
    assert admin_browser.post(url, {"task": task.pk}).status_code == 409
