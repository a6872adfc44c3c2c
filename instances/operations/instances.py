"""Operations that read instances."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from catalog.effective_constraints import launch_options
from catalog.models import Constraint
from catalog.models.product import granted_product
from catalog.operations import shared_parameters
from console.lib.errors import ForbiddenError, NotFoundError
from console.lib.operation import (
    PAGED_ANSWER,
    PAGING,
    SORTING,
    Answer,
    Field,
    Operation,
    Parameter,
    Values,
    filters,
    id_parameter,
    page_by_number,
)
from console.lib.users import User
from instances.filters import InstanceFilter
from instances.models import Instance, Task
from instances.operations import serializers


def visible_instances(by: User) -> QuerySet[Instance]:
    """Return the active instances that the caller may see, with the data of their answer."""
    rows = Instance.objects.visible_to(by).living()
    return rows.select_related("product", "version", "owner", "owner_role").defer(
        "product__description", "version__description"
    )


def get_instance(rows: QuerySet[Instance], pk: str) -> Instance:
    """Return the instance with this ID. Raises NotFoundError."""
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFoundError(
            _("The instance does not exist, or you do not have access to it."),
            code="InvalidProvisionedProduct.NotFound",
        )
    return row


def check_access(access: str, by: User) -> None:
    """Raise ForbiddenError unless the caller is an administrator or `access` is User."""
    if access != "User" and not by.is_administrator:
        raise ForbiddenError(
            _(
                "Only administrators can list the whole account. Set AccessLevelFilter to "
                "User."
            )
        )


def get_provisioned_product(params: Values, by: User) -> Answer:
    row = get_instance(visible_instances(by), params["ProvisionedProductId"])
    return {"ProvisionedProductDetail": serializers.instance(row)}


def get_for_resource_spec(params: Values, by: User) -> Answer:
    """Answer the undocumented operation that the vendor's Terraform provider calls."""
    rows = visible_instances(by).select_related(
        "last_successful_task__version__template"
    )
    row = get_instance(rows, params["ProvisionedProductId"])
    task: Any = row.last_successful_task
    lists = ("Outputs", "Parameters", "DefaultParameters", "TaskTags")
    detail = serializers.instance(row) | {name: [] for name in lists}
    if task is not None:
        detail["Outputs"] = [serializers.output(each) for each in task.outputs.all()]
        detail["Parameters"] = serializers.parameters(task.masked_entries)
        detail["DefaultParameters"] = serializers.parameters(task.masked_defaults)
        detail["TaskTags"] = serializers.tags(row.tags_after(task))
    return {"ProvisionedProductDetail": detail}


def list_provisioned_products(params: Values, by: User) -> Answer:
    check_access(params["AccessLevelFilter"], by)
    access = {"access": params["AccessLevelFilter"].lower()}
    rows = InstanceFilter(access, Instance.objects.living(), user=by).qs
    for condition in params["Filters"]:
        narrowed = {FILTERS[condition["Key"]]: condition["Value"]}
        rows = InstanceFilter(access | narrowed, rows, user=by).qs
    rows = rows.select_related("product", "version", "owner", "owner_role")
    found, paging = page_by_number(rows, params)
    details = [serializers.instance(row) for row in found]
    return {"ProvisionedProductDetails": details, **paging}


def list_launch_options(params: Values, by: User) -> Answer:
    product = granted_product(by, params["ProductId"])
    return {
        "LaunchOptionSummaries": [
            {
                "PortfolioId": option.portfolio.pk,
                "PortfolioName": option.portfolio.name,
                "ConstraintSummaries": [
                    _constraint(each) for each in option.constraints.all
                ],
            }
            for option in launch_options(product, by)
        ]
    }


def _constraint(row: Constraint) -> Answer:
    summary: Answer = {"ConstraintType": row.kind, "Description": row.description}
    if row.kind == Constraint.Kind.APPROVAL:
        summary["OperationTypes"] = row.config.get("OperationTypes", [])
    if row.kind == Constraint.Kind.STACK_REGION:
        summary["StackRegions"] = row.config.get("StackRegions", [])
    return summary


