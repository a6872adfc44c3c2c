"""The API operations on plans."""

import pytest

from catalog.models import Constraint
from instances.models import Instance, Plan
from tests.factories import (
    PlanFactory,
)
from tests.signing import CALL_QUERIES, Caller

GONE = (404, "InvalidPlan.NotFound")
WRONG_STATE = (400, "IncorrectStatus.Plan")
pytestmark = pytest.mark.launched(parameters={"name": "first"})


@pytest.fixture
def ready(alice, version):
    portfolio = version.product.portfolios.get()
    return PlanFactory(
        owner=alice, version=version, portfolio=portfolio, previewed=True
    )


def asked(version, **changed):
    params = {
        "PlanName": "more",
        "PlanType": "Ros",
        "ProductId": version.product_id,
        "ProductVersionId": version.pk,
        "ProvisionedProductName": "orders",
        "StackRegionId": "cn-hangzhou",
        "Parameters": [{"ParameterKey": "name", "ParameterValue": "second"}],
    }
    return params | changed


def test_a_plan_for_a_launch_has_the_id_of_the_new_instance(api, version):
    answer = api.call("CreateProvisionedProductPlan", **asked(version, Description="d"))
    plan = Plan.objects.get(pk=answer["PlanId"])
    assert answer["ProvisionedProductId"] == plan.reserved_instance_id
    assert (plan.name, plan.description, plan.draft) == ("more", "d", False)
    assert not Instance.objects.exists()


@pytest.mark.parametrize(
    "operation", ["UpdateProvisionedProduct", "TerminateProvisionedProduct"]
)
def test_a_plan_for_an_instance_finds_it_by_name(api, version, instance, operation):
    answer = api.call(
        "CreateProvisionedProductPlan", **asked(version, OperationType=operation)
    )
    assert answer["ProvisionedProductId"] == instance.pk


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        (
            {"ProvisionedProductName": "other"},
            (404, "InvalidProvisionedProduct.NotFound"),
        ),
        ({"StackRegionId": "cn-beijing"}, (400, "InvalidStackRegionId")),
        ({"ProductId": "prod-bp1missing0000"}, (404, "InvalidProduct.NotFound")),
        ({"PlanType": "Other"}, (400, "InvalidPlanType")),
        ({"Parameters": []}, (400, "NoChange.ProvisionedProduct")),
    ],
)
def test_an_invalid_plan_is_refused(api, version, instance, changed, refusal):
    update = asked(version, OperationType="UpdateProvisionedProduct")
    assert api.refusal("CreateProvisionedProductPlan", **update | changed) == refusal
    assert not Plan.objects.exists()


def test_an_edited_plan_is_previewed_again(api, ready, version):
    api.call(
        "UpdateProvisionedProductPlan",
        PlanId=ready.pk,
        ProductId=version.product_id,
        ProductVersionId=version.pk,
        Parameters=[{"ParameterKey": "name", "ParameterValue": "other"}],
    )
    ready.refresh_from_db()
    assert (ready.status, ready.state) == ("PreviewInProgress", "queued")
    assert ready.parameters == {"name": "other"}


def test_a_plan_in_progress_is_not_edited(api, ready, version):
    Plan.objects.update(status="PreviewInProgress")
    refusal = api.refusal(
        "UpdateProvisionedProductPlan",
        PlanId=ready.pk,
        ProductId=version.product_id,
        ProductVersionId=version.pk,
    )
    assert refusal == WRONG_STATE


def test_a_plan_is_executed_once(api, ready):
    api.call("ExecuteProvisionedProductPlan", PlanId=ready.pk)
    again = api.refusal("ExecuteProvisionedProductPlan", PlanId=ready.pk)
    assert again == WRONG_STATE
    assert Instance.objects.get().pk == ready.reserved_instance_id


def test_a_canceled_plan_cannot_be_executed(api, ready):
    api.call("CancelProvisionedProductPlan", PlanId=ready.pk)
    for action in ("Cancel", "Execute"):
        assert (
            api.refusal(f"{action}ProvisionedProductPlan", PlanId=ready.pk)
            == WRONG_STATE
        )
    api.call("DeleteProvisionedProductPlan", PlanId=ready.pk)
    assert not Plan.objects.exists()


def test_a_plan_in_progress_is_not_deleted(api, ready):
    Plan.objects.update(status="PreviewInProgress")
    refusal = api.refusal("DeleteProvisionedProductPlan", PlanId=ready.pk)
    assert refusal == WRONG_STATE
    assert Plan.objects.exists()


