"""/admin/instances/…"""

import pytest
from django.test import Client
from django.utils.timezone import now

from console.lib.audit import AuditEntry
from instances.models import Evidence, Instance, StateVersion, Task
from tests.factories import InstanceFactory, PlanFactory, UserFactory
from tests.instances.running import log, running, with_task

pytestmark = pytest.mark.django_db
MODELS = (
    "instance",
    "task",
    "tasklog",
    "output",
    "plan",
    "resource",
    "tag",
    "stateversion",
    "evidence",
)
SECRET = "hunter2-hunter2"


@pytest.fixture
def staff(db):
    """A signed-in person to whom Django admin allows everything."""
    client = Client()
    client.force_login(UserFactory(username="root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def instance(alice):
    return InstanceFactory(owner=alice, name="orders")


def filled(instance):
    """An instance with one row of everything, secrets in each place that has one."""
    task = with_task(instance, ended=True, secrets={"key": SECRET})
    log(task, "line")
    return {
        "instance": instance,
        "task": task,
        "tasklog": task.logs.get(),
        "output": task.outputs.create(key="o", sensitive=True, secret_value=SECRET),
        "plan": PlanFactory(
            instance=instance, secrets={"key": SECRET}, file=SECRET.encode()
        ),
        "resource": instance.resources.create(
            address="a.b", name="b", type="a", status="X"
        ),
        "tag": instance.tags.create(key="k", value="v"),
        "stateversion": StateVersion.objects.create(
            instance=instance, lineage="l", serial=1, digest="d", body=SECRET.encode()
        ),
        "evidence": Evidence.objects.create(task=task, error="Bad.", address="a.b"),
    }


@pytest.mark.parametrize("model", MODELS)
def test_each_list_and_page_can_be_read_and_holds_no_secret(staff, instance, model):
    row = filled(instance)[model]
    for url in ("", "?q=x", f"{row.pk}/change/"):
        response = staff.get(f"/admin/instances/{model}/{url}")
        assert response.status_code == 200
        assert SECRET not in response.content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_a_list_takes_the_same_queries_for_more_rows(
    staff, model, django_assert_max_num_queries
):
    for _ in range(10):
        filled(InstanceFactory())
    with django_assert_max_num_queries(6):
        staff.get(f"/admin/instances/{model}/")


@pytest.mark.parametrize("model", MODELS)
def test_an_end_user_does_not_get_in(browser, model):
    assert browser.get(f"/admin/instances/{model}/").status_code in (302, 403, 404)


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_added_by_hand(staff, model):
    assert staff.get(f"/admin/instances/{model}/add/").status_code == 403


@pytest.mark.parametrize("model", MODELS[1:])
def test_evidence_is_neither_changed_nor_deleted(staff, instance, model):
    row = filled(instance)[model]
    for place in ("change", "delete"):
        url = f"/admin/instances/{model}/{row.pk}/{place}/"
        assert staff.post(url, {"post": "yes"}).status_code == 403
    type(row).objects.get(pk=row.pk)


def test_the_owner_can_be_corrected_and_that_is_audited(staff, instance, bob):
    url = f"/admin/instances/instance/{instance.pk}/change/"
    response = staff.post(url, {"owner": bob.pk, "owner_role": ""})
    assert response.status_code == 302
    instance.refresh_from_db()
    assert instance.owner == bob
    entry = AuditEntry.objects.get(action="UpdateInstance")
    assert entry.actor_name == "root"
    assert entry.after == {"owner": str(bob.pk)}
    assert entry.before != entry.after


def test_an_instance_keeps_exactly_one_owner(staff, instance):
    url = f"/admin/instances/instance/{instance.pk}/change/"
    assert staff.post(url, {"owner": "", "owner_role": ""}).status_code == 200
    instance.refresh_from_db()
    assert instance.owner is not None


def test_facts_of_the_engine_cannot_be_posted(staff, instance, bob):
    url = f"/admin/instances/instance/{instance.pk}/change/"
    staff.post(url, {"owner": bob.pk, "owner_role": "", "status": "Error", "name": "x"})
    instance.refresh_from_db()
    assert (instance.status, instance.name) == ("Available", "orders")


def test_a_correction_does_not_overwrite_what_the_worker_wrote(staff, instance, bob):
    task = running(instance)
    url = f"/admin/instances/instance/{instance.pk}/change/"
    staff.post(url, {"owner": bob.pk, "owner_role": ""})
    instance.refresh_from_db()
    assert (instance.status, instance.last_task) == ("UnderChange", task)


def test_an_instance_with_resources_is_not_deleted(staff, instance):
    filled(instance)
    url = f"/admin/instances/instance/{instance.pk}/delete/"
    page = staff.post(url, {"post": "yes"}).content.decode()
    assert "orders: 1 resource still exists. Terminate the instance instead." in page
    assert Instance.objects.filter(pk=instance.pk).exists()


def test_nor_are_many_at_once(staff, instance):
    filled(instance)
    free = InstanceFactory()
    response = staff.post(
        "/admin/instances/instance/",
        {
            "action": "delete_selected",
            "_selected_action": [instance.pk, free.pk],
            "post": "yes",
        },
    )
    assert "orders: 1 resource still exists." in response.content.decode()
    assert Instance.objects.count() == 2


def test_an_instance_whose_state_still_has_resources_is_not_deleted(staff, instance):
    StateVersion.objects.create(
        instance=instance, lineage="l", serial=1, digest="d", body=b"", resource_count=2
    )
    url = f"/admin/instances/instance/{instance.pk}/delete/"
    assert (
        "2 resources still exist" in staff.post(url, {"post": "yes"}).content.decode()
    )


def test_an_instance_under_change_is_not_deleted(staff, instance):
    running(instance)
    url = f"/admin/instances/instance/{instance.pk}/delete/"
    page = staff.post(url, {"post": "yes"}).content.decode()
    assert "a task is running on it" in page
    assert Task.objects.exists()


def test_an_instance_without_resources_goes_with_its_history_and_is_audited(
    staff, instance
):
    with_task(instance, ended=True)
    Instance.objects.filter(pk=instance.pk).update(terminated_at=now())
    url = f"/admin/instances/instance/{instance.pk}/delete/"
    assert staff.post(url, {"post": "yes"}).status_code == 302
    assert not Instance.objects.filter(pk=instance.pk).exists()
    assert AuditEntry.objects.get(action="DeleteInstance").target_name == "orders"
