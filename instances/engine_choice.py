"""Which engine runs a template, and what it is handed to run.

A ROS template is simulated; a Terraform template is run for real.
"""

import json
from typing import Any

from django.conf import settings
from django.db import connection

from catalog.models import Template
from catalog.schema import read_document
from instances.engines import engine_for
from instances.engines.base import Engine
from instances.engines.base import Settings as EngineSettings
from instances.engines.ros_local import DOCUMENT
from instances.models import Plan, Task
from instances.models.instance import stack_id_of

ENGINES = {Template.Kind.TERRAFORM: "terraform", Template.Kind.STANDARD: "ros_local"}


def engine_settings() -> EngineSettings:
    """Hand the deployment's decisions to the engines, which do not know Django.

    With a database of several hosts, a run nobody follows ends before another host may
    take it for dead: half of the grace is left to it, or two minutes.
    """
    grace = 0 if connection.vendor == "sqlite" else settings.HOST_GRACE
    return EngineSettings(
        terraform_bin=settings.TERRAFORM_BIN,
        provider_mirror=settings.PROVIDER_MIRROR,
        allow_unsandboxed=settings.ALLOW_UNSANDBOXED,
        unwatched_seconds=max(grace - 120, grace // 2),
        stop_seconds=min(60, grace // 4) if grace else 60,
    )


def engine_of(template: Template | None) -> Engine:
    """Return the engine of a template; Terraform's where there is none."""
    kind = Template.Kind(template.kind) if template else Template.Kind.TERRAFORM
    return engine_for(ENGINES[kind], engine_settings())


def files_of(template: Template) -> dict[str, str]:
    """Return what an engine runs: the files, or the one document of a ROS template.

    Raises TemplateError when the stored document can no longer be read.
    """
    if template.kind == Template.Kind.TERRAFORM:
        return dict(template.files)
    body = read_document(template.body).body
    return {DOCUMENT: json.dumps(body, ensure_ascii=False)}


def parameters_of(work: Task | Plan) -> dict[str, Any]:
    """Return the values that may be shown, for a ROS template with the pseudo parameters.

    These are the same at the preview of a launch and ever after.
    """
    if work.version.template.kind == Template.Kind.TERRAFORM:
        return dict(work.parameters)
    if isinstance(work, Task):
        region, pk = work.instance.region_id, work.instance_id
    else:
        region, pk = work.region_id, work.reserved_instance_id
    return {
        **work.parameters,
        "ALIYUN::StackId": str(
            work.instance.stack_id if work.instance else stack_id_of(pk)
        ),
        "ALIYUN::StackName": f"sc-{settings.ACCOUNT_ID}-{pk}",
        "ALIYUN::Region": region,
        "ALIYUN::AccountId": settings.ACCOUNT_ID,
        "ALIYUN::TenantId": settings.ACCOUNT_ID,
    }