@pytest.mark.parametrize("action", ["Get", "Cancel", "Delete", "Execute"])
def test_foreign_missing_and_draft_plans_are_not_found(api, alice, action):
    draft = PlanFactory(owner=alice, draft=True)
    for pk in (PlanFactory().pk, draft.pk, "plan-bp1missing0000"):
        assert api.refusal(f"{action}ProvisionedProductPlan", PlanId=pk) == GONE


def test_changes_have_the_vendors_actions(api, ready):
    ready.changes = [
        {"address": "a.b", "type": "a", "action": action, "before": {"id": "i-1"}}
        for action in ("Add", "Modify", "Replace", "Remove")
    ]
    ready.save()
    answer = api.call("GetProvisionedProductPlan", PlanId=ready.pk)
    told = [
        (c["Action"], c.get("Replacement"), c.get("PhysicalResourceId"))
        for c in answer["ResourceChanges"]
    ]
    assert told == [
        ("Add", None, None),
        ("Modify", "False", "i-1"),
        ("Modify", "True", "i-1"),
        ("Remove", None, "i-1"),
    ]


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({}, 1),
        ({"ApprovalFilter": "ReceivedRequests"}, 0),
        ({"Filters": [{"Key": "ProvisionedProductPlanName", "Value": "MORE"}]}, 1),
        ({"Filters": [{"Key": "FullTextSearch", "Value": "or"}]}, 1),
        (
            {
                "Filters": [
                    {"Key": "ProvisionedProductPlanStatus", "Value": "Canceled"},
                    {"Key": "ProvisionedProductPlanStatus", "Value": "PreviewSuccess"},
                ]
            },
            1,
        ),
        ({"Filters": [{"Key": "ProvisionedProductPlanOwnerUid", "Value": "1"}]}, 0),
        (
            {"Filters": [{"Key": "ProvisionedProductPlanApprover", "Value": "RamUser:carol"}]},
            1,
        ),
        (
            {"Filters": [{"Key": "ProvisionedProductPlanApprover", "Value": "RamRole:carol"}]},
            0,
        ),
    ],
)  # fmt: skip
def test_plans_are_listed_and_filtered(api, ready, version, params, count):
    Plan.objects.update(name="more", portfolio=version.product.portfolios.get())
    PlanFactory()
    Constraint.objects.create(
        kind="Approval",
        product=version.product,
        portfolio=version.product.portfolios.get(),
        config={
            "OperationTypes": ["LaunchProduct"],
            "Approvers": [{"PrincipalType": "RamUser", "PrincipalName": "carol"}],
        },
    )
    answer = api.call("ListProvisionedProductPlans", **params)
    assert answer["TotalCount"] == count
    for detail in answer["PlanDetails"]:
        assert detail["AssignedApprovers"] == [
            {"PrincipalType": "RamUser", "PrincipalName": "carol"}
        ]


@pytest.mark.parametrize(
    "params", [{"AccessLevelFilter": "Account"}, {"ApprovalFilter": "AccountRequests"}]
)
def test_only_administrators_see_plans_of_other_users(api, ready, admin, params):
    refusal = api.refusal("ListProvisionedProductPlans", **params)
    assert refusal == (403, "NoPermission")
    assert Caller.of(admin).call("ListProvisionedProductPlans", **params)


@pytest.mark.parametrize("review", ["AccountRequests", "ResourceDirectoryRequests"])
def test_all_plans_of_the_account_are_listed_whatever_their_status(
    ready, admin, review
):
    for status in Plan.Status.values:
        PlanFactory(status=status)
    found = Caller.of(admin).call("ListProvisionedProductPlans", ApprovalFilter=review)
    everything = Caller.of(admin).call(
        "ListProvisionedProductPlans", AccessLevelFilter="Account"
    )
    assert found["TotalCount"] == everything["TotalCount"] == Plan.objects.count()
    assert found["TotalCount"] > len(Plan.Status.values)


def test_listing_approvers_requires_exactly_one_filter(api):
    both = {"AccessLevelFilter": "User", "ApprovalFilter": "AccountRequests"}
    for params in ({}, both):
        refusal = api.refusal("ListProvisionedProductPlanApprovers", **params)
        assert refusal == (400, "InvalidParameter")


def test_a_plan_that_needs_no_approval_cannot_be_approved(api, ready):
    refusal = api.refusal(
        "ApproveProvisionedProductPlan", PlanId=ready.pk, ApprovalAction="Approve"
    )
    assert refusal == WRONG_STATE


def test_a_list_costs_at_most_five_queries(api, ready, django_assert_max_num_queries):
    api.call("ListRegions")
    with django_assert_max_num_queries(CALL_QUERIES):
        api.call("ListProvisionedProductPlans")
