"""A plan's verbs: submit, approve, reject, edit, preview again, cancel, remove, execute."""

import pytest

from catalog.effective_constraints import ApprovalRequiredError
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, ForbiddenError, InvalidInputError
from instances.launch_validation import execute_once
from instances.models import (
    Instance,
    OperationRecord,
    Plan,
    PlanOutOfDateError,
    ProvisioningSpec,
    Task,
)
from tests.factories import (
    InstanceFactory,
    RegionFactory,
    RoleFactory,
)
from tests.instances.planning import (
    approved,
    asked,
    asked_of,
    changed_by_another,
    constrain,
    portfolio_of,
    previewed,
)

Status = Plan.Status


def actions(plan):
    return list(plan.records.values_list("action", flat=True))


# Submit


def test_a_plan_without_an_approval_constraint_can_be_executed(bob, offered):
    plan = previewed(asked(bob, offered))
    assert plan.status == Status.PREVIEW_SUCCESS
    assert actions(plan) == []


def test_a_plan_asks_for_its_approval_when_the_preview_succeeds(plan, bob):
    assert plan.status == Status.APPLICATION_IN_PROGRESS
    record = plan.records.get()
    assert (record.action, record.operator, record.digest) == (
        "Submit",
        bob,
        plan.digest,
    )


def test_a_draft_whose_preview_has_ended_asks_for_it_when_it_is_submitted(bob, offered):
    constrain(offered, "carol")
    draft = Plan.objects.draft_for(
        Task.Kind.LAUNCH,
        ProvisioningSpec(offered, portfolio_of(offered), {}),
        by=bob,
        region=RegionFactory(),
        instance_name="prod",
    )
    draft = previewed(draft)
    assert draft.status == Status.PREVIEW_SUCCESS
    draft.submit(name="please", by=bob)
    assert Plan.objects.get().status == Status.APPLICATION_IN_PROGRESS


def test_a_failed_preview_asks_nobody(bob, offered):
    constrain(offered, "carol")
    plan = previewed(asked(bob, offered), ok=False, message="Invalid CIDR")
    assert (plan.status, plan.status_message) == (Status.PREVIEW_FAILED, "Invalid CIDR")
    assert actions(plan) == []


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_plan_has_a_name(bob, offered, name):
    with pytest.raises(InvalidInputError):
        asked(bob, offered, name=name)
    assert not Plan.objects.exists()


def test_an_approval_for_another_operation_does_not_concern_it(bob, offered):
    constrain(offered, "carol", operations=["TerminateProvisionedProduct"])
    assert previewed(asked(bob, offered)).status == Status.PREVIEW_SUCCESS


def test_no_plan_is_made_while_a_task_runs(bob, bobs_instance):
    Instance.objects.update(status="UnderChange")
    with pytest.raises(ConflictError):
        asked_of(bobs_instance, bob)


# Approve and reject


def test_an_approver_approves_with_a_comment(plan, carol):
    plan.approve(by=carol, comment="Within budget")
    record = plan.records.last()
    assert Plan.objects.get().status == Status.APPLICATION_APPROVED
    assert (record.action, record.operator, record.comment) == (
        "Approve",
        carol,
        "Within budget",
    )


def test_an_approver_rejects(plan, carol):
    plan.reject(by=carol, comment="Too large")
    assert Plan.objects.get().status == Status.APPLICATION_REJECTED
    assert actions(plan) == ["Submit", "Reject"]


def test_the_requester_never_approves_even_as_an_approver(bob, offered):
    constrain(offered, "bob", "carol")
    plan = previewed(asked(bob, offered))
    with pytest.raises(ForbiddenError, match="your own plan"):
        plan.approve(by=bob)
    assert Plan.objects.get().status == Status.APPLICATION_IN_PROGRESS


@pytest.mark.parametrize("person", ["alice", "admin"])
def test_nobody_else_approves_not_even_an_administrator(plan, person, request):
    with pytest.raises(ForbiddenError):
        plan.approve(by=request.getfixturevalue(person))


def test_a_member_of_an_approving_group_approves(bob, carol, offered):
    role = RoleFactory(name="Approvers")
    carol.groups.add(role)
    constrain(offered, "Approvers", kind="RamRole")
    plan = previewed(asked(bob, offered))
    plan.approve(by=carol)
    assert Plan.objects.get().status == Status.APPLICATION_APPROVED


def test_who_is_no_longer_an_approver_does_not_approve(plan, offered, carol):
    assert plan.approval.may_decide(carol)
    constraint = portfolio_of(offered).constraints.get()
    constraint.config["Approvers"] = [
        {"PrincipalType": "RamUser", "PrincipalName": "dave"}
    ]
    constraint.save()
    with pytest.raises(ForbiddenError):
        plan.approve(by=carol)


def test_who_became_an_approver_meanwhile_approves(plan, offered, alice):
    constraint = portfolio_of(offered).constraints.get()
    constraint.config["Approvers"].append(
        {"PrincipalType": "RamUser", "PrincipalName": "alice"}
    )
    constraint.save()
    plan.approve(by=alice)
    assert Plan.objects.get().status == Status.APPLICATION_APPROVED


