"""/admin/instances/…"""

import pytest
from django.contrib.admin import site
from django.test import Client
from django.utils.timezone import now

from console.lib.audit import AuditEntry
from instances.models import Instance, StateVersion, Task, TaskDiagnostics
from tests.factories import InstanceFactory, PlanFactory, RoleFactory, UserFactory
from tests.form_fields import sent_by
from tests.instances.running import log, running, with_task
from tests.markup import compact

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
    "taskdiagnostics",
)
SECRET = "hunter2-hunter2"


@pytest.fixture
def staff(db):
    """A signed-in user with all permissions of Django admin."""
    client = Client()
    client.force_login(UserFactory(username="root", is_staff=True, is_superuser=True))
    return client


def populated(instance):
    """An instance with a row of each record, and a secret in each place that can have one."""
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
        "taskdiagnostics": TaskDiagnostics.objects.create(
            task=task, error="Bad.", address="a.b"
        ),
    }


@pytest.mark.parametrize("model", MODELS)
def test_each_list_and_page_can_be_read_and_holds_no_secret(staff, instance, model):
    row = populated(instance)[model]
    for url in ("", "?q=x", f"{row.pk}/change/"):
        response = staff.get(f"/admin/instances/{model}/{url}")
        assert response.status_code == 200
        assert SECRET not in response.content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_a_list_takes_the_same_queries_for_more_rows(
    staff, model, django_assert_max_num_queries
):
    for _ in range(10):
        populated(InstanceFactory())
    with django_assert_max_num_queries(6):
        staff.get(f"/admin/instances/{model}/")


@pytest.mark.parametrize("model", MODELS)
def test_an_end_user_has_no_access(browser, model):
    assert browser.get(f"/admin/instances/{model}/").status_code in (302, 403, 404)


@pytest.mark.parametrize("model", MODELS)
def test_records_cannot_be_added(staff, model):
    assert staff.get(f"/admin/instances/{model}/add/").status_code == 403


@pytest.mark.parametrize("model", MODELS[1:])
def test_records_cannot_be_changed_or_deleted(staff, instance, model):
    row = populated(instance)[model]
    for place in ("change", "delete"):
        url = f"/admin/instances/{model}/{row.pk}/{place}/"
        assert staff.post(url, {"post": "yes"}).status_code == 403
    type(row).objects.get(pk=row.pk)


def test_the_former_url_of_diagnostics_redirects(staff):
    for rest in ("", "?q=x", "task-1/change/"):
        answer = staff.get(f"/admin/instances/evidence/{rest}")
        assert answer.status_code == 301
        assert answer["Location"] == f"/admin/instances/taskdiagnostics/{rest}"


def admin_fields(page):
    fields = sent_by(page)
    buttons = {name for name in fields if name.startswith("_")} | {"reconcile"}
    return {name: fields[name] for name in fields.keys() - buttons}


def fix(staff, instance, **entries):
    """Open the change page and send it with these values."""
    url = f"/admin/instances/instance/{instance.pk}/change/"
    fields = admin_fields(staff.get(url)) | {"reason": "moved to sales"}
    return staff.post(url, fields | entries)


def test_the_owner_can_be_corrected_and_that_is_audited(staff, instance, bob):
    response = fix(staff, instance, owner=bob.pk)
    assert response.status_code == 302
    instance.refresh_from_db()
    assert instance.owner == bob
    entry = AuditEntry.objects.get(action="UpdateInstance")
    assert entry.actor_name == "root"
    assert entry.after == {"owner": str(bob.pk)}
    assert entry.before != entry.after


def test_an_instance_keeps_exactly_one_owner(staff, instance):
    page = fix(staff, instance, owner="")
    assert page.status_code == 200
    assert "An instance has exactly one owner." in page.content.decode()
    assert "instance_has_one_owner" not in page.content.decode()
    both = fix(staff, instance, owner_role=RoleFactory().pk)
    assert "An instance has exactly one owner." in both.content.decode()
    instance.refresh_from_db()
    assert instance.owner is not None


def test_facts_of_the_engine_cannot_be_posted(staff, instance, bob):
    fix(staff, instance, owner=bob.pk, status="Error", name="x")
    instance.refresh_from_db()
    assert (instance.status, instance.name) == ("Available", "orders")


def test_a_correction_does_not_overwrite_what_the_worker_wrote(staff, instance, bob):
    task = running(instance)
    fix(staff, instance, owner=bob.pk)
    instance.refresh_from_db()
    assert (instance.status, instance.last_task) == ("UnderChange", task)


def test_an_instance_with_resources_is_not_deleted(staff, instance):
    populated(instance)
    url = f"/admin/instances/instance/{instance.pk}/delete/"
    page = staff.post(url, {"post": "yes"}).content.decode()
    assert "orders still has 1 resource. Terminate the instance instead." in page
    assert Instance.objects.filter(pk=instance.pk).exists()


def test_instances_with_resources_are_not_deleted_in_bulk(staff, instance):
    populated(instance)
    free = InstanceFactory()
    response = staff.post(
        "/admin/instances/instance/",
        {
            "action": "delete_selected",
            "_selected_action": [instance.pk, free.pk],
            "post": "yes",
            "reason": "tests",
        },
    )
    assert "orders still has 1 resource." in response.content.decode()
    assert Instance.objects.count() == 2


def test_an_instance_whose_state_still_has_resources_is_not_deleted(staff, instance):
    StateVersion.objects.create(
        instance=instance, lineage="l", serial=1, digest="d", body=b"", resource_count=2
    )
    url = f"/admin/instances/instance/{instance.pk}/delete/"
    assert "still has 2 resources" in staff.post(url, {"post": "yes"}).content.decode()


