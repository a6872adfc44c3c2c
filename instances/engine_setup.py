"""The choice and the configuration of engines, and the engine check of values.

The region of a new instance determines its engine, and an existing instance keeps its own.
On this host, Terraform templates are run and ROS templates are simulated; on Alibaba Cloud,
both are stacks of ROS.
"""

from collections.abc import Collection, Mapping
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.db import connection

from catalog.models import Constraint, LaunchRole, Template
from catalog.ros.document import read_document
from catalog.terraform.policy import violations
from catalog.terraform.variables import variable_types
from console.lib.exact import dumps
from console.lib.masking import Masker
from instances.engines import engine_for
from instances.engines.base import Diagnostic, Engine, EngineError, Stack
from instances.engines.base import Settings as EngineSettings
from instances.engines.ros_local import DOCUMENT
from instances.masked_engine import MaskedEngine
from instances.models import Instance, Plan, Task
from instances.models.engine import CLOUD, local_engine
from instances.models.instance import stack_id_of

# A run is stopped when it has logged this many times LOG_BYTES, of which the rest is not kept.
LOG_FLOOD_FACTOR = 64
# Each check is a process of up to two seconds. More than two at once would slow down pages.
ENGINE_CHECKS = BoundedSemaphore(2)


def engine_settings() -> EngineSettings:
    """Return the settings of the deployment, for engines that do not import Django.

    When several hosts share the database, a run without a worker ends before another host
    may take over: after HOST_GRACE minus two minutes, or after half of a shorter grace.
    """
    grace = 0 if connection.vendor == "sqlite" else settings.HOST_GRACE
    return EngineSettings(
        terraform_bin=settings.TERRAFORM_BIN,
        template_policy=violations,
        provider_mirror=settings.PROVIDER_MIRROR,
        providers=tuple(settings.PROVIDERS),
        allow_unsandboxed=settings.ALLOW_UNSANDBOXED,
        log_bytes=LOG_FLOOD_FACTOR * settings.LOG_BYTES,
        unwatched_seconds=max(grace - 120, grace // 2),
        stop_seconds=min(60, grace // 4) if grace else 60,
        ros_endpoint=settings.ROS_ENDPOINT,
        ros_rollback=settings.ROS_ROLLBACK,
        ros_pace=settings.ROS_PACE,
        timeout_minutes=settings.TASK_TIMEOUT // 60,
    )


def engine_named(name: str) -> Engine:
    return engine_for(name, engine_settings())


def engine_of(template: Template | None) -> Engine:
    """Return the engine that runs a template on this host; Terraform without a template."""
    return engine_named(local_engine(template) if template else "terraform")


def engine_name_of(work: Task | Plan) -> str:
    return work.instance.made_by if isinstance(work, Task) else work.engine


def files_of(template: Template, engine: str = "") -> dict[str, str]:
    """Return the files that an engine runs, which for a ROS template is its one document.

    On Alibaba Cloud, a Terraform template that was uploaded as a ROS document is run as that
    document, which may say more than its files. Raises TemplateError when the document
    cannot be read.
    """
    terraform = template.kind == Template.Kind.TERRAFORM
    if terraform and not (engine == CLOUD and template.body):
        return dict(template.files)
    body = read_document(template.body).body
    return {DOCUMENT: dumps(body, ensure_ascii=False)}


def parameters_of(work: Task | Plan) -> dict[str, object]:
    """Return the values that are not secret, for a simulation with the pseudo parameters.

    Pseudo parameters have the same values in the preview of a launch and in every later run.
    """
    terraform = work.version.template.kind == Template.Kind.TERRAFORM
    if terraform or engine_name_of(work) == CLOUD:
        return dict(work.parameters)
    region, pk = _place_of(work)
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


def types_of(template: Template, secrets: Mapping[str, object]) -> dict[str, str]:
    """Return the declared types of the secret variables of a Terraform template.

    Secrets are handed over as environment variables, which Terraform reads by their type.
    """
    if template.kind != Template.Kind.TERRAFORM or not secrets:
        return {}
    return variable_types(template.files, secrets)


def stack_of(work: Task | Plan) -> Stack:
    """Return the name and the owner of a stack in the cloud, and the token of this change."""
    region, pk = _place_of(work)
    return Stack(
        region=region,
        name=f"sc-{settings.ACCOUNT_ID}-{pk}",
        label=pk,
        token=work.pk,
        role=role_of(work),
        tags=work.tags,
    )


def role_of(work: Task | Plan) -> str:
    """Return the RAM role of the launch constraint, which the cloud assumes; else "".

    Also "" when credentials of this role are stored here: they are used for the calls.
    """
    return _ram_role(work.version.product_id, work.portfolio_id)


def _ram_role(product: str, portfolio: str | None) -> str:
    constraint = Constraint.objects.filter(
        kind=Constraint.Kind.LAUNCH, product=product, portfolio=portfolio
    ).first()
    name = str(constraint.config.get("LocalRoleName") or "") if constraint else ""
    return "" if LaunchRole.objects.filter(name=name).exists() else name


def needs_engine(work: Task | Plan) -> bool:
    """Return True if an update changes anything in the engine input.

    Tags are input on Alibaba Cloud only; another launch option matters if its launch role
    differs. A plan that was saved by a preview is always applied.
    """
    instance = work.instance
    assert instance is not None  # an update has one
    if isinstance(work, Task):
        before = work.instance_status_before
        if work.plan is not None and work.plan.file:
            return True
    else:
        before = instance.status
    spec = work.spec
    if before != Instance.Status.AVAILABLE or instance.last_successful_task is None:
        return True
    if not spec.acts_like(instance.current()):
        return True
    if instance.made_by == CLOUD and spec.tags != instance.current().tags:
        return True
    return _roles(work, work.portfolio_id) != _roles(work, instance.portfolio_id)


def _roles(work: Task | Plan, portfolio: str | None) -> tuple[str, str]:
    """Return the launch role and the RAM role that a launch option uses for this work."""
    product = work.version.product_id
    role = LaunchRole.objects.required_by(product, portfolio)
    cloud = engine_name_of(work) == CLOUD
    return role.pk if role else "", _ram_role(product, portfolio) if cloud else ""


def _place_of(work: Task | Plan) -> tuple[str, str]:
    """Return the region and the ID of the instance of a task or plan."""
    if isinstance(work, Task):
        return work.instance.region_id, work.instance_id
    return work.region_id, work.reserved_instance_id


def run_engine_check(
    template: Template, values: Mapping[str, object], hidden: Collection[str] = ()
) -> dict[str, list[str]]:
    """Return the engine's own messages about values by parameter, with secrets masked.

    `hidden` are keys of secret values that the template does not mark as sensitive. Returns
    nothing when the engine cannot answer at once: the preview always checks the values.
    """
    if template.kind != Template.Kind.TERRAFORM or not template.variables_source:
        return {}
    plain, secrets = template.split(values)
    secrets |= {key: plain.pop(key) for key in hidden if key in plain}
    messages: dict[str, list[str]] = {}
    for each in _diagnostics(template, plain, secrets):
        if each.severity == "error" and each.variable in template.schema.by_key:
            messages.setdefault(each.variable, []).append(each.detail or each.summary)
    return messages


def _diagnostics(
    template: Template, plain: dict[str, Any], secrets: dict[str, Any]
) -> list[Diagnostic]:
    if not ENGINE_CHECKS.acquire(blocking=False):
        return []
    try:
        defaults = (p.default for p in template.schema.parameters if p.secret)
        masker = Masker([*secrets.values(), *defaults])
        engine = MaskedEngine(engine_of(template), masker)
        files = {"variables.tf": template.variables_source}
        types = types_of(template, secrets)
        return engine.check_values(files, plain, secrets, types) or []
    except EngineError:
        return []
    finally:
        ENGINE_CHECKS.release()
