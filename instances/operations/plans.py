"""Operations that read plans."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

from catalog.models import Constraint
from catalog.operations import shapes as catalog_shapes
from console.lib.operation import (
    PAGED_ANSWER,
    PAGING,
    SORTING,
    Answer,
    Operation,
    Parameter,
    Values,
    an_id,
    filters,
    numbered,
    stamp,
)
from console.lib.people import User
from instances.models import Plan, plan_for
from instances.operations import shapes
from instances.operations.instances import check_access
from instances.reviewing import duties_of

# The wire knows no replacement but as a kind of modification.
ACTIONS = {"Replace": "Modify"}


def get_plan(params: Values, by: User) -> Answer:
    """Read a plan with its product, version and previewed resource changes."""
    row = plan_for(by, params["PlanId"], draft=False)
    detail = shapes.plan(row, approvers_of([row])[row.pk])
    detail["ApprovalDetail"] = _approval(row, detail["AssignedApprovers"])
    product = catalog_shapes.product(row.version.product)
    del product["TemplateType"]
    return {
        "PlanDetail": detail,
        "ProductDetail": product,
        "ProductVersionDetail": catalog_shapes.version(row.version),
        "ResourceChanges": [
            _change(change) | _explained(row) for change in row.changes
        ],
    }


def _approval(row: Plan, approvers: list[Answer]) -> Answer:
    """What was decided so far, and who has to decide now."""
    waits = row.status == Plan.Status.APPLICATION_IN_PROGRESS
    tasks = [{"Operator": approver} for approver in approvers]
    activity = {"ActivityName": "ApproverNode-1", "Tasks": tasks}
    return {
        "OperationRecords": [
            {
                "ApprovalAction": record.action,
                "Comment": record.comment,
                "CreateTime": stamp(record.at),
                "Operator": {
                    "PrincipalId": record.operator.principal_id,
                    "PrincipalName": record.operator.get_username(),
                    "PrincipalType": str(record.operator.principal_type),
                },
            }
            for record in row.records.select_related("operator")
        ],
        "TodoTaskActivities": [activity] if waits else [],
    }


def list_plans(params: Values, by: User) -> Answer:
    """List plans as their owner sees them, or as a reviewer does."""
    rows = _conditioned(plans_in_reach(params, by), params["Filters"])
    if params.get("ProvisionedProductId"):
        pk = params["ProvisionedProductId"]
        rows = rows.filter(Q(instance=pk) | Q(reserved_instance_id=pk))
    rows = rows.select_related(
        "version__template", "version__product", "owner", "instance"
    ).defer("file", "changes", "log", "version__template__files")
    found, paging = numbered(rows, params)
    approvers = approvers_of(found)
    details = [
        shapes.plan(row, approvers[row.pk]) | {"ProductName": row.version.product.name}
        for row in found
    ]
    return {"PlanDetails": details, **paging}


def plans_in_reach(params: Values, by: User) -> QuerySet[Plan]:
    """The submitted plans a list may show this caller."""
    access = params.get("AccessLevelFilter", "User")
    review = params.get("ApprovalFilter", "")
    check_access("User" if review.startswith("Re") else access, by)
    rows = Plan.objects.submitted()
    if review in ("AccountRequests", "ResourceDirectoryRequests"):
        check_access("Account", by)
        return rows
    if review == "ReceivedRequests":
        return rows.received_by(by, duties_of(by))
    if review:
        return rows.reviewed_by(by)
    return rows.owned_by(by) if access == "User" else rows


def approvers_of(plans: Iterable[Plan]) -> dict[str, list[Answer]]:
    """Who may approve each plan, by the approval constraints it falls under."""
    rows = list(plans)
    constraints = Constraint.objects.filter(
        kind=Constraint.Kind.APPROVAL,
        product__in={row.version.product_id for row in rows},
        portfolio__in={row.portfolio_id for row in rows if row.portfolio_id},
    )
    by_place: dict[tuple[str, str, str], list[Answer]] = {}
    for each in constraints if rows else ():
        for operation in each.config.get("OperationTypes", []):
            place = (each.product_id, each.portfolio_id, operation)
            by_place.setdefault(place, []).extend(each.config.get("Approvers", []))
    return {
        row.pk: by_place.get(
            (row.version.product_id, row.portfolio_id or "", row.operation), []
        )
        for row in rows
    }


def _conditioned(rows: QuerySet[Plan], conditions: list[Values]) -> QuerySet[Plan]:
    """Keep plans that meet every condition; several values of one key are alternatives."""
    wanted: dict[str, list[str]] = {}
    for condition in conditions:
        wanted.setdefault(condition["Key"], []).append(condition["Value"])
    for key, values in wanted.items():
        query = Q()
        for value in values:
            query |= _condition(key, value)
        rows = rows.filter(query)
    return rows


def _condition(key: str, value: str) -> Q:
    if key == "ProvisionedProductPlanName":
        return Q(name__iexact=value)
    if key == "FullTextSearch":
        return Q(name__icontains=value)
    if key == "ProvisionedProductPlanStatus":
        return Q(status=value)
    if key == "ProvisionedProductPlanOwnerUid":
        return Q(owner__principal_id=value)
    return _approved_by(value)


def _approved_by(value: str) -> Q:
    """Match plans by an approver's name, with or without `RamUser:` before it."""
    kind, _colon, name = value.rpartition(":")
    query = Q(pk__in=[])
    for each in Constraint.objects.filter(kind=Constraint.Kind.APPROVAL):
        named = any(
            approver["PrincipalName"].lower() == name.lower()
            and kind in ("", approver["PrincipalType"])
            for approver in each.config.get("Approvers", [])
        )
        if named:
            query |= Q(
                portfolio=each.portfolio_id,
                version__product=each.product_id,
                operation__in=each.config.get("OperationTypes", []),
            )
    return query


