"""Messages about running tasks and previews, which end with them."""

import pytest
from django.utils.timezone import now

from instances.models import Instance, Plan, Task
from tests.factories import InstanceFactory, PlanFactory, TaskFactory
from tests.markup import compact

pytestmark = pytest.mark.django_db


@pytest.fixture
def changing(alice):
    instance = InstanceFactory(owner=alice, name="orders")
    task = TaskFactory(instance=instance, kind=Task.Kind.UPDATE)
    Instance.objects.update(last_task=task)
    return task


@pytest.fixture
def place(changing):
    return f"/instances/{changing.instance_id}/tasks/{changing.pk}/outcome/"


def test_a_message_about_a_task_polls_its_outcome(browser, changing):
    Task.objects.all().delete()
    browser.post(
        f"/instances/{changing.instance_id}/terminate/", {"confirm": "terminate"}
    )
    started = Task.objects.get()
    html = compact(browser.get("/instances/"))
    outcome = f"/instances/{started.instance_id}/tasks/{started.pk}/outcome/"
    assert "Termination of orders has started." in html
    assert f'hx-get="{outcome}" hx-trigger="tick from:body"' in html


def test_a_poll_is_empty_while_the_task_runs(browser, place):
    assert browser.get(place).status_code == 204


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("LaunchProduct", "Succeeded", "orders was launched."),
        ("UpdateProvisionedProduct", "Succeeded", "orders was updated."),
        ("TerminateProvisionedProduct", "Succeeded", "orders was terminated."),
        ("LaunchProduct", "Failed", "orders could not be launched."),
        ("UpdateProvisionedProduct", "Failed", "orders could not be updated."),
        ("TerminateProvisionedProduct", "Failed", "orders could not be terminated."),
    ],
)
def test_the_outcome_replaces_the_message(browser, place, kind, status, text):
    Task.objects.update(kind=kind, status=status, state="ended")
    html = browser.get(place).content.decode()
    assert text in html
    assert "hx-trigger" not in html
    assert ("notice--bad" in html) == (status == "Failed")


def test_the_owner_gets_the_outcome_of_a_termination(browser, place, bob, client):
    Task.objects.update(
        kind="TerminateProvisionedProduct", status="Succeeded", state="ended"
    )
    Instance.objects.update(terminated_at=now())
    assert "orders was terminated." in browser.get(place).content.decode()
    client.force_login(bob)
    assert client.get(place).status_code == 404


def test_the_message_about_a_preview_ends_with_the_preview(browser, alice):
    plan = PlanFactory(owner=alice)
    url = f"/plans/{plan.pk}/outcome/"
    assert browser.get(url).status_code == 204
    Plan.objects.update(status="PreviewSuccess", state="ended")
    ended = browser.get(url)
    assert (ended.status_code, ended.content) == (200, b"")
