"""Operations that read plans."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from catalog.models import Constraint
from catalog.operations import serializers as catalog_serializers
from console.lib.names import folded, has_name
from console.lib.operation import (
    PAGED_ANSWER,
    PAGING,
    SORTING,
    Answer,
    Field,
    Operation,
    Parameter,
    Values,
    explained,
    filters,
    id_parameter,
    page_by_number,
    stamp,
    time_field,
)
from console.lib.users import User
from instances.models import OperationRecord, Plan, duties_of, plan_for
from instances.operations import serializers
from instances.operations.instances import check_access
from instances.presenters.plan_preview import StoredChange

# In the API, a replacement is a kind of modification.
ACTIONS = {"Replace": "Modify"}


def get_plan(params: Values, by: User) -> Answer:
    row = plan_for(by, params["PlanId"], draft=False)
    detail = serializers.plan(row, approvers_by_plan([row])[row.pk])
    detail["ApprovalDetail"] = _approval(row, detail["AssignedApprovers"])
    return {
        "PlanDetail": detail,
        "ProductDetail": catalog_serializers.product_core(row.version.product),
        "ProductVersionDetail": catalog_serializers.version(row.version),
        "ResourceChanges": [
            _resource_change(change) | _simulation_note(row) for change in row.changes
        ],
    }


def _approval(row: Plan, approvers: list[Answer]) -> Answer:
    """Return the decisions so far and the pending approvals."""
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
    rows = _filtered(visible_plans(params, by), params["Filters"])
    if params.get("ProvisionedProductId"):
        pk = params["ProvisionedProductId"]
        rows = rows.filter(Q(instance=pk) | Q(reserved_instance_id=pk))
    rows = rows.select_related(
        "version__template", "version__product", "owner", "instance"
    ).defer("file", "changes", "log", "version__template__files")
    found, paging = page_by_number(rows, params)
    approvers = approvers_by_plan(found)
    details = [
        serializers.plan(row, approvers[row.pk])
        | {"ProductName": row.version.product.name}
        for row in found
    ]
    return {"PlanDetails": details, **paging}


def visible_plans(params: Values, by: User) -> QuerySet[Plan]:
    """Return the submitted plans that the list may show to the caller."""
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


def approvers_by_plan(plans: Iterable[Plan]) -> dict[str, list[Answer]]:
    """Return the approvers of each plan, by its ID, from the approval constraints."""
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


def _filtered(rows: QuerySet[Plan], conditions: list[Values]) -> QuerySet[Plan]:
    """Keep plans that meet all conditions; values of the same key are alternatives."""
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
        return has_name(value)
    if key == "FullTextSearch":
        return Q(name_key__contains=folded(value))
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
            folded(approver["PrincipalName"]) == folded(name)
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


def _simulation_note(plan: Plan) -> Answer:
    return {"Description": f"Simulated. {plan.simulated}"} if plan.simulated else {}


def _resource_change(change: StoredChange) -> Answer:
    action = change["action"]
    answer = {
        "Action": ACTIONS.get(action, action),
        "LogicalResourceId": change["address"],
        "ResourceType": change["type"],
    }
    if action in ("Modify", "Replace"):
        answer["Replacement"] = str(action == "Replace")
    if action in ("Modify", "Replace", "Remove"):
        before = change.get("before")
        physical = before.get("id") if isinstance(before, dict) else None
        answer["PhysicalResourceId"] = str(physical or "")
    return answer


GROUP = "Plans"
PLAN_ID = id_parameter("PlanId", _("The ID of the plan."), "plan-bp1jvmdk2k4n5x")
DIRECTORY_ACCESS = Parameter(
    "AccessLevelFilter",
    _("The access filter."),
    choices={
        "User": _("The plans that belong to the caller."),
        "Account": _(
            "All plans of the account. Only administrators can use this value."
        ),
        "ResourceDirectory": _(
            "All plans of the resource directory. On this server, these are the plans "
            "of the account. Only administrators can use this value."
        ),
    },
)
REVIEWS = {
    "ReceivedRequests": _("The plans that are waiting for approval by the caller."),
    "ApprovalHistory": _("The plans that the caller approved or rejected."),
    "AccountRequests": _(
        "All plans of the account. Only administrators can use this value."
    ),
    "ResourceDirectoryRequests": _(
        "All plans of the resource directory. On this server, these are the plans "
        "of the account. Only administrators can use this value."
    ),
}
REVIEW = Parameter(
    "ApprovalFilter",
    _("The approval filter."),
    choices=REVIEWS,
    in_sample=False,
    note=_("Specify it instead of AccessLevelFilter to query plans as an approver."),
)
CHANGE = (
    Field(
        "Action",
        _("The action on the resource."),
        "Modify",
        choices={
            "Add": _("The resource is created."),
            "Modify": _("The resource is modified, or replaced by a new one."),
            "Remove": _("The resource is deleted."),
            "None": _("The resource is not changed."),
        },
    ),
    Field(
        "Description",
        _("The description of a resource that is simulated."),
        "Simulated.",
        note=_("Returned if the resource is not created on a cloud."),
        always=False,
        in_sample=False,
    ),
    Field(
        "LogicalResourceId",
        _("The logical ID: the name of the resource in the template."),
        "alicloud_instance.web",
    ),
    Field(
        "PhysicalResourceId",
        _("The physical ID: the ID of the resource on the cloud."),
        "i-bp1dd8p2a4k5x7c9e0f1",
        note=_("Returned if Action is Modify or Remove."),
        always=False,
    ),
    Field(
        "Replacement",
        _("Indicates whether the resource is replaced by a new one."),
        "False",
        choices={
            "True": _("The resource is deleted and a new one is created."),
            "False": _("The resource is modified in place."),
        },
        note=_("Returned if Action is Modify."),
        always=False,
    ),
    Field("ResourceType", _("The type of the resource."), "alicloud_instance"),
)
OPERATOR = (
    serializers.PRINCIPAL_ID,
    serializers.PRINCIPAL_NAME,
    serializers.PRINCIPAL_TYPE,
)
RECORD = (
    Field(
        "ApprovalAction",
        _("The action."),
        "Submit",
        choices=explained(
            OperationRecord.Action.values,
            {
                OperationRecord.Action.SUBMIT: _(
                    "The plan was submitted for approval."
                ),
                OperationRecord.Action.APPROVE: _("The plan was approved."),
                OperationRecord.Action.REJECT: _("The plan was rejected."),
                OperationRecord.Action.CANCEL: _("The plan was canceled."),
            },
        ),
    ),
    Field("Comment", _("The comment."), "Within the budget."),
    time_field("CreateTime", _("The time of the action.")),
    Field("Operator", _("The user who performed the action."), fields=OPERATOR),
)
ACTIVITY = (
    Field("ActivityName", _("The name of the approval step."), "ApproverNode-1"),
    Field(
        "Tasks",
        _("The pending approvals. One approval is sufficient."),
        several=True,
        fields=(Field("Operator", _("The approver."), fields=serializers.APPROVER),),
    ),
)
APPROVAL = Field(
    "ApprovalDetail",
    _("The information about the approval."),
    fields=(
        Field(
            "OperationRecords",
            _("The actions that have been performed."),
            several=True,
            fields=RECORD,
        ),
        Field(
            "TodoTaskActivities",
            _("The pending approval steps. Empty if no approval is pending."),
            several=True,
            fields=ACTIVITY,
        ),
    ),
)

OPERATIONS = {
    "GetProvisionedProductPlan": Operation(
        get_plan,
        GROUP,
        (PLAN_ID,),
        (
            Field(
                "PlanDetail",
                _("The information about the plan."),
                fields=(*serializers.PLAN, APPROVAL),
            ),
            Field(
                "ProductDetail",
                _("The information about the product."),
                fields=catalog_serializers.PRODUCT_CORE,
            ),
            Field(
                "ProductVersionDetail",
                _("The information about the product version."),
                fields=catalog_serializers.VERSION,
            ),
            Field(
                "ResourceChanges",
                _("The changes to resources that the precheck found."),
                several=True,
                fields=CHANGE,
            ),
        ),
        summary=_("Queries the information about a plan."),
        description=_("The owner, the approvers and administrators can query a plan."),
        errors=("InvalidPlan.NotFound",),
    ),
    "ListProvisionedProductPlans": Operation(
        list_plans,
        GROUP,
        (
            DIRECTORY_ACCESS,
            REVIEW,
            id_parameter(
                "ProvisionedProductId",
                _("The ID of a product instance. Only its plans are returned."),
                "pp-bp1ddg1n2a4k5x",
                required=False,
            ),
            filters(
                "more-memory",
                {
                    "ProvisionedProductPlanName": _(
                        "The full name of the plan. The name is not case-sensitive."
                    ),
                    "ProvisionedProductPlanApprover": _(
                        "The type and the name of an approver, such as RamUser:carol."
                    ),
                    "ProvisionedProductPlanApproverName": _("The name of an approver."),
                    "ProvisionedProductPlanStatus": _("The status of the plan."),
                    "ProvisionedProductPlanOwnerUid": _("The ID of the owner."),
                    "FullTextSearch": _("Text to search for in the name of the plan."),
                },
            ),
            *PAGING,
            *SORTING,
        ),
        (
            Field(
                "PlanDetails",
                _("The plans."),
                several=True,
                fields=(*serializers.PLAN, catalog_serializers.PRODUCT_NAME),
            ),
            *PAGED_ANSWER,
        ),
        summary=_("Queries plans."),
        description=_(
            "Several conditions with the same key are alternatives: a plan is returned "
            "if it meets one of them. Without AccessLevelFilter and ApprovalFilter, the "
            "plans of the caller are returned."
        ),
        errors=("NoPermission",),
        in_query=True,
    ),
}