GROUP = "Instances"
FILTERS = {"ProvisionedProductName": "name", "FullTextSearch": "text"}
MISSING = "InvalidProvisionedProduct.NotFound"
INSTANCE_ID = id_parameter(
    "ProvisionedProductId", _("The ID of the product instance."), "pp-bp1ddg1n2a4k5x"
)
ACCESS = Parameter(
    "AccessLevelFilter",
    _("The access filter."),
    choices={
        "User": _("The product instances that belong to the caller."),
        "Account": _(
            "All product instances of the account. Only administrators can use this "
            "value."
        ),
    },
    default="User",
)
OPTION = (
    Field("PortfolioId", _("The ID of the product portfolio."), "port-bp1yt7582gn1xz"),
    Field("PortfolioName", _("The name of the product portfolio."), "Web services"),
    Field(
        "ConstraintSummaries",
        _("The constraints that apply to a launch from this portfolio."),
        several=True,
        fields=(
            Field(
                "ConstraintType",
                _("The type of the constraint."),
                Constraint.Kind.STACK_REGION.value,
                choices=shared_parameters.CONSTRAINT_TYPES,
            ),
            Field(
                "Description",
                _("The description of the constraint."),
                "Only in the region of the data center.",
            ),
            Field(
                "OperationTypes",
                _("The operations that require approval."),
                [str(Task.Kind.LAUNCH)],
                note=_("Returned for an approval constraint."),
                always=False,
                in_sample=False,
            ),
            Field(
                "StackRegions",
                _("The regions in which the product can be launched."),
                ["cn-hangzhou"],
                note=_("Returned for a region constraint."),
                always=False,
            ),
        ),
    ),
)
FOR_RESOURCE = (
    *serializers.INSTANCE,
    serializers.OUTPUTS,
    serializers.PARAMETERS,
    serializers.DEFAULT_PARAMETERS,
    serializers.TASK_TAGS,
)

OPERATIONS = {
    "GetProvisionedProduct": Operation(
        get_provisioned_product,
        GROUP,
        (INSTANCE_ID,),
        (
            Field(
                "ProvisionedProductDetail",
                _("The information about the product instance."),
                fields=serializers.INSTANCE,
            ),
        ),
        summary=_("Queries the information about a product instance."),
        description=_(
            "A terminated product instance cannot be queried. End users can query their "
            "own product instances. Administrators can query all product instances of "
            "the account."
        ),
        errors=(MISSING,),
        in_query=True,
    ),
    "GetProvisionedProductForResourceSpec": Operation(
        get_for_resource_spec,
        GROUP,
        (INSTANCE_ID,),
        (
            Field(
                "ProvisionedProductDetail",
                _(
                    "The information about the product instance, with the outputs, the "
                    "parameters and the tags of the last task that succeeded."
                ),
                fields=FOR_RESOURCE,
            ),
        ),
        summary=_("Queries a product instance with its outputs, parameters and tags."),
        description=_(
            "The Alibaba Cloud Terraform provider calls this operation. The SDKs do not "
            "include this operation."
        ),
        errors=(MISSING,),
        in_query=True,
    ),
    "ListProvisionedProducts": Operation(
        list_provisioned_products,
        GROUP,
        (
            ACCESS,
            filters(
                "orders",
                {
                    "ProvisionedProductName": _(
                        "The full name of the product instance. The name is not case-sensitive."
                    ),
                    "FullTextSearch": _(
                        "Text to search for in the name of the product instance."
                    ),
                },
            ),
            *PAGING,
            *SORTING,
        ),
        (
            Field(
                "ProvisionedProductDetails",
                _("The product instances."),
                several=True,
                fields=serializers.INSTANCE,
            ),
            *PAGED_ANSWER,
        ),
        summary=_("Queries product instances."),
        errors=("NoPermission",),
        in_query=True,
    ),
    "ListLaunchOptions": Operation(
        list_launch_options,
        GROUP,
        (shared_parameters.PRODUCT_ID,),
        (
            Field(
                "LaunchOptionSummaries",
                _("The launch options."),
                several=True,
                fields=OPTION,
            ),
        ),
        summary=_("Queries the launch options of a product."),
        description=_(
            "A launch option is a product portfolio from which the caller can launch the "
            "product, with the constraints that apply there. If there are several, "
            "specify the PortfolioId of one of them in LaunchProduct."
        ),
        errors=("InvalidProduct.NotFound", "NoPermission.ProductNotGranted"),
        scoped=False,
        in_query=True,
    ),
}
