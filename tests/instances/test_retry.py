"""retry(): a new task with the values of the failed one"""

from datetime import timedelta

import pytest
from django.test import Client

from catalog.effective_constraints import ApprovalRequiredError
from catalog.models import Version
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError
from instances.launch_validation import retry
from instances.models import Instance, Task
from tests.factories import (
    PortfolioFactory,
    VersionFactory,
)
from tests.instances.running import failed, running, with_task
from tests.signing import Caller

SECRET_TF = """\
variable "size" {
  type = number
}

variable "secret_key" {
  type      = string
  sensitive = true
}
"""
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.template(SECRET_TF),
]


def fail(instance, **values):
    """Make a task that has failed, and read the instance again."""
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
def test_a_launch_or_update_is_retried_as_an_update(instance, alice, kind):
    task = fail(instance, kind=kind)
    new = retry(instance, by=alice, task=task.pk)
    assert new.kind == Task.Kind.UPDATE
    for name in ("version_id", "portfolio_id", "parameters", "secrets", "tags"):
        assert getattr(new, name) == getattr(task, name)
    stored = Instance.objects.get()
    assert (stored.status, stored.last_task_id) == ("UnderChange", new.pk)


def test_a_termination_is_retried(instance, alice):
    task = fail(instance, kind=Task.Kind.TERMINATE)
    assert retry(instance, by=alice, task=task.pk).kind == Task.Kind.TERMINATE


def test_a_failed_update_is_retried_with_its_own_values(instance, alice, version):
    newer = VersionFactory(product=version.product, template=version.template)
    with_task(instance, ended=True, parameters={"size": 1})
    task = fail(instance, kind=Task.Kind.UPDATE, version=newer, parameters={"size": 9})
    new = retry(instance, by=alice, task=task.pk)
    assert (new.version, new.parameters) == (newer, {"size": 9})


def test_a_retry_is_audited_without_secrets(instance, alice):
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


def test_choosing_retry_twice_creates_one_task(instance, alice):
    task = fail(instance)
    again = Instance.objects.get(pk=instance.pk)
    retry(instance, by=alice, task=task.pk)
    with pytest.raises(ConflictError, match="has been running"):
        retry(again, by=alice, task=task.pk)
    assert Task.objects.count() == 2


@pytest.mark.parametrize("minutes", [1, -20])
@pytest.mark.parametrize("kind", [Task.Kind.UPDATE, Task.Kind.TERMINATE])
def test_a_retry_after_another_task_changes_nothing(instance, alice, kind, minutes):
    """The other task counts even if the clock of its host was wrong."""
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
def test_a_retry_that_needs_approval_is_refused(
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


def revoke_grant(instance, task, portfolio, alice):
    portfolio.grants.all().delete()


def withdraw_version(instance, task, portfolio, alice):
    Version.objects.filter(pk=task.version_id).update(active=False)


def move_to_another_portfolio(instance, task, portfolio, alice):
    PortfolioFactory(products=[instance.product], users=[alice])
    portfolio.products.remove(instance.product)


def add_rule(instance, task, portfolio, alice):
    portfolio.constraints.create(
        kind="Template",
        product=instance.product,
        config={"Rules": [{"ParameterKey": "size", "AllowedValues": ["1"]}]},
    )


def by_verb(instance, task, portfolio, person, code):
    instance = Instance.objects.select_related("last_task").get(pk=instance.pk)
    with pytest.raises(ConflictError, match="cannot be retried as it is") as caught:
        retry(instance, by=person, task=task.pk)
    assert caught.value.code == code


def by_page(instance, task, portfolio, person, code):
    client = Client()
    client.force_login(person)
    url = f"/instances/{instance.pk}/retry/"
    page = client.post(url, {"task": task.pk}, follow=True).content.decode()
    assert "cannot be retried as it is" in page


def by_api(instance, task, portfolio, person, code):
    """The API has no retry: the same update is requested again."""
    _status, refusal = Caller.of(person).refusal(
        "UpdateProvisionedProduct",
        ProvisionedProductId=instance.pk,
        ProductId=instance.product_id,
        ProductVersionId=task.version_id,
        PortfolioId=task.portfolio_id,
        Parameters=[{"ParameterKey": "size", "ParameterValue": "3"}],
    )
    assert refusal == code


@pytest.mark.parametrize("door", [by_verb, by_page, by_api])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (revoke_grant, "NoPermission.ProductNotGranted"),
        (withdraw_version, "InvalidProductVersion.NotFound"),
        (move_to_another_portfolio, "InvalidPortfolioId.NotLaunchOption"),
        (add_rule, "ParameterNotAllowed"),
    ],
)
def test_a_retry_that_is_no_longer_allowed_is_refused(
    instance, alice, portfolio, version, door, change, code
):
    newer = VersionFactory(product=version.product, template=version.template)
    task = fail(instance, kind=Task.Kind.UPDATE, version=newer)
    change(instance, task, portfolio, alice)
    door(instance, task, portfolio, alice, code)
    assert Task.objects.count() == 1