def _explained(plan: Plan) -> Answer:
    """What must be known of resources that are not real."""
    return {"Description": f"Simulated. {plan.simulated}"} if plan.simulated else {}


def _change(change: dict[str, Any]) -> Answer:
    action = change["action"]
    told = {
        "Action": ACTIONS.get(action, action),
        "LogicalResourceId": change["address"],
        "ResourceType": change["type"],
    }
    if action in ("Modify", "Replace"):
        told["Replacement"] = str(action == "Replace")
    if action in ("Modify", "Replace", "Remove"):
        before = change.get("before")
        physical = before.get("id") if isinstance(before, dict) else None
        told["PhysicalResourceId"] = str(physical or "")
    return told


GROUP = "Plans"
PLAN_ID = an_id("PlanId", "plan-bp1jvmdk2k4n5x")
DIRECTORY_ACCESS = Parameter(
    "AccessLevelFilter",
    "One's own, or for administrators those of the whole account.",
    choices=("User", "Account", "ResourceDirectory"),
)
REVIEW = Parameter(
    "ApprovalFilter",
    "Instead: ReceivedRequests wait for the caller, ApprovalHistory are those the caller "
    "reviewed, AccountRequests are all plans of the account (administrators).",
    choices=(
        "ReceivedRequests",
        "ApprovalHistory",
        "AccountRequests",
        "ResourceDirectoryRequests",
    ),
)
CHANGE = {
    "Action": str,
    "Description": str,
    "LogicalResourceId": str,
    "PhysicalResourceId": str,
    "Replacement": str,
    "ResourceType": str,
}
OPERATOR = {"PrincipalId": str, "PrincipalName": str, "PrincipalType": str}
APPROVAL = {
    "OperationRecords": [
        {"ApprovalAction": str, "Comment": str, "CreateTime": str, "Operator": OPERATOR}
    ],
    "TodoTaskActivities": [
        {"ActivityName": str, "Tasks": [{"Operator": shapes.APPROVER}]}
    ],
}
PRODUCT = {
    name: kind
    for name, kind in catalog_shapes.PRODUCT.items()
    if name != "TemplateType"
}

OPERATIONS = {
    "GetProvisionedProductPlan": Operation(
        get_plan,
        GROUP,
        (PLAN_ID,),
        {
            "PlanDetail": {**shapes.PLAN, "ApprovalDetail": APPROVAL},
            "ProductDetail": PRODUCT,
            "ProductVersionDetail": catalog_shapes.VERSION,
            "ResourceChanges": [CHANGE],
        },
    ),
    "ListProvisionedProductPlans": Operation(
        list_plans,
        GROUP,
        (
            DIRECTORY_ACCESS,
            REVIEW,
            an_id("ProvisionedProductId", "pp-bp1ddg1n2a4k5x", required=False),
            filters(
                "ProvisionedProductPlanName",
                "ProvisionedProductPlanApprover",
                "ProvisionedProductPlanApproverName",
                "ProvisionedProductPlanStatus",
                "ProvisionedProductPlanOwnerUid",
                "FullTextSearch",
            ),
            *PAGING,
            *SORTING,
        ),
        {"PlanDetails": [{**shapes.PLAN, "ProductName": str}], **PAGED_ANSWER},
        in_query=True,
    ),
}
