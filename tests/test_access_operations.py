"""Every operation of the signed API: a foreign ID, the wrong role, a key that has ended."""

import pytest

from console.api.endpoint import OPERATIONS
from tests.everything import snapshot
from tests.signing import Caller
from tests.test_access_matrix import check_headers

pytestmark = pytest.mark.django_db


IDS = {
    "ProductId": "product",
    "ProductVersionId": "version",
    "PortfolioId": "portfolio",
    "ProvisionedProductId": "instance",
    "TaskId": "task",
    "PlanId": "plan",
    "ConstraintId": "constraint",
    "TagOptionId": "option",
    "ResourceId": "product",
}
ANY = {"Config": "{}", "TemplateBody": "{}", "ApprovalAction": "Approve"}
WITH_ID = [n for n, o in OPERATIONS.items() if any(p.name in IDS for p in o.parameters)]


def call_about(everything, operation, missing=()):
    """The parameters of a call about alice's rows; `missing` of them name nothing."""
    params = {}
    for each in OPERATIONS[operation].parameters:
        if each.name in IDS:
            pk = getattr(everything, IDS[each.name]).pk
            params[each.name] = (
                f"{pk[:-1]}{'0' if pk[-1] != '0' else '1'}"
                if each.name in missing
                else pk
            )
        elif each.required:
            params[each.name] = (
                everything.region.pk
                if each.name == "StackRegionId"
                else next(iter(each.choices))
                if each.choices
                else ANY.get(each.name, "text")
            )
    return params


# What an approver may do with the plans of others: look, decide, and be refused by name.
OF_APPROVERS = {
    "GetProvisionedProductPlan": 200,
    "ApproveProvisionedProductPlan": 200,
    "ListProvisionedProductPlans": 200,
    "CancelProvisionedProductPlan": 403,
    "DeleteProvisionedProductPlan": 403,
    "ExecuteProvisionedProductPlan": 403,
    "UpdateProvisionedProductPlan": 403,
}


@pytest.mark.parametrize(("operation", "status"), OF_APPROVERS.items())
def test_an_approver_is_answered_about_plans(everything, carol, operation, status):
    everything.let_approve(carol)
    answer = Caller.of(carol).send(operation, call_about(everything, operation))
    assert answer.status_code == status, answer.content


@pytest.mark.parametrize(
    ("role", "operation"),
    [
        *[("bob", name) for name in WITH_ID],
        *[("carol", name) for name in WITH_ID if name not in OF_APPROVERS],
    ],
)
def test_a_foreign_id_is_answered_as_a_missing_one(everything, carol, role, operation):
    everything.let_approve(carol)
    api = Caller.of(getattr(everything, role))
    foreign = api.send(operation, call_about(everything, operation))
    before = snapshot()
    assert foreign.status_code >= 400 or is_empty(foreign)
    names = [p.name for p in OPERATIONS[operation].parameters if p.name in IDS]
    for missing in (names, *([name] for name in names)):
        other = api.send(operation, call_about(everything, operation, missing))
        check_headers(other, operation)
        assert told(foreign) == told(other), (operation, missing)
    assert snapshot() == before


def told(response):
    answer = response.json()
    return response.status_code, answer.get("Code"), is_empty(response)


def is_empty(response):
    """Whether an answer names nothing: a list filtered by a foreign ID."""
    return not any(isinstance(v, list) and v for v in response.json().values())


@pytest.mark.parametrize(
    "operation", [n for n, o in OPERATIONS.items() if o.administrators]
)
def test_an_administrators_operation_is_refused_to_everybody_else(
    everything, operation
):
    api = Caller.of(everything.alice)
    # The first call notes that the key is used.
    api.call("ListRegions")
    before = snapshot()
    response = api.send(operation, call_about(everything, operation))
    assert (response.status_code, response.json()["Code"]) == (403, "NoPermission")
    assert snapshot() == before


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_deactivated_persons_key_opens_nothing(everything, operation):
    api = Caller.of(everything.deactivated)
    everything.deactivate()
    before = snapshot()
    code = api.send(operation, call_about(everything, operation)).json()["Code"]
    assert code == "InvalidAccessKeyId.Inactive"
    assert snapshot() == before


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_administrators_cookie_is_no_signature(everything, operation):
    client = everything.client("admin")
    before = snapshot()
    response = client.post("/", headers={"x-acs-action": operation})
    assert response.status_code in (400, 403)
    assert snapshot() == before
