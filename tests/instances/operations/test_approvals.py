"""The API operations of approvers."""

import pytest

from instances.models import Instance, Plan
from tests.factories import RegionFactory
from tests.instances.planning import asked, portfolio_of, previewed
from tests.signing import Caller

WRONG_STATE = (400, "IncorrectStatus.Plan")
FORBIDDEN = (403, "NoPermission")
CAROL = {"PrincipalType": "RamUser", "PrincipalName": "carol"}


@pytest.fixture
def bobs(bob):
    return Caller.of(bob)


@pytest.fixture
def carols(carol):
    return Caller.of(carol)


def read(caller, plan):
    return caller.call("GetProvisionedProductPlan", PlanId=plan.pk)["PlanDetail"]


def decision(plan, action="Approve", **more):
    return {"PlanId": plan.pk, "ApprovalAction": action, **more}


def test_a_plan_made_by_a_call_waits_for_its_approver(bobs, gated):
    RegionFactory()
    made = bobs.call(
        "CreateProvisionedProductPlan",
        PlanName="more",
        PlanType="Ros",
        ProductId=gated.product_id,
        ProductVersionId=gated.pk,
        PortfolioId=portfolio_of(gated).pk,
        ProvisionedProductName="orders",
        StackRegionId="cn-hangzhou",
    )
    previewed(Plan.objects.get(pk=made["PlanId"]))
    detail = read(bobs, Plan.objects.get())
    assert detail["Status"] == "ApplicationInProgress"
    assert detail["AssignedApprovers"] == [CAROL]
    assert detail["ApprovalDetail"]["TodoTaskActivities"] == [
        {"ActivityName": "ApproverNode-1", "Tasks": [{"Operator": CAROL}]}
    ]


def test_a_direct_launch_is_refused(bobs, gated):
    RegionFactory()
    refusal = bobs.refusal(
        "LaunchProduct",
        ProductId=gated.product_id,
        ProductVersionId=gated.pk,
        ProvisionedProductName="orders",
        StackRegionId="cn-hangzhou",
    )
    assert refusal == (400, "ApprovalRequired")
    assert not Instance.objects.exists()


def test_it_is_approved_and_executed(bobs, carols, carol, plan):
    carols.call(
        "ApproveProvisionedProductPlan", **decision(plan, Comment="Within budget")
    )
    records = read(bobs, plan)["ApprovalDetail"]["OperationRecords"]
    assert [each["ApprovalAction"] for each in records] == ["Submit", "Approve"]
    assert records[1]["Comment"] == "Within budget"
    assert records[1]["Operator"] == {
        "PrincipalId": carol.principal_id,
        "PrincipalName": "carol",
        "PrincipalType": "RamUser",
    }
    assert bobs.call("ExecuteProvisionedProductPlan", PlanId=plan.pk)["PlanId"]
    assert Instance.objects.get().pk == plan.reserved_instance_id


def test_it_is_rejected(bobs, carols, plan):
    carols.call("ApproveProvisionedProductPlan", **decision(plan, "Reject"))
    detail = read(bobs, plan)
    assert detail["Status"] == "ApplicationRejected"
    assert detail["ApprovalDetail"]["TodoTaskActivities"] == []


def test_the_requester_does_not_approve(bobs, plan):
    refusal = bobs.refusal("ApproveProvisionedProductPlan", **decision(plan))
    assert refusal == FORBIDDEN


@pytest.mark.parametrize("action", ["Approve", "Reject"])
def test_requester_who_is_an_approver_cannot_decide(carol, carols, gated, action):
    plan = previewed(asked(carol, gated))
    refusal = carols.refusal("ApproveProvisionedProductPlan", **decision(plan, action))
    assert refusal == FORBIDDEN
    assert read(carols, plan)["Status"] == "ApplicationInProgress"


def test_another_user_does_not_find_it(alice, plan):
    refusal = Caller.of(alice).refusal(
        "ApproveProvisionedProductPlan", **decision(plan)
    )
    assert refusal == (404, "InvalidPlan.NotFound")


def test_a_second_decision_is_refused(carols, plan):
    carols.call("ApproveProvisionedProductPlan", **decision(plan))
    refusal = carols.refusal("ApproveProvisionedProductPlan", **decision(plan))
    assert refusal == WRONG_STATE


@pytest.mark.parametrize(
    "action",
    [
        "ExecuteProvisionedProductPlan",
        "CancelProvisionedProductPlan",
        "DeleteProvisionedProductPlan",
    ],
)
def test_an_approver_can_only_decide(carols, plan, action):
    assert carols.refusal(action, PlanId=plan.pk) == FORBIDDEN


def test_a_plan_without_its_approval_is_not_executed(bobs, plan):
    refusal = bobs.refusal("ExecuteProvisionedProductPlan", PlanId=plan.pk)
    assert refusal == WRONG_STATE


@pytest.mark.parametrize(
    ("person", "review", "before", "after"),
    [
        ("carol", "ReceivedRequests", 1, 0),
        ("carol", "ApprovalHistory", 0, 1),
        ("bob", "ReceivedRequests", 0, 0),
        ("alice", "ReceivedRequests", 0, 0),
    ],
)
def test_a_reviewer_lists_requests_and_history(
    carols, plan, person, review, before, after, request
):
    caller = Caller.of(request.getfixturevalue(person))

    def count():
        answer = caller.call("ListProvisionedProductPlans", ApprovalFilter=review)
        return answer["TotalCount"]

    assert count() == before
    carols.call("ApproveProvisionedProductPlan", **decision(plan))
    assert count() == after
