"""The transfer of an instance from its page, and of many from the list."""

from functools import partial

import pytest
from django.utils.timezone import now

from console.api.endpoint import OPERATIONS
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, InvalidInputError, NotFoundError
from instances.models import Instance, Plan, Task
from tests.factories import InstanceFactory, PlanFactory, RoleFactory, UserFactory
from tests.form_fields import save
from tests.instances.running import running
from tests.interleaving import just_before
from tests.markup import compact

pytestmark = pytest.mark.django_db
BULK = "/instances/transfer/"
OWNER_CHANGE = 'UPDATE "instances_instance" SET "owner_id"'


@pytest.fixture
def dialog(instance):
    return f"/instances/{instance.pk}/transfer/"


def owner_of(instance):
    return Instance.objects.get(pk=instance.pk).principal


def test_an_instance_is_transferred_to_a_user(instance, admin, bob):
    instance.transfer(to=bob, by=admin)
    assert owner_of(instance) == bob


def test_an_instance_is_transferred_to_a_group(instance, admin):
    group = RoleFactory()
    instance.transfer(to=group, by=admin)
    assert owner_of(instance) == group


def test_an_instance_is_transferred_from_a_group(instance, admin, alice):
    instance.transfer(to=RoleFactory(), by=admin)
    instance.transfer(to=alice, by=admin)
    assert owner_of(instance) == alice


def test_a_running_task_goes_on_under_the_new_owner(instance, admin, bob):
    task = running(instance)
    instance.transfer(to=bob, by=admin)
    assert Task.objects.get(pk=task.pk).state == Task.State.RUNNING
    assert Instance.objects.get(pk=instance.pk).last_task_id == task.pk


def test_it_is_audited_with_both_owners_and_the_reason(instance, admin, bob):
    instance.transfer(to=bob, by=admin, reason="transfers to sales")
    entry = AuditEntry.objects.get(action="TransferInstance", target_id=instance.pk)
    assert (entry.before, entry.after) == (
        {"owner": "user/alice"},
        {"owner": "user/bob"},
    )
    assert (entry.actor_name, entry.reason) == ("admin", "transfers to sales")


def test_an_inactive_user_cannot_become_the_owner(instance, admin):
    with pytest.raises(InvalidInputError, match="deactivated"):
        instance.transfer(to=UserFactory(is_active=False), by=admin)


def test_a_transfer_to_the_present_owner_is_refused(instance, admin, alice):
    with pytest.raises(ConflictError):
        instance.transfer(to=alice, by=admin)


def test_a_transfer_of_a_terminated_instance_is_refused(instance, admin, bob):
    Instance.objects.filter(pk=instance.pk).update(terminated_at=now())
    with pytest.raises(ConflictError):
        instance.transfer(to=bob, by=admin)
    assert not AuditEntry.objects.exists()


def test_a_bulk_transfer_writes_one_audit_entry(alice, bob, admin):
    for _ in range(3):
        InstanceFactory(owner=alice)
    transfers = Instance.objects.filter(owner=alice).transfer(to=bob, by=admin)
    assert [each.done for each in transfers] == [True] * 3
    assert bob.instances.count() == 3
    assert len(AuditEntry.objects.get().before["owners"]) == 3


def test_the_former_owner_cannot_execute_a_plan_made_before(instance, admin, bob):
    plan = PlanFactory(
        draft=True,
        operation=Task.Kind.TERMINATE,
        owner=instance.owner,
        instance=instance,
        version=instance.version,
        status=Plan.Status.PREVIEW_SUCCESS,
    )
    instance.transfer(to=bob, by=admin)
    with pytest.raises(NotFoundError):
        Plan.objects.get(pk=plan.pk).execute(by=plan.owner)
    assert not Task.objects.exists()


def test_the_former_owner_gets_a_404(browser, instance, admin, bob):
    instance.transfer(to=bob, by=admin)
    assert browser.get(instance.get_absolute_url()).status_code == 404


def test_an_administrator_transfers_from_the_page(admin_browser, instance, dialog, bob):
    assert "Transfer instance" in admin_browser.get(dialog).content.decode()
    response = save(admin_browser, dialog, {"to": "bob", "reason": ""})
    assert response.url == instance.get_absolute_url()
    assert owner_of(instance) == bob


