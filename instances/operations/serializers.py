"""The answers of the API: the fields of each object, and the functions that fill them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from catalog.operations.serializers import (
    NEW_PRODUCT_ID,
    NEW_VERSION_ID,
    PRINCIPAL_TYPES,
    PRODUCT_NAME,
    VERSION_NAME,
)
from catalog.schema.conversion import as_text
from console.lib.masking import MASK
from console.lib.operation import Answer, Field, explained, stamp, time_field
from console.lib.users import PrincipalType
from instances.models import Instance, Output, Plan, Task

OPERATION_TYPES = explained(
    Task.Kind.values,
    {
        Task.Kind.LAUNCH: _("The launch of a product."),
        Task.Kind.UPDATE: _("The update of a product instance."),
        Task.Kind.TERMINATE: _("The termination of a product instance."),
    },
)
PLAN_STATUSES = explained(
    Plan.Status.values,
    {
        Plan.Status.PREVIEW_IN_PROGRESS: _("The plan is being prechecked."),
        Plan.Status.PREVIEW_SUCCESS: _("The precheck succeeded."),
        Plan.Status.PREVIEW_FAILED: _("The precheck failed."),
        Plan.Status.APPLICATION_IN_PROGRESS: _("The plan is waiting for approval."),
        Plan.Status.APPLICATION_APPROVED: _(
            "The plan was approved. Its owner can execute it."
        ),
        Plan.Status.APPLICATION_REJECTED: _("The plan was rejected."),
        Plan.Status.EXECUTE_IN_PROGRESS: _("The plan is being executed."),
        Plan.Status.EXECUTE_SUCCESS: _("The execution succeeded."),
        Plan.Status.EXECUTE_FAILED: _("The execution failed."),
        Plan.Status.CANCELED: _("The plan was canceled."),
    },
)
NEW_INSTANCE_ID = Field(
    "ProvisionedProductId", _("The ID of the product instance."), "pp-bp1ddg1n2a4k5x"
)
NEW_PLAN_ID = Field("PlanId", _("The ID of the plan."), "plan-bp1jvmdk2k4n5x")
INSTANCE_NAME = Field(
    "ProvisionedProductName", _("The name of the product instance."), "orders"
)
PORTFOLIO_ID = Field(
    "PortfolioId",
    _("The ID of the product portfolio that was used for the launch."),
    "port-bp1yt7582gn1xz",
    note=_("Empty if the portfolio was deleted."),
)
PRINCIPAL_ID = Field(
    "PrincipalId", _("The ID of the RAM user or RAM role."), "244771116036370001"
)
PRINCIPAL_NAME = Field(
    "PrincipalName", _("The name of the RAM user or RAM role."), "alice"
)
PRINCIPAL_TYPE = Field(
    "PrincipalType",
    _("The type of the principal."),
    PrincipalType.USER.value,
    choices=PRINCIPAL_TYPES,
)
OWNER_ID = Field(
    "OwnerPrincipalId",
    _("The ID of the owner: a RAM user or a RAM role."),
    "244771116036370001",
)
OWNER_TYPE = Field(
    "OwnerPrincipalType",
    _("The type of the owner."),
    PrincipalType.USER.value,
    choices=PRINCIPAL_TYPES,
)
STACK_ID = Field(
    "StackId",
    _("The ID of the stack."),
    "137f7d2e-3a8e-4a2f-8f0e-d9b2a4f6c1e7",
)
REGION_ID = Field(
    "StackRegionId",
    _("The ID of the region where the stack is located."),
    "cn-hangzhou",
)
INSTANCE = (
    time_field("CreateTime", _("The time when the product instance was created.")),
    Field(
        "LastProvisioningTaskId",
        _("The ID of the last task that changed the product instance."),
        "task-bp1dmg242c4k5x",
    ),
    Field(
        "LastSuccessfulProvisioningTaskId",
        _("The ID of the last task that succeeded. Empty if no task has succeeded."),
        "task-bp1dmg242c4k5x",
    ),
    Field("LastTaskId", _("The ID of the last task."), "task-bp1dmg242c4k5x"),
    OWNER_ID,
    OWNER_TYPE,
    PORTFOLIO_ID,
    NEW_PRODUCT_ID,
    PRODUCT_NAME,
    NEW_VERSION_ID,
    VERSION_NAME,
    Field(
        "ProvisionedProductArn",
        _("The Alibaba Cloud Resource Name (ARN) of the product instance."),
        "acs:servicecatalog:cn-hangzhou:1466115886171234:"
        "provisionedproduct/pp-bp1ddg1n2a4k5x",
    ),
    NEW_INSTANCE_ID,
    INSTANCE_NAME,
    Field(
        "ProvisionedProductType",
        _("The type of the product instance."),
        Instance.TYPE,
        choices={
            Instance.TYPE: _(
                "The only type: a stack of Resource Orchestration Service (ROS)."
            )
        },
    ),
    STACK_ID,
    REGION_ID,
    Field(
        "Status",
        _("The status of the product instance."),
        Instance.Status.AVAILABLE.value,
        choices=explained(
            Instance.Status.values,
            {
                Instance.Status.UNDER_CHANGE: _(
                    "A task is launching, updating or terminating the product instance."
                ),
                Instance.Status.AVAILABLE: _("The last task succeeded."),
                Instance.Status.ERROR: _("The last task failed."),
            },
        ),
    ),
    Field(
        "StatusMessage",
        _("The reason why the last task failed. Empty unless the status is Error."),
        "Resource CREATE failed: the quota of vCPUs is exceeded.",
        in_sample=False,
    ),
)
PARAMETER = (
    Field("ParameterKey", _("The name of the template parameter."), "size"),
    Field(
        "ParameterValue",
        _("The value of the template parameter, as text."),
        "small",
        note=_("A secret value is displayed as six asterisks (******)."),
    ),
)
OUTPUT = (
    Field(
        "Description",
        _("The description of the output."),
        "The address of the service.",
    ),
    Field("OutputKey", _("The name of the output."), "address"),
    Field(
        "OutputValue",
        _("The value of the output, as text."),
        "http://10.0.0.17",
        note=_("A secret value is displayed as six asterisks (******)."),
    ),
)
TAG = (
    Field("Key", _("The key of the tag."), "team"),
    Field("Value", _("The value of the tag."), "data"),
)
PARAMETERS = Field(
    "Parameters",
    _("The template parameters that were specified, exactly as specified."),
    several=True,
    fields=PARAMETER,
)
DEFAULT_PARAMETERS = Field(
    "DefaultParameters",
    _("The template parameters that were not specified. Their default values apply."),
    several=True,
    fields=PARAMETER,
)
OUTPUTS = Field("Outputs", _("The outputs."), several=True, fields=OUTPUT)
TASK_TAGS = Field("TaskTags", _("The tags of the task."), several=True, fields=TAG)
LOG_ENTRY = (
    Field(
        "Command",
        _("The Terraform command that printed the log."),
        "apply",
    ),
    Field("Content", _("The content of the log."), "Apply complete!"),
    Field(
        "Stream",
        _("The output stream, for example stdout or stderr."),
        "stdout",
    ),
)
TASK = (
    time_field("CreateTime", _("The time when the task was created.")),
    Field(
        "Log",
        _("The log of the task."),
        fields=(
            Field(
                "TerraformLogs",
                _("The Terraform logs, in the order of the commands."),
                several=True,
                fields=LOG_ENTRY,
            ),
        ),
    ),
    OUTPUTS,
    PARAMETERS,
    DEFAULT_PARAMETERS,
    PORTFOLIO_ID,
    NEW_PRODUCT_ID,
    PRODUCT_NAME,
    NEW_VERSION_ID,
    VERSION_NAME,
    NEW_INSTANCE_ID,
    INSTANCE_NAME,
    Field(
        "Status",
        _("The status of the task."),
        Task.Status.SUCCEEDED.value,
        choices=explained(
            Task.Status.values,
            {
                Task.Status.IN_PROGRESS: _("The task is waiting or running."),
                Task.Status.SUCCEEDED: _("The task succeeded."),
                Task.Status.FAILED: _("The task failed or was canceled."),
            },
        ),
    ),
    Field(
        "StatusMessage",
        _("The reason why the task failed. Empty unless the status is Failed."),
        "Resource CREATE failed: the quota of vCPUs is exceeded.",
        in_sample=False,
    ),
    Field("TaskId", _("The ID of the task."), "task-bp1dmg242c4k5x"),
    Field(
        "TaskType",
        _("The type of the task."),
        Task.Kind.LAUNCH.value,
        choices=OPERATION_TYPES,
    ),
    time_field("UpdateTime", _("The time when the task was last changed.")),
)
APPROVER = (PRINCIPAL_NAME, PRINCIPAL_TYPE)
PLAN = (
    Field(
        "AssignedApprovers",
        _("The approvers. Empty if the operation does not require approval."),
        several=True,
        fields=APPROVER,
    ),
    time_field("CreateTime", _("The time when the plan was created.")),
    Field("Description", _("The description of the plan."), "More memory for the sale"),
    Field(
        "OperationType",
        _("The operation that the plan performs when it is executed."),
        Task.Kind.UPDATE.value,
        choices=OPERATION_TYPES,
    ),
    OWNER_ID,
    Field("OwnerPrincipalName", _("The name of the owner."), "alice"),
    OWNER_TYPE,
    PARAMETERS,
    DEFAULT_PARAMETERS,
    NEW_PLAN_ID,
    Field("PlanName", _("The name of the plan."), "more-memory"),
    Field(
        "PlanType",
        _("The type of the plan."),
        "Ros",
        choices={"Ros": _("The only type: a plan of a ROS stack.")},
    ),
    PORTFOLIO_ID,
    NEW_PRODUCT_ID,
    NEW_VERSION_ID,
    replace(
        NEW_INSTANCE_ID,
        note=_(
            "A plan for a launch has the ID that the product instance gets when the plan "
            "is executed."
        ),
    ),
    INSTANCE_NAME,
    replace(
        STACK_ID, note=_("Empty while the product instance has not been launched.")
    ),
    REGION_ID,
    Field(
        "Status",
        _("The status of the plan."),
        Plan.Status.APPLICATION_IN_PROGRESS.value,
        choices=PLAN_STATUSES,
    ),
    Field(
        "StatusMessage",
        _(
            "The reason for the failure. Empty unless the status is PreviewFailed or "
            "ExecuteFailed."
        ),
        "Create stack failed: the quota of vCPUs is exceeded.",
        in_sample=False,
    ),
    Field("Tags", _("The tags of the product instance."), several=True, fields=TAG),
    Field("Uid", _("The ID of the account."), "1466115886171234"),
    time_field("UpdateTime", _("The time when the plan was last changed.")),
)


def instance(row: Instance) -> Answer:
    """Serialize an instance that was read with its product, version and owner."""
    owner = row.principal
    return {
        "CreateTime": stamp(row.created_at),
        "LastProvisioningTaskId": row.last_task_id or "",
        "LastSuccessfulProvisioningTaskId": row.last_successful_task_id or "",
        "LastTaskId": row.last_task_id or "",
        "OwnerPrincipalId": owner.principal_id,
        "OwnerPrincipalType": str(owner.principal_type),
        "PortfolioId": row.portfolio_id or "",
        "ProductId": row.product_id,
        "ProductName": row.product.name,
        "ProductVersionId": row.version_id,
        "ProductVersionName": row.version.name,
        "ProvisionedProductArn": row.arn,
        "ProvisionedProductId": row.pk,
        "ProvisionedProductName": row.name,
        "ProvisionedProductType": Instance.TYPE,
        "StackId": str(row.stack_id),
        "StackRegionId": row.region_id,
        "Status": row.status,
        "StatusMessage": row.status_message if row.status == "Error" else "",
    }


def task(row: Task, outputs: Iterable[Output], logs: list[Answer]) -> Answer:
    """Serialize a task that was read with its product, version and instance; mask secrets."""
    product = row.version.product
    return {
        "CreateTime": stamp(row.created_at),
        "Log": {"TerraformLogs": logs},
        "Outputs": [output(each) for each in outputs],
        "Parameters": parameters(row.masked_entries),
        "DefaultParameters": parameters(row.masked_defaults),
        "PortfolioId": row.portfolio_id or "",
        "ProductId": product.pk,
        "ProductName": product.name,
        "ProductVersionId": row.version_id,
        "ProductVersionName": row.version.name,
        "ProvisionedProductId": row.instance_id,
        "ProvisionedProductName": row.instance.name,
        "Status": row.status,
        "StatusMessage": row.status_message if row.status == "Failed" else "",
        "TaskId": row.pk,
        "TaskType": row.kind,
        "UpdateTime": stamp(row.updated_at),
    }


def output(row: Output) -> Answer:
    return {
        "Description": row.description,
        "OutputKey": row.key,
        "OutputValue": MASK if row.sensitive else as_text(row.value),
    }


def parameters(texts: Mapping[str, str]) -> list[Answer]:
    return [
        {"ParameterKey": key, "ParameterValue": text} for key, text in texts.items()
    ]


def tags(values: Mapping[str, str]) -> list[Answer]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def plan(row: Plan, approvers: list[Answer]) -> Answer:
    """Serialize a plan that was read with its version, owner and instance; mask secrets."""
    failed = row.status in (Plan.Status.PREVIEW_FAILED, Plan.Status.EXECUTE_FAILED)
    return {
        "AssignedApprovers": approvers,
        "CreateTime": stamp(row.created_at),
        "Description": row.description,
        "OperationType": row.operation,
        "OwnerPrincipalId": row.owner.principal_id,
        "OwnerPrincipalName": row.owner.get_username(),
        "OwnerPrincipalType": str(row.owner.principal_type),
        "Parameters": parameters(row.masked_entries),
        "DefaultParameters": parameters(row.masked_defaults),
        "PlanId": row.pk,
        "PlanName": row.name,
        "PlanType": "Ros",
        "PortfolioId": row.portfolio_id or "",
        "ProductId": row.version.product_id,
        "ProductVersionId": row.version_id,
        "ProvisionedProductId": row.instance_id or row.reserved_instance_id,
        "ProvisionedProductName": row.instance_name,
        "StackId": str(row.instance.stack_id) if row.instance else "",
        "StackRegionId": row.region_id,
        "Status": row.status,
        "StatusMessage": row.status_message if failed else "",
        "Tags": tags(row.tags),
        "Uid": settings.ACCOUNT_ID,
        "UpdateTime": stamp(row.updated_at),
    }
