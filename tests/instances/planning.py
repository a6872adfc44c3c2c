"""Plans on their way, as the pages and verbs meet them; previews end without an engine."""

from pathlib import Path

from instances.engines.base import Change, Outcome
from instances.models import Instance, Plan, ProvisioningSpec, Task
from instances.worker.completion import PlanCompletion
from tests.factories import RegionFactory

ALL = ("LaunchProduct", "UpdateProvisionedProduct", "TerminateProvisionedProduct")
CHANGE = Change(
    address="terraform_data.thing",
    type="terraform_data",
    name="thing",
    action="Add",
    reason="",
    replace_paths=[],
    before=None,
    after={"input": "small"},
)


class Found:
    """An engine that has just ended a preview."""

    def __init__(self, changes, file):
        self.found, self.file = changes, file

    def version(self):
        return "terraform 1.11.4"

    def changes(self, directory):
        return self.found

    def plan_file(self, directory):
        return self.file


def outcome(ok):
    return Outcome(
        finished=True,
        ok=ok,
        exit_code=0 if ok else 1,
        stage="plan",
        applying=False,
        canceled=False,
        message="",
        stages={},
    )


def constrain(version, *approvers, operations=ALL, kind="RamUser"):
    """Let the operations need an approval by one of these."""
    return portfolio_of(version).constraints.create(
        kind="Approval",
        product=version.product,
        config={
            "OperationTypes": list(operations),
            "Approvers": [
                {"PrincipalType": kind, "PrincipalName": name} for name in approvers
            ],
        },
    )


def portfolio_of(version):
    return version.product.portfolios.get()


def free(name, by):
    """The name, with a number where an open plan of theirs has it."""
    taken = Plan.objects.filter(owner=by, draft=False, name__startswith=name).count()
    return f"{name} {taken + 1}" if taken else name


def asked(by, version, *, name="please", instance_name="prod", values=None):
    """A submitted plan for a launch; its preview waits."""
    return Plan.objects.submit(
        Task.Kind.LAUNCH,
        ProvisioningSpec(
            version, portfolio_of(version), values or {"name": "one"}, {"team": "a"}
        ),
        name=free(name, by),
        by=by,
        region=RegionFactory(),
        instance_name=instance_name,
    )


def asked_of(instance, by, *, kind=Task.Kind.UPDATE, name="please", values=None):
    """A submitted plan for a change of an instance, or its end; its preview waits."""
    current = instance.current()
    spec = ProvisioningSpec(
        instance.version, instance.portfolio, values or {"name": "two"}, {}
    )
    return Plan.objects.submit(
        kind,
        spec if kind == Task.Kind.UPDATE else current,
        name=free(name, by),
        by=by,
        region=instance.region,
        instance=instance,
    )


def previewed(plan, *, ok=True, changes=(CHANGE,), file=b"saved plan", message=""):
    """End the preview of a plan as the worker does."""
    claimed = Plan.objects.get(pk=plan.pk)
    claimed._take("worker", "host")
    if claimed.instance:
        claimed.write(base_state=claimed.instance.state_mark)
    engine = Found(list(changes), file)
    completion = PlanCompletion(claimed, engine)
    completion.complete(outcome(ok), Path("nowhere"), message)
    return Plan.objects.get(pk=plan.pk)


def approved(plan, by):
    """A previewed plan that somebody has accepted."""
    plan.approve(by=by)
    return Plan.objects.get(pk=plan.pk)


def changed_by_another(instance):
    """Give the instance a task that has come and gone since."""
    task = instance.tasks.create(
        version=instance.version,
        kind=Task.Kind.UPDATE,
        state="ended",
        status="Succeeded",
    )
    Instance.objects.filter(pk=instance.pk).update(last_task=task)
    return task