def test_a_decision_is_made_once(plan, carol):
    again = Plan.objects.get()
    plan.approve(by=carol)
    with pytest.raises(ConflictError, match="Approved"):
        again.reject(by=carol)
    assert actions(plan) == ["Submit", "Approve"]


def test_what_was_previewed_again_since_it_was_read_is_not_approved(plan, bob, carol):
    seen = plan.digest
    plan.preview_again(by=bob)
    fresh = previewed(plan)
    with pytest.raises(ConflictError, match="previewed again"):
        fresh.approve(by=carol, seen=seen)


def test_an_approval_is_in_the_audit_log_with_its_digest(plan, carol):
    plan.approve(by=carol, comment="Within budget")
    entry = AuditEntry.objects.get(action="ApprovePlan")
    assert entry.actor == carol
    assert entry.reason == "Within budget"
    assert entry.after["digest"] == plan.digest


# Edit, preview again, cancel, remove


def test_editing_an_approved_plan_drops_the_approval(plan, bob, carol, offered):
    plan = approved(plan, carol)
    plan.edit(
        ProvisioningSpec(offered, portfolio_of(offered), {"name": "other"}), by=bob
    )
    fresh = Plan.objects.get()
    assert (fresh.status, fresh.digest) == (Status.PREVIEW_IN_PROGRESS, "")
    assert previewed(fresh).status == Status.APPLICATION_IN_PROGRESS


def test_what_was_approved_before_an_edit_is_not_what_is_approved_now(
    plan, bob, carol, offered
):
    plan = approved(plan, carol)
    plan.edit(
        ProvisioningSpec(offered, portfolio_of(offered), {"name": "other"}), by=bob
    )
    plan = previewed(plan)
    with pytest.raises(ConflictError):
        plan.execute(by=bob)


def test_an_edited_launch_may_have_another_name_and_region(bob, offered):
    plan = previewed(asked(bob, offered))
    region = RegionFactory(id="cn-beijing", name="Beijing")
    spec = ProvisioningSpec(offered, portfolio_of(offered), {"name": "x"})
    plan.edit(spec, by=bob, instance_name="other", region=region)
    fresh = Plan.objects.get()
    assert (fresh.instance_name, fresh.region, fresh.parameters) == (
        "other",
        region,
        {"name": "x"},
    )


@pytest.mark.parametrize("verb", ["cancel", "preview_again", "remove", "execute"])
def test_only_the_owner_acts(plan, admin, verb):
    with pytest.raises(ForbiddenError):
        getattr(plan, verb)(by=admin)


def test_a_canceled_plan_is_neither_approved_nor_executed(plan, bob, carol):
    other = Plan.objects.get()
    plan.cancel(by=bob)
    for step in (other.approve, other.reject):
        with pytest.raises(ConflictError):
            step(by=carol)
    with pytest.raises(ConflictError):
        Plan.objects.get().execute(by=bob)
    assert actions(plan) == ["Submit", "Cancel"]


def test_a_waiting_plan_is_not_deleted(plan, bob):
    with pytest.raises(ConflictError, match="in progress"):
        plan.remove(by=bob)
    plan.cancel(by=bob)
    plan.remove(by=bob)
    assert not Plan.objects.exists()
    assert AuditEntry.objects.filter(action="DeletePlan").count() == 1


# Execute


def test_an_approved_plan_launches_under_the_reserved_id(plan, bob, carol):
    plan = approved(plan, carol)
    task = plan.execute(by=bob)
    assert task.instance.pk == plan.reserved_instance_id
    fresh = Plan.objects.get()
    assert (fresh.status, fresh.instance) == (
        Status.EXECUTE_IN_PROGRESS,
        task.instance,
    )


def test_a_plan_that_waits_is_not_executed(plan, bob):
    with pytest.raises(ConflictError):
        plan.execute(by=bob)
    assert not Task.objects.exists()


def test_an_approver_does_not_execute(plan, carol):
    plan = approved(plan, carol)
    with pytest.raises(ForbiddenError, match="owner"):
        execute_once(plan, by=carol)


def test_a_plan_is_executed_once(plan, bob, carol):
    plan = approved(plan, carol)
    other = Plan.objects.get()
    plan.execute(by=bob)
    for again in (plan, other, Plan.objects.get()):
        with pytest.raises(ConflictError):
            again.execute(by=bob)
    assert Task.objects.count() == 1


def test_a_constraint_imposed_after_the_preview_is_heeded(bob, offered):
    plan = previewed(asked(bob, offered))
    constrain(offered, "carol")
    with pytest.raises(ApprovalRequiredError):
        plan.execute(by=bob)
    assert Plan.objects.get().status == Status.PREVIEW_SUCCESS
    plan.preview_again(by=bob)
    assert previewed(plan).status == Status.APPLICATION_IN_PROGRESS