def test_an_instance_under_change_is_not_deleted(staff, instance):
    running(instance)
    url = f"/admin/instances/instance/{instance.pk}/delete/"
    page = staff.post(url, {"post": "yes"}).content.decode()
    assert "A task is running on" in page
    assert Task.objects.exists()


def test_an_instance_without_resources_goes_with_its_history_and_is_audited(
    staff, instance
):
    with_task(instance, ended=True)
    Instance.objects.filter(pk=instance.pk).update(terminated_at=now())
    url = f"/admin/instances/instance/{instance.pk}/delete/"
    asked = staff.post(url, {"post": "yes"}, follow=True)
    assert "Enter a reason" in asked.content.decode()
    assert Instance.objects.filter(pk=instance.pk).exists()
    instance.tags.create(key="team", value="shop")
    sent = {"post": "yes", "reason": "a test"}
    assert staff.post(url, sent).status_code == 302
    assert not Instance.objects.filter(pk=instance.pk).exists()
    entry = AuditEntry.objects.get(action="DeleteInstance")
    assert (entry.target_name, entry.reason) == ("orders", "a test")
    assert entry.before["owner"] == "user/alice"
    assert entry.before["tags"] == {"team": "shop"}
    assert entry.before["version"] == instance.version_id
    assert SECRET not in str(entry.before)


def test_an_inactive_user_cannot_become_the_owner(staff, instance):
    gone = UserFactory(username="gone", is_active=False)
    page = fix(staff, instance, owner=gone.pk).content.decode()
    assert "gone is not active. Choose another owner." in page
    instance.refresh_from_db()
    assert instance.owner.username == "alice"


def test_another_field_can_be_fixed_with_an_inactive_owner(staff, instance):
    type(instance.owner).objects.filter(username="alice").update(is_active=False)
    assert fix(staff, instance, tags="team=shop").status_code == 302


def test_a_fix_needs_a_reason(staff, instance, bob):
    page = fix(staff, instance, owner=bob.pk, reason="").content.decode()
    assert "Enter a reason. The reason is recorded in the audit log." in page
    instance.refresh_from_db()
    assert instance.owner != bob
    assert not AuditEntry.objects.filter(action="UpdateInstance").exists()


def test_the_tags_can_be_corrected(staff, instance):
    with_task(instance, ended=True, tags={"team": "shpo"})
    instance.tags.create(key="team", value="shpo")
    assert fix(staff, instance, tags="team=shop\ncost = 7").status_code == 302
    row = Instance.objects.get(pk=instance.pk)
    tags = {"team": "shop", "cost": "7"}
    assert dict(row.tags.values_list("key", "value")) == tags
    assert row.current().tags == tags
    assert Task.objects.get().tags == {"team": "shpo"}
    with_task(row, ended=True, tags={"team": "new"})
    assert Instance.objects.get(pk=row.pk).current().tags == {"team": "new"}
    entry = AuditEntry.objects.get(action="UpdateInstance")
    assert (entry.before, entry.after) == (
        {"tags": "team=shpo"},
        {"tags": {"team": "shop", "cost": "7"}},
    )
    assert entry.reason == "moved to sales"


@pytest.mark.parametrize("tags", ["team", "=x", "a=1\na=2", "aliyun=1", "a=acs:x"])
def test_invalid_tags_are_refused(staff, instance, tags):
    assert fix(staff, instance, tags=tags).status_code == 200
    assert not instance.tags.exists()


def test_a_wrong_status_is_reconciled(staff, instance):
    with_task(instance, ended=True)
    Instance.objects.filter(pk=instance.pk).update(status="UnderChange")
    url = f"/admin/instances/instance/{instance.pk}/"
    page = staff.get(f"{url}change/").content.decode()
    assert "Set the status according to the tasks and the state" in page
    refused = staff.post(f"{url}delete/", {"post": "yes", "reason": "x"})
    assert "does not match its tasks" in refused.content.decode()
    assert fix(staff, instance, reconcile="on").status_code == 302
    instance.refresh_from_db()
    assert instance.status == "Available"
    entry = AuditEntry.objects.get(action="ReconcileInstance")
    assert (entry.actor_name, entry.reason) == ("root", "moved to sales")


def test_a_consistent_status_cannot_be_reconciled(staff, instance):
    with_task(instance, ended=True)
    url = f"/admin/instances/instance/{instance.pk}/change/"
    assert 'name="reconcile"' not in compact(staff.get(url))


def test_a_terminated_instance_is_shown_as_such_and_not_changed(staff, instance, bob):
    with_task(instance, ended=True)
    Instance.objects.filter(pk=instance.pk).update(terminated_at=now())
    rows = staff.get("/admin/instances/instance/").context["cl"].result_list
    assert [staff_status(row) for row in rows] == ["Terminated"]
    url = f"/admin/instances/instance/{instance.pk}/change/"
    page = staff.get(url).content.decode()
    assert "Terminated" in page
    assert "Available" not in page
    sent = {"owner": bob.pk, "owner_role": "", "reason": "x"}
    assert staff.post(url, sent).status_code == 403
    instance.refresh_from_db()
    assert instance.owner != bob


def staff_status(row):
    return site._registry[Instance].status_text(row)


def test_an_out_of_date_page_changes_no_owner(staff, instance, bob, admin):
    url = f"/admin/instances/instance/{instance.pk}/change/"
    fields = admin_fields(staff.get(url)) | {"reason": "so"}
    instance.transfer(to=admin, by=admin)
    page = staff.post(url, fields | {"owner": bob.pk})
    assert "Changed by admin at " in page.content.decode()
    instance.refresh_from_db()
    assert instance.owner == admin
    again = admin_fields(page)
    assert (again["owner"], again["reason"]) == (str(bob.pk), "so")
    assert staff.post(url, again).status_code == 302