@pytest.mark.parametrize("name", ["user/bob", " bob ", "\u200bbob\u00a0"])
def test_names_are_accepted_with_and_without_prefix(admin_browser, dialog, bob, name):
    assert save(admin_browser, dialog, {"to": name}).status_code == 302


def test_a_group_is_named_with_its_prefix(admin_browser, instance, dialog, bob):
    group = RoleFactory(name="bob")
    save(admin_browser, dialog, {"to": "role/bob"})
    assert owner_of(instance) == group


def test_a_principal_id_is_accepted(admin_browser, instance, dialog, bob):
    save(admin_browser, dialog, {"to": bob.principal_id})
    assert owner_of(instance) == bob


@pytest.mark.parametrize("name", ["", "nobody", "user/", "role/nobody"])
def test_an_unknown_name_is_refused(admin_browser, instance, dialog, alice, name):
    assert save(admin_browser, dialog, {"to": name}).status_code == 422
    assert owner_of(instance) == alice


def test_an_end_user_cannot_transfer(browser, instance, dialog, alice):
    assert browser.get(dialog).status_code == 404
    assert browser.post(dialog, {"to": "bob"}).status_code == 404
    assert browser.post(BULK, {"instance": instance.pk, "to": "bob"}).status_code == 404
    assert owner_of(instance) == alice


def test_a_bulk_transfer_reports_each_instance(admin_browser, instance, bob):
    theirs = InstanceFactory(owner=bob, name="already")
    response = admin_browser.post(
        BULK, {"instance": [instance.pk, theirs.pk], "to": "bob"}
    )
    page = response.content.decode()
    assert "1 of 2 instances now belong to bob" in page
    assert "The instance already belongs to this owner." in page
    assert owner_of(instance) == bob


def test_an_unknown_name_keeps_the_selection(admin_browser, instance):
    response = admin_browser.post(BULK, {"instance": [instance.pk], "to": "nobody"})
    assert response.status_code == 422
    assert f'value="{instance.pk}" id="pick-{instance.pk}" checked' in (
        compact(response)
    )


def test_an_empty_selection_is_refused(admin_browser, bob):
    response = admin_browser.post(BULK, {"to": "bob"})
    assert response.status_code == 422
    assert "Select the instances" in response.content.decode()


def test_only_the_account_list_has_checkboxes(admin_browser, instance):
    box = f'id="pick-{instance.pk}"'
    assert box in compact(admin_browser.get("/instances/?access=account"))
    assert box not in compact(admin_browser.get("/instances/"))


def test_a_refreshed_row_keeps_its_checkbox(admin_browser, browser, instance):
    running(instance)
    row = f"/instances/{instance.pk}/row/?select=1"
    box = f'id="pick-{instance.pk}"'
    assert box in compact(admin_browser.get(row))
    assert box not in compact(browser.get(row))


def test_the_detail_page_links_to_it_for_administrators(
    admin_browser, browser, instance
):
    assert (
        "head-transfer"
        in admin_browser.get(instance.get_absolute_url()).content.decode()
    )
    assert (
        "head-transfer" not in browser.get(instance.get_absolute_url()).content.decode()
    )


def test_instances_without_active_owner_are_found(alice, bob):
    deserted = RoleFactory()
    bob.groups.add(deserted)
    looked_after = RoleFactory()
    alice.groups.add(looked_after)
    UserFactory(username="x", is_active=False)
    type(bob).objects.filter(pk=bob.pk).update(is_active=False)
    left = InstanceFactory(owner=bob)
    shared = InstanceFactory(owner=None, owner_role=deserted)
    InstanceFactory(owner=None, owner_role=looked_after)
    InstanceFactory(owner=alice)
    assert set(Instance.objects.ownerless()) == {left, shared}


def test_the_list_is_filtered_by_no_active_owner(admin_browser, bob):
    type(bob).objects.filter(pk=bob.pk).update(is_active=False)
    left = InstanceFactory(owner=bob)
    InstanceFactory()
    page = admin_browser.get("/instances/?access=account&ownerless=1")
    assert [row["pk"] for row in page.context["rows"]] == [left.pk]


