"""Which engine runs a template, and what it is handed to run.

By the region of a new instance, and by what made an instance that exists. On this machine
a ROS template is simulated and a Terraform template is run; on Alibaba Cloud both are
stacks that ROS makes.
"""

from collections.abc import Collection, Mapping
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.db import connection

from catalog.models import Constraint, LaunchRole, Template
from catalog.ros.document import read_document
from catalog.terraform.variables import variable_types
from console.lib.exact import dumps
from console.lib.masking import Masker
from instances.engines import engine_for
from instances.engines.base import Diagnostic, Engine, EngineError, Stack
from instances.engines.base import Settings as EngineSettings
from instances.engines.ros_local import DOCUMENT
from instances.masked_engine import MaskedEngine
from instances.models import Instance, Plan, ProvisioningSpec, Task
from instances.models.engine import CLOUD, local_engine
from instances.models.instance import stack_id_of

# A run is stopped for flooding its log at so many times of what is kept of it.
FLOOD = 64
# A check takes a process and up to two seconds: more than two at once would starve pages.
CHECKS = BoundedSemaphore(2)


def engine_settings() -> EngineSettings:
    """Hand the deployment's decisions to the engines, which do not know Django.

    With a database of several hosts, a run nobody follows ends before another host may
    take it for dead: half of the grace is left to it, or two minutes.
    """
    grace = 0 if connection.vendor == "sqlite" else settings.HOST_GRACE
    return EngineSettings(
        terraform_bin=settings.TERRAFORM_BIN,
        provider_mirror=settings.PROVIDER_MIRROR,
        providers=tuple(settings.PROVIDERS),
        allow_unsandboxed=settings.ALLOW_UNSANDBOXED,
        log_bytes=FLOOD * settings.LOG_BYTES,
        unwatched_seconds=max(grace - 120, grace // 2),
        stop_seconds=min(60, grace // 4) if grace else 60,
        ros_endpoint=settings.ROS_ENDPOINT,
        ros_rollback=settings.ROS_ROLLBACK,
        ros_pace=settings.ROS_PACE,
        timeout_minutes=settings.TASK_TIMEOUT // 60,
    )


def engine_called(name: str) -> Engine:
    """Return the engine of this name, as this deployment has it."""
    return engine_for(name, engine_settings())


def engine_of(template: Template | None) -> Engine:
    """Return the engine of a template on this machine; Terraform's where there is none."""
    return engine_called(local_engine(template) if template else "terraform")


def engine_of_work(work: Task | Plan) -> str:
    """Return the name of the engine for a task or plan."""
    return work.instance.made_by if isinstance(work, Task) else work.engine


def files_of(template: Template, engine: str = "") -> dict[str, str]:
    """Return what an engine runs: the files, or the one document of a ROS template.

    On Alibaba Cloud a Terraform template that came as a document stays one: it may say
    more than its files. Raises TemplateError when a document can no longer be read.
    """
    terraform = template.kind == Template.Kind.TERRAFORM
    if terraform and not (engine == CLOUD and template.body):
        return dict(template.files)
    body = read_document(template.body).body
    return {DOCUMENT: dumps(body, ensure_ascii=False)}


def parameters_of(work: Task | Plan) -> dict[str, Any]:
    """Return the values that may be shown, for a simulation with the pseudo parameters.

    These are the same at the preview of a launch and ever after.
    """
    terraform = work.version.template.kind == Template.Kind.TERRAFORM
    if terraform or engine_of_work(work) == CLOUD:
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


def types_of(template: Template, secrets: Mapping[str, Any]) -> dict[str, str]:
    """Return the types of the secret variables of a Terraform template, as written.

    The engine's environment is text: how it is read depends on them.
    """
    if template.kind != Template.Kind.TERRAFORM or not secrets:
        return {}
    return variable_types(template.files, secrets)


def stack_of(work: Task | Plan) -> Stack:
    """Return what a stack in the cloud is called, and for which change it is asked for."""
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
    """Return the RAM role that the cloud is to assume: that of the launch constraint.

    None where credentials are stored for it here: then the calls are made with those.
    """
    return _ram_role(work.version.product_id, work.portfolio_id)


def _ram_role(product: str, portfolio: str | None) -> str:
    constraint = Constraint.objects.filter(
        kind=Constraint.Kind.LAUNCH, product=product, portfolio=portfolio
    ).first()
    name = str(constraint.config.get("LocalRoleName") or "") if constraint else ""
    return "" if LaunchRole.objects.filter(name=name).exists() else name


def concerns_engine(work: Task | Plan) -> bool:
    """Return whether an update changes anything that its engine is given.

    Tags reach the stacks of Alibaba Cloud only, and another launch option matters where it
    brings another launch role. A preview that did run is always applied.
    """
    instance = work.instance
    assert instance is not None  # only an update is asked about
    if isinstance(work, Task):
        before = work.instance_status_before
        if work.plan is not None and work.plan.file:
            return True
    else:
        before = instance.status
    spec = ProvisioningSpec.of(work)
    if before != Instance.Status.AVAILABLE or instance.last_successful_task is None:
        return True
    if not spec.acts_like(instance.current()):
        return True
    if instance.made_by == CLOUD and spec.tags != instance.current().tags:
        return True
    return _roles(work, work.portfolio_id) != _roles(work, instance.portfolio_id)


def _roles(work: Task | Plan, portfolio: str | None) -> tuple[str, str]:
    """Return the launch role and the RAM role under which a launch option has work run."""
    product = work.version.product_id
    role = LaunchRole.objects.demanded_by(product, portfolio)
    cloud = engine_of_work(work) == CLOUD
    return role.pk if role else "", _ram_role(product, portfolio) if cloud else ""


def _place_of(work: Task | Plan) -> tuple[str, str]:
    """The region and the ID of the instance that a task or plan is about."""
    if isinstance(work, Task):
        return work.instance.region_id, work.instance_id
    return work.region_id, work.reserved_instance_id


def objections(
    template: Template, values: Mapping[str, Any], hidden: Collection[str] = ()
) -> dict[str, list[str]]:
    """Return the engine's own messages by parameter, secrets masked.

    `hidden` are keys of secret values that the template does not mark so.

    Empty as well when it cannot answer at once: the preview, which always runs, will tell.
    """
    if template.kind != Template.Kind.TERRAFORM or not template.variables_source:
        return {}
    plain, secrets = template.split(values)
    secrets |= {key: plain.pop(key) for key in hidden if key in plain}
    found: dict[str, list[str]] = {}
    for each in _answer(template, plain, secrets):
        if each.severity == "error" and each.variable in template.schema.by_key:
            sentence = each.detail or each.summary
            found.setdefault(each.variable, []).append(sentence)
    return found


def _answer(
    template: Template, plain: dict[str, Any], secrets: dict[str, Any]
) -> list[Diagnostic]:
    if not CHECKS.acquire(blocking=False):
        return []
    try:
        defaults = (p.default for p in template.schema.parameters if p.secret)
        known = [*secrets.values(), *defaults]
        engine = MaskedEngine(engine_of(template), Masker(known))
        files = {"variables.tf": template.variables_source}
        types = types_of(template, secrets)
        return engine.check_values(files, plain, secrets, types) or []
    except EngineError:
        return []
    finally:
        CHECKS.release()
