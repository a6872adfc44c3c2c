"""Operations of approvers."""

from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from console.lib.errors import DomainError
from console.lib.names import folded
from console.lib.operation import (
    Answer,
    Field,
    Operation,
    Parameter,
    Values,
    filters,
    wire_names,
)
from console.lib.users import User
from instances.models import plan_for
from instances.operations import serializers
from instances.operations.plans import (
    DIRECTORY_ACCESS,
    PLAN_ID,
    REVIEWS,
    approvers_by_plan,
    visible_plans,
)


def approve_plan(params: Values, by: User) -> Answer:
    plan = plan_for(by, params["PlanId"], draft=False)
    decide = plan.approve if params["ApprovalAction"] == "Approve" else plan.reject
    with wire_names(comment="Comment"):
        decide(by=by, comment=params.get("Comment", ""))
    return {}


def list_approvers(params: Values, by: User) -> Answer:
    if ("AccessLevelFilter" in params) == ("ApprovalFilter" in params):
        raise DomainError(
            _("Specify exactly one of AccessLevelFilter and ApprovalFilter."),
            code="InvalidParameter",
        )
    rows = visible_plans(params, by).select_related("version")
    plans = rows.only("version__product_id", "portfolio_id", "operation").iterator(
        chunk_size=1000
    )
    names = [folded(condition["Value"]) for condition in params["Filters"]]
    found = {
        (each["PrincipalType"], each["PrincipalName"])
        for approvers in approvers_by_plan(plans).values()
        for each in approvers
        if all(name in folded(each["PrincipalName"]) for name in names)
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
                _("The response: approved or rejected."),
                required=True,
                choices={
                    "Approve": _("The plan is approved. Its owner can execute it."),
                    "Reject": _("The plan is rejected."),
                },
            ),
            Parameter(
                "Comment", _("The comment."), most=1024, example="Within the budget."
            ),
        ),
        summary=_("Approves or rejects a plan."),
        description=_(
            "The plan must be waiting for approval, and the caller must be one of its "
            "approvers. The approval of one approver is sufficient. You cannot approve "
            "your own plan."
        ),
        errors=("InvalidPlan.NotFound", "IncorrectStatus.Plan", "NoPermission"),
    ),
    "ListProvisionedProductPlanApprovers": Operation(
        list_approvers,
        GROUP,
        (
            replace(
                DIRECTORY_ACCESS,
                note=_("Specify either AccessLevelFilter or ApprovalFilter."),
            ),
            Parameter(
                "ApprovalFilter",
                _("The approval filter."),
                choices={
                    name: REVIEWS[name]
                    for name in ("AccountRequests", "ResourceDirectoryRequests")
                },
                note=_("Specify either AccessLevelFilter or ApprovalFilter."),
                in_sample=False,
            ),
            filters(
                "carol",
                {
                    "ProvisionedProductPlanApproverName": _(
                        "Text to search for in the name of the approver."
                    )
                },
            ),
        ),
        (
            Field(
                "Approvers",
                _("The approvers, sorted by type and name."),
                several=True,
                fields=serializers.APPROVER,
            ),
        ),
        summary=_("Queries the approvers of plans."),
        errors=("NoPermission",),
        in_query=True,
        method="GET",
    ),
}