def test_the_filter_does_not_widen_the_list_of_an_end_user(browser, bob):
    type(bob).objects.filter(pk=bob.pk).update(is_active=False)
    InstanceFactory(owner=bob)
    page = browser.get("/instances/?access=account&ownerless=1")
    assert page.context["rows"] == []


def test_an_out_of_date_list_transfers_nothing(
    admin_browser, instance, admin, bob, carol
):
    page = compact(admin_browser.get("/instances/?access=account"))
    mark = f"{instance.pk} user-{instance.owner_id}"
    assert f'name="seen" value="{mark}"' in page
    instance.transfer(to=bob, by=admin)
    sent = {"instance": [instance.pk], "to": "carol", "seen": [mark]}
    page = compact(admin_browser.post(BULK, sent))
    assert (
        "The instance was transferred to user/bob after you opened this page." in page
    )
    assert owner_of(instance) == bob


def given_to(instance, user):
    """Commit the transfer of another administrator first."""
    return partial(Instance.objects.filter(pk=instance.pk).update, owner=user)


def test_a_transfer_superseded_by_another_is_refused(
    admin_browser, instance, dialog, bob, carol
):
    with just_before(OWNER_CHANGE, given_to(instance, carol)):
        response = save(admin_browser, dialog, {"to": "bob"})
    assert response.status_code == 422
    assert "just changed by another operation" in response.content.decode()
    assert owner_of(instance) != bob
    assert not AuditEntry.objects.filter(action="TransferInstance").exists()


def test_a_bulk_transfer_skips_an_instance_transferred_meanwhile(
    admin_browser, instance, bob, carol
):
    with just_before(OWNER_CHANGE, given_to(instance, carol)):
        response = admin_browser.post(BULK, {"instance": [instance.pk], "to": "bob"})
    assert "just changed by another operation" in response.content.decode()
    assert owner_of(instance) == carol
    assert not AuditEntry.objects.filter(action="TransferInstances").exists()


def test_the_seen_owners_survive_an_unknown_name(admin_browser, instance, bob):
    mark = f"{instance.pk} user-{instance.owner_id}"
    sent = {"instance": [instance.pk], "to": "nobody", "seen": [mark]}
    assert f'value="{mark}"' in compact(admin_browser.post(BULK, sent))


@pytest.fixture
def old_plan(instance, alice):
    return PlanFactory(
        operation=Task.Kind.UPDATE,
        owner=alice,
        instance=instance,
        version=instance.version,
        status=Plan.Status.PREVIEW_SUCCESS,
    )


@pytest.mark.parametrize("group", [False, True])
def test_the_owner_of_a_plan_reads_it_while_owning_the_instance(
    browser, instance, alice, admin, old_plan, group
):
    if group:
        role = RoleFactory()
        alice.groups.add(role)
        instance.transfer(to=role, by=admin)
    assert browser.get(old_plan.get_absolute_url()).status_code == 200
    assert list(Plan.objects.owned_by(alice)) == [old_plan]


def test_a_former_owner_cannot_read_the_plan(
    browser, instance, alice, admin, bob, old_plan
):
    missing = browser.get("/plans/plan-bp1missing00000/")
    instance.transfer(to=bob, by=admin)
    answer = browser.get(old_plan.get_absolute_url())
    assert answer.status_code == missing.status_code == 404
    assert old_plan.name not in browser.get("/plans/").content.decode()
    read = OPERATIONS["GetProvisionedProductPlan"].run
    with pytest.raises(NotFoundError) as foreign:
        read({"PlanId": old_plan.pk}, alice)
    with pytest.raises(NotFoundError) as nowhere:
        read({"PlanId": "plan-bp1missing00000"}, alice)
    assert str(foreign.value) == str(nowhere.value)
    assert foreign.value.code == nowhere.value.code
    for verb in ("Execute", "Cancel", "Delete"):
        with pytest.raises(NotFoundError):
            OPERATIONS[f"{verb}ProvisionedProductPlan"].run(
                {"PlanId": old_plan.pk}, alice
            )
    listed = OPERATIONS["ListProvisionedProductPlans"]
    params = {"Filters": [], "PageNumber": 1, "PageSize": 10}
    assert listed.run(params, alice)["PlanDetails"] == []
    assert list(Plan.objects.shown_to(alice)) == []
    # Administrators can still read it.
    assert old_plan.visible_to(admin)
