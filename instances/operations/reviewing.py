"""Operations of those who review plans."""

from django.utils.translation import gettext as _

from console.lib.errors import DomainError
from console.lib.operation import (
    Answer,
    Operation,
    Parameter,
    Values,
    filters,
    spelled,
)
from console.lib.people import User
from instances.models import plan_for
from instances.operations import shapes
from instances.operations.plans import (
    DIRECTORY_ACCESS,
    PLAN_ID,
    approvers_of,
    plans_in_reach,
)


def approve_plan(params: Values, by: User) -> Answer:
    """Accept or reject a plan that waits for approval.

    Any one of its approvers suffices; nobody decides on a plan of their own.
    """
    plan = plan_for(by, params["PlanId"], draft=False)
    decide = plan.approve if params["ApprovalAction"] == "Approve" else plan.reject
    with spelled(comment="Comment"):
        decide(by=by, comment=params.get("Comment", ""))
    return {}


def list_approvers(params: Values, by: User) -> Answer:
    """List the reviewers of the plans the caller sees."""
    if ("AccessLevelFilter" in params) == ("ApprovalFilter" in params):
        raise DomainError(
            _("Send exactly one of AccessLevelFilter and ApprovalFilter."),
            code="InvalidParameter",
        )
    rows = plans_in_reach(params, by).select_related("version")
    plans = rows.only("version__product_id", "portfolio_id", "operation").iterator(
        chunk_size=1000
    )
    names = [condition["Value"].lower() for condition in params["Filters"]]
    found = {
        (each["PrincipalType"], each["PrincipalName"])
        for approvers in approvers_of(plans).values()
        for each in approvers
        if all(name in each["PrincipalName"].lower() for name in names)
    }
    return {
        "Approvers": [
            {"PrincipalType": kind, "PrincipalName": name}
            for kind, name in sorted(found)
        ]
    }


GROUP = "Plans"

OPERATIONS = {
    "ApproveProvisionedProductPlan": Operation(
        approve_plan,
        GROUP,
        (
            PLAN_ID,
            Parameter(
                "ApprovalAction",
                "The decision.",
                required=True,
                choices=("Approve", "Reject"),
            ),
            Parameter("Comment", "Why.", most=1024, example="Within budget"),
        ),
    ),
    "ListProvisionedProductPlanApprovers": Operation(
        list_approvers,
        GROUP,
        (
            DIRECTORY_ACCESS,
            Parameter(
                "ApprovalFilter",
                "Instead: as a reviewer.",
                choices=("AccountRequests", "ResourceDirectoryRequests"),
            ),
            filters("ProvisionedProductPlanApproverName"),
        ),
        {"Approvers": [shapes.APPROVER]},
        in_query=True,
        method="GET",
    ),
}
