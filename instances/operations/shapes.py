"""How what was launched looks on the wire: the fields, and the rows that fill them."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from catalog.schema.conversion import as_text
from console.lib.masking import MASK
from console.lib.operation import Answer, stamp
from instances.models import Instance, Output, Plan, Task

INSTANCE = {
    "CreateTime": str,
    "LastProvisioningTaskId": str,
    "LastSuccessfulProvisioningTaskId": str,
    "LastTaskId": str,
    "OwnerPrincipalId": str,
    "OwnerPrincipalType": str,
    "PortfolioId": str,
    "ProductId": str,
    "ProductName": str,
    "ProductVersionId": str,
    "ProductVersionName": str,
    "ProvisionedProductArn": str,
    "ProvisionedProductId": str,
    "ProvisionedProductName": str,
    "ProvisionedProductType": str,
    "StackId": str,
    "StackRegionId": str,
    "Status": str,
    "StatusMessage": str,
}
PARAMETER = {"ParameterKey": str, "ParameterValue": str}
OUTPUT = {"Description": str, "OutputKey": str, "OutputValue": str}
TAG = {"Key": str, "Value": str}
TASK = {
    "CreateTime": str,
    "Log": {"TerraformLogs": [{"Command": str, "Content": str, "Stream": str}]},
    "Outputs": [OUTPUT],
    "Parameters": [PARAMETER],
    "PortfolioId": str,
    "ProductId": str,
    "ProductName": str,
    "ProductVersionId": str,
    "ProductVersionName": str,
    "ProvisionedProductId": str,
    "ProvisionedProductName": str,
    "Status": str,
    "StatusMessage": str,
    "TaskId": str,
    "TaskType": str,
    "UpdateTime": str,
}
APPROVER = {"PrincipalName": str, "PrincipalType": str}
PLAN = {
    "AssignedApprovers": [APPROVER],
    "CreateTime": str,
    "Description": str,
    "OperationType": str,
    "OwnerPrincipalId": str,
    "OwnerPrincipalName": str,
    "OwnerPrincipalType": str,
    "Parameters": [PARAMETER],
    "PlanId": str,
    "PlanName": str,
    "PlanType": str,
    "PortfolioId": str,
    "ProductId": str,
    "ProductVersionId": str,
    "ProvisionedProductId": str,
    "ProvisionedProductName": str,
    "StackId": str,
    "StackRegionId": str,
    "Status": str,
    "StatusMessage": str,
    "Tags": [TAG],
    "Uid": str,
    "UpdateTime": str,
}


def instance(row: Instance) -> Answer:
    """An instance, read with product, version and owner."""
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
    """A task, read with its version, its product and its instance; secrets masked."""
    product = row.version.product
    return {
        "CreateTime": stamp(row.created_at),
        "Log": {"TerraformLogs": logs},
        "Outputs": [output(each) for each in outputs],
        "Parameters": parameters(row.masked_parameters),
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


def parameters(values: Mapping[str, Any]) -> list[Answer]:
    return [
        {"ParameterKey": key, "ParameterValue": as_text(value)}
        for key, value in values.items()
    ]


def tags(values: Mapping[str, str]) -> list[Answer]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def plan(row: Plan, approvers: list[Answer]) -> Answer:
    """A plan, read with its version, owner and instance; secrets masked."""
    failed = row.status in (Plan.Status.PREVIEW_FAILED, Plan.Status.EXECUTE_FAILED)
    return {
        "AssignedApprovers": approvers,
        "CreateTime": stamp(row.created_at),
        "Description": row.description,
        "OperationType": row.operation,
        "OwnerPrincipalId": row.owner.principal_id,
        "OwnerPrincipalName": row.owner.get_username(),
        "OwnerPrincipalType": str(row.owner.principal_type),
        "Parameters": parameters(row.masked_parameters),
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
