"""Operations that create, change, execute, cancel and delete plans."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from catalog.operations import shared_parameters
from console.lib.errors import InvalidInputError, NotFoundError
from console.lib.names import find_by_name
from console.lib.operation import Answer, Operation, Parameter, Values, wire_names
from console.lib.users import User
from instances.launch_validation import execute_once
from instances.models import Instance, Plan, ProvisioningSpec, Task, plan_for
from instances.operations import serializers
from instances.operations.launching import (
    NAME,
    OPTION,
    PARAMETERS,
    REGION,
    SPEC_ERRORS,
    TAGS,
    launch_spec,
    living_instance,
    update_spec,
)
from instances.operations.plans import PLAN_ID


def create_plan(params: Values, by: User) -> Answer:
    operation = params["OperationType"]
    target: dict[str, Any] = {}
    if operation == Task.Kind.LAUNCH:
        launch = launch_spec(params, by)
        spec = launch.spec
        target = {"region": launch.region, "instance_name": launch.name}
    else:
        instance = _instance_named(params["ProvisionedProductName"], by)
        if params["StackRegionId"] != instance.region_id:
            problem = _("The region does not match the region of the instance.")
            raise InvalidInputError(
                {"StackRegionId": [problem]}, code="InvalidStackRegionId"
            )
        spec = _spec(operation, params, instance, by)
        target = {"region": instance.region, "instance": instance}
    with wire_names(name="PlanName", description="Description"):
        plan = Plan.objects.submit(
            operation,
            spec,
            name=params["PlanName"],
            description=params.get("Description", ""),
            by=by,
            **target,
        )
    return _ids(plan)


def update_plan(params: Values, by: User) -> Answer:
    plan = _plan(params["PlanId"], by)
    plan.check_owner(by)
    if params["ProductId"] != plan.version.product_id:
        raise NotFoundError(
            _("The plan does not belong to this product."),
            code="InvalidProduct.NotFound",
        )
    if plan.instance is None:
        names = {
            "ProvisionedProductName": plan.instance_name,
            "StackRegionId": plan.region_id,
        }
        spec = launch_spec(params | names, by, planned=plan.spec).spec
    else:
        spec = _spec(plan.operation, params, plan.instance, by, planned=plan.spec)
    with wire_names(description="Description"):
        plan.edit(spec, by=by, description=params.get("Description"))
    return _ids(plan)


def execute_plan(params: Values, by: User) -> Answer:
    plan = _plan(params["PlanId"], by)
    execute_once(plan, by=by)
    return {"PlanId": plan.pk}


def cancel_plan(params: Values, by: User) -> Answer:
    _plan(params["PlanId"], by).cancel(by=by)
    return {}


def delete_plan(params: Values, by: User) -> Answer:
    _plan(params["PlanId"], by).remove(by=by)
    return {}


def _plan(pk: str, by: User) -> Plan:
    return plan_for(by, pk, draft=False)


def _ids(plan: Plan) -> Answer:
    instance = plan.instance_id or plan.reserved_instance_id
    return {"PlanId": plan.pk, "ProvisionedProductId": instance}


def _instance_named(name: str, by: User) -> Instance:
    found = find_by_name(Instance.objects.visible_to(by).living(), name)
    return living_instance(by, found.pk if found else "")


def _spec(
    operation: str,
    params: Values,
    instance: Instance,
    by: User,
    *,
    planned: ProvisioningSpec | None = None,
) -> ProvisioningSpec:
    """Return the spec of an update, or the present configuration for a termination."""
    if operation == Task.Kind.UPDATE:
        spec = update_spec(params, instance, by, planned=planned)
        instance.check_differs(spec)
        return spec
    if params["ProductId"] != instance.product_id:
        raise NotFoundError(
            _("The instance does not belong to this product."),
            code="InvalidProduct.NotFound",
        )
    return instance.current()


GROUP = "Plans"
KIND = Parameter(
    "OperationType",
    _("The operation that the plan performs when it is executed."),
    choices=serializers.OPERATION_TYPES,
    default=str(Task.Kind.LAUNCH),
)
DESCRIPTION = Parameter(
    "Description", _("The description of the plan."), example="More memory for the sale"
)
SPEC_PARAMETERS = (
    shared_parameters.PRODUCT_ID,
    shared_parameters.VERSION_ID,
    OPTION,
    PARAMETERS,
    TAGS,
)
IDS = (serializers.NEW_PLAN_ID, serializers.NEW_INSTANCE_ID)
MISSING = "InvalidPlan.NotFound"
STATUS = "IncorrectStatus.Plan"

OPERATIONS = {
    "CreateProvisionedProductPlan": Operation(
        create_plan,
        GROUP,
        (
            Parameter(
                "PlanName",
                _("The name of the plan."),
                required=True,
                example="more-memory",
            ),
            Parameter(
                "PlanType",
                _("The type of the plan. The value is fixed as Ros."),
                required=True,
                choices={"Ros": _("A plan of a ROS stack.")},
            ),
            KIND,
            DESCRIPTION,
            NAME,
            REGION,
            *SPEC_PARAMETERS,
        ),
        IDS,
        summary=_("Creates a plan."),
        description=_(
            "A plan is prechecked before it can be executed. For an update or a "
            "termination, ProvisionedProductName is the name of the product instance. If "
            "an approval constraint applies to the operation, the plan is submitted for "
            "approval after the precheck."
        ),
        errors=(
            *SPEC_ERRORS,
            "DuplicateName.Plan",
            "DuplicateName.ProvisionedProduct",
            "InvalidProvisionedProduct.NotFound",
            "IncorrectStatus.ProvisionedProduct",
            "NoChange.ProvisionedProduct",
        ),
    ),
    "UpdateProvisionedProductPlan": Operation(
        update_plan,
        GROUP,
        (PLAN_ID, DESCRIPTION, *SPEC_PARAMETERS),
        IDS,
        summary=_("Updates a plan."),
        description=_(
            "The plan is prechecked again. An existing approval becomes invalid. Only "
            "the owner can update a plan."
        ),
        errors=(
            MISSING,
            STATUS,
            *SPEC_ERRORS,
            "IncorrectStatus.ProvisionedProduct",
            "InvalidProvisionedProduct.NotFound",
            "NoChange.ProvisionedProduct",
            "NoPermission",
        ),
    ),
    "ExecuteProvisionedProductPlan": Operation(
        execute_plan,
        GROUP,
        (PLAN_ID,),
        (serializers.NEW_PLAN_ID,),
        summary=_("Executes a plan."),
        description=_(
            "The plan must have passed the precheck and, if an approval constraint "
            "applies, must be approved. The plan is executed exactly as prechecked. "
            "Only the owner can execute a plan."
        ),
        errors=(
            MISSING,
            STATUS,
            "IncorrectStatus.ProvisionedProduct",
            "InvalidProvisionedProduct.NotFound",
            "DuplicateName.ProvisionedProduct",
            *SPEC_ERRORS,
            "NoPermission",
        ),
    ),
    "CancelProvisionedProductPlan": Operation(
        cancel_plan,
        GROUP,
        (PLAN_ID,),
        summary=_("Cancels a plan."),
        description=_(
            "A plan that has been executed, or is being executed, cannot be canceled. "
            "Only the owner can cancel a plan."
        ),
        errors=(MISSING, STATUS, "NoPermission"),
    ),
    "DeleteProvisionedProductPlan": Operation(
        delete_plan,
        GROUP,
        (PLAN_ID,),
        summary=_("Deletes a plan."),
        description=_(
            "A plan that is in progress cannot be deleted. The task of an executed plan "
            "is kept. Only the owner can delete a plan."
        ),
        errors=(MISSING, STATUS, "NoPermission"),
    ),
}
