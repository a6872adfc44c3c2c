"""instance.retry(): what the last task asked for, once more, in a new task"""

from datetime import timedelta

import pytest

from catalog.effective_constraints import ApprovalRequiredError
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError
from instances.models import Instance, Task
from instances.retry import retry
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    TemplateFactory,
    VersionFactory,
)
from tests.instances.running import failed, running, with_task

pytestmark = pytest.mark.django_db
SECRET_TF = """\
variable "size" {
  type = number
}

variable "secret_key" {
  type      = string
  sensitive = true
}
"""


@pytest.fixture
def version(db):
    return VersionFactory(template=TemplateFactory(files={"main.tf": SECRET_TF}))


@pytest.fixture
def portfolio(version, alice):
    return PortfolioFactory(products=[version.product], users=[alice])


@pytest.fixture
def instance(alice, version, portfolio):
    return InstanceFactory(owner=alice, version=version, portfolio=portfolio)


def fail(instance, **values):
    """A task that wanted something and failed; the instance as it is read afterwards."""
    spec = {
        "version": instance.version,
        "portfolio": instance.portfolio,
        "parameters": {"size": 3},
        "secrets": {"secret_key": "hunter2-hunter2"},
        "tags": {"team": "web"},
    }
    task = failed(instance, **{**spec, **values})
    instance.refresh_from_db()
    return task


@pytest.mark.parametrize("kind", [Task.Kind.LAUNCH, Task.Kind.UPDATE])
def test_a_launch_or_update_goes_on_as_an_update_with_the_same_spec(
    instance, alice, kind
):
    task = fail(instance, kind=kind)
    new = retry(instance, by=alice, task=task.pk)
    assert new.kind == Task.Kind.UPDATE
    for name in ("version_id", "portfolio_id", "parameters", "secrets", "tags"):
        assert getattr(new, name) == getattr(task, name)
    stored = Instance.objects.get()
    assert (stored.status, stored.last_task_id) == ("UnderChange", new.pk)


def test_a_termination_is_terminated_again(instance, alice):
    task = fail(instance, kind=Task.Kind.TERMINATE)
    assert retry(instance, by=alice, task=task.pk).kind == Task.Kind.TERMINATE


def test_a_failed_update_is_tried_with_its_own_values_not_with_the_current(
    instance, alice, version
):
    newer = VersionFactory(product=version.product, template=version.template)
    with_task(instance, ended=True, parameters={"size": 1})
    task = fail(instance, kind=Task.Kind.UPDATE, version=newer, parameters={"size": 9})
    new = retry(instance, by=alice, task=task.pk)
    assert (new.version, new.parameters) == (newer, {"size": 9})


def test_it_is_put_on_record_without_the_secrets(instance, alice):
    task = fail(instance)
    new = retry(instance, by=alice, task=task.pk)
    entry = AuditEntry.objects.get(action="RetryTask")
    assert (entry.actor, entry.target_id) == (alice, task.pk)
    assert entry.after == {"task": new.pk, "kind": "UpdateProvisionedProduct"}
    assert "hunter2" not in repr(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("state", ["succeeded", "running", "waiting"])
def test_only_a_failed_task_can_be_retried(instance, alice, state):
    make = {
        "succeeded": lambda: with_task(instance, ended=True),
        "running": lambda: running(instance),
        "waiting": lambda: with_task(instance),
    }
    task = make[state]()
    instance.refresh_from_db()
    with pytest.raises(ConflictError):
        retry(instance, by=alice, task=task.pk)
    assert Task.objects.count() == 1


def test_an_older_failure_is_not_retried(instance, alice):
    older = fail(instance)
    fail(instance)
    with pytest.raises(ConflictError):
        retry(instance, by=alice, task=older.pk)


def test_pressing_twice_makes_one_task(instance, alice):
    task = fail(instance)
    again = Instance.objects.get(pk=instance.pk)
    retry(instance, by=alice, task=task.pk)
    with pytest.raises(ConflictError, match="has been running"):
        retry(again, by=alice, task=task.pk)
    assert Task.objects.count() == 2


@pytest.mark.parametrize("minutes", [1, -20])
@pytest.mark.parametrize("kind", [Task.Kind.UPDATE, Task.Kind.TERMINATE])
def test_whoever_comes_after_a_whole_task_of_somebody_else_changes_nothing(
    instance, alice, kind, minutes
):
    """Whatever the clock of the host said on which that somebody else asked."""
    task = fail(instance, kind=kind)
    late = Instance.objects.select_related("last_task").get(pk=instance.pk)
    made = task.created_at + timedelta(minutes=minutes)
    with_task(instance, ended=True, created_at=made)
    with pytest.raises(ConflictError, match="not the latest task"):
        retry(late, by=alice, task=task.pk)
    assert Task.objects.count() == 2
    assert Instance.objects.get().status == "Available"


def test_a_terminated_instance_is_not_retried(instance, alice):
    task = fail(instance, kind=Task.Kind.TERMINATE)
    instance.terminated_at = task.ended_at
    with pytest.raises(ConflictError):
        retry(instance, by=alice, task=task.pk)


@pytest.mark.parametrize(
    ("kind", "covered"),
    [
        (Task.Kind.LAUNCH, "UpdateProvisionedProduct"),
        (Task.Kind.UPDATE, "UpdateProvisionedProduct"),
        (Task.Kind.TERMINATE, "TerminateProvisionedProduct"),
    ],
)
def test_what_needs_an_approval_is_not_done_without(
    instance, alice, portfolio, kind, covered
):
    portfolio.constraints.create(
        kind="Approval",
        product=instance.product,
        config={"OperationTypes": [covered], "Approvers": []},
    )
    task = fail(instance, kind=kind)
    with pytest.raises(ApprovalRequiredError):
        retry(instance, by=alice, task=task.pk)
    assert Task.objects.count() == 1