def test_a_grant_withdrawn_after_the_approval_is_heeded(plan, bob, carol, offered):
    plan = approved(plan, carol)
    portfolio_of(offered).grants.filter(user=bob).delete()
    with pytest.raises(Exception, match="product"):
        execute_once(plan, by=bob)
    assert not Task.objects.exists()


@pytest.mark.parametrize("kind", [Task.Kind.UPDATE, Task.Kind.TERMINATE])
def test_a_change_of_an_instance_is_planned_approved_and_run(
    bob, carol, offered, bobs_instance, kind
):
    constrain(offered, "carol")
    plan = previewed(asked_of(bobs_instance, bob, kind=kind))
    task = approved(plan, carol).execute(by=bob)
    assert (task.kind, task.instance, task.plan) == (kind, bobs_instance, plan)


@pytest.mark.parametrize("kind", [Task.Kind.UPDATE, Task.Kind.TERMINATE])
def test_a_change_after_the_approval_makes_the_plan_stale(
    bob, carol, offered, bobs_instance, kind
):
    constrain(offered, "carol")
    plan = approved(previewed(asked_of(bobs_instance, bob, kind=kind)), carol)
    task = changed_by_another(bobs_instance)
    plan = Plan.objects.get(pk=plan.pk)
    assert plan.out_of_date
    with pytest.raises(PlanOutOfDateError, match=task.pk):
        plan.execute(by=bob)
    assert Plan.objects.get().status == Status.APPLICATION_APPROVED
    assert not Task.objects.filter(plan=plan).exists()


def test_a_stale_plan_is_not_approved(bob, carol, offered, bobs_instance):
    constrain(offered, "carol")
    plan = previewed(asked_of(bobs_instance, bob))
    changed_by_another(bobs_instance)
    with pytest.raises(PlanOutOfDateError):
        Plan.objects.get(pk=plan.pk).approve(by=carol)


def test_a_stale_plan_is_previewed_again_and_then_approved(
    bob, carol, offered, bobs_instance
):
    constrain(offered, "carol")
    plan = approved(previewed(asked_of(bobs_instance, bob)), carol)
    changed_by_another(bobs_instance)
    plan = Plan.objects.get(pk=plan.pk)
    plan.preview_again(by=bob)
    plan = previewed(plan)
    assert not plan.out_of_date
    assert approved(plan, carol).execute(by=bob)


@pytest.mark.parametrize(
    "change",
    [
        lambda spec, bobs_instance, by: Instance.objects.launch(
            spec, name="x", region=bobs_instance.region, by=by
        ),
        lambda spec, bobs_instance, by: bobs_instance.update_to(spec, by=by),
        lambda spec, bobs_instance, by: bobs_instance.terminate(by=by),
    ],
    ids=["launch", "update", "terminate"],
)
def test_direct_changes_stay_refused(bob, offered, bobs_instance, change):
    constrain(offered, "carol")
    spec = ProvisioningSpec(offered, portfolio_of(offered), {"name": "two"})
    with pytest.raises(ApprovalRequiredError):
        change(spec, bobs_instance, bob)
    assert Task.objects.count() == 1


def test_a_plan_follows_its_task(bob, offered):
    plan = previewed(asked(bob, offered))
    task = plan.execute(by=bob)
    task.cancel(by=bob)
    fresh = Plan.objects.get()
    assert fresh.status == Status.EXECUTE_FAILED
    assert "Nothing was changed" in fresh.status_message


def test_records_stay_one_decision_per_preview_in_the_database(plan, carol, admin):
    plan.approve(by=carol)
    with pytest.raises(Exception, match=r"(?i)unique"):
        OperationRecord.objects.create(
            plan=plan, action="Reject", operator=admin, digest=plan.digest
        )


def draft_opened_before_its_preview_ended(version, bob):
    """What a request holds that began while the preview ran and acts when it has ended."""
    spec = ProvisioningSpec(version, portfolio_of(version), {"name": "two"})
    opened = Plan.objects.draft_for(
        Task.Kind.LAUNCH, spec, by=bob, region=RegionFactory(), instance_name="two"
    )
    previewed(Plan.objects.get(pk=opened.pk))
    return opened


def test_a_draft_is_executed_in_the_moment_its_preview_ends(bob, offered):
    draft = draft_opened_before_its_preview_ended(offered, bob)
    task = draft.execute(by=bob)
    fresh = Plan.objects.get(pk=draft.pk)
    assert fresh.task == task
    assert fresh.status == Plan.Status.EXECUTE_IN_PROGRESS


def test_a_refused_draft_shows_the_preview_there_is_by_now(bob, offered):
    draft = draft_opened_before_its_preview_ended(offered, bob)
    found = Plan.objects.get(pk=draft.pk)
    InstanceFactory(name="two")
    with pytest.raises(ConflictError):
        draft.execute(by=bob)
    assert (draft.digest, draft.changes) == (found.digest, found.changes)
    assert draft.digest
