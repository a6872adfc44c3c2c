"""Updates of tags or the launch option alone, which mostly need no run of the engine."""

import threading

import pytest
from django.urls import reverse

from catalog.models import Constraint, LaunchRole, Portfolio
from console.lib.audit import AuditEntry
from instances.launch_validation import retry
from instances.models import Instance, Output, Plan, ProvisioningSpec, Tag, Task
from instances.worker.run import Run
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    RegionFactory,
    TaskFactory,
    VersionFactory,
)


@pytest.fixture
def version(alice):
    RegionFactory()
    version = VersionFactory()
    for name in ("First", "Second"):
        PortfolioFactory(name=name, products=[version.product], users=[alice])
    return version


@pytest.fixture
def instance(version, alice):
    portfolio = Portfolio.objects.get(name="First")
    instance = InstanceFactory(
        version=version, owner=alice, name="orders", portfolio=portfolio
    )
    task = TaskFactory(
        instance=instance,
        portfolio=portfolio,
        ended=True,
        parameters={"name": "first"},
        tags={"team": "web"},
    )
    task.outputs.create(key="url", value="https://orders")
    task.outputs.create(key="key", sensitive=True, secret_value="s3cret-word")
    instance.tags.create(key="team", value="web")
    instance.last_task = instance.last_successful_task = task
    instance.save()
    return instance


@pytest.fixture
def second():
    return Portfolio.objects.get(name="Second")


def update_of(instance, **more):
    return {
        "ProvisionedProductId": instance.pk,
        "ProductId": instance.product_id,
        "ProductVersionId": instance.version_id,
        **more,
    }


def tags_of(instance):
    return dict(instance.tags.values_list("key", "value"))


def claimed(queryset):
    work = queryset.claim("worker", "host")
    Run(work, threading.Event()).drive()
    work.refresh_from_db()
    return work


def with_role(portfolio, product, name):
    Constraint.objects.create(
        kind=Constraint.Kind.LAUNCH,
        product=product,
        portfolio=portfolio,
        config={"LocalRoleName": name},
    )


# Tags


@pytest.mark.parametrize(
    ("sent", "tags"),
    [
        ({"Tags": [{"Key": "team", "Value": "data"}]}, {"team": "data"}),
        ({"Tags": [{"Key": "cost", "Value": "1"}]}, {"cost": "1"}),
        ({"Tags": "[]"}, {}),
        ({"Tags": ""}, {}),
        ({"Tags": [{"Key": "", "Value": ""}]}, {}),
    ],
)
def test_an_update_of_tags_runs_no_engine(api, instance, sent, tags):
    api.call("UpdateProvisionedProduct", **update_of(instance, **sent))
    task = claimed(Task.objects.all())
    assert (task.kind, task.status) == ("UpdateProvisionedProduct", "Succeeded")
    assert task.run_directory == ""
    instance.refresh_from_db()
    assert (instance.status, tags_of(instance)) == ("Available", tags)
    assert instance.current().tags == tags


def test_tags_that_are_not_sent_stay(api, instance):
    values = [{"ParameterKey": "name", "ParameterValue": "second"}]
    api.call("UpdateProvisionedProduct", **update_of(instance, Parameters=values))
    assert Task.objects.get(state="queued").tags == {"team": "web"}


@pytest.mark.parametrize("sent", [{}, {"Tags": [{"Key": "team", "Value": "web"}]}])
def test_an_update_without_a_change_is_refused(api, instance, sent):
    refusal = api.refusal("UpdateProvisionedProduct", **update_of(instance, **sent))
    assert refusal == (400, "NoChange.ProvisionedProduct")


def test_a_failed_instance_is_updated_with_its_present_values(api, instance):
    Instance.objects.update(status=Instance.Status.ERROR)
    api.call("UpdateProvisionedProduct", **update_of(instance))
    task = Task.objects.get(state="queued")
    assert (task.parameters, task.tags) == ({"name": "first"}, {"team": "web"})


def test_outputs_are_kept(api, instance, alice):
    instance.update_to(
        ProvisioningSpec(instance.version, instance.portfolio, {"name": "first"}),
        by=alice,
    )
    task = claimed(Task.objects.all())
    kept = {each.key: each for each in Output.objects.filter(task=task)}
    assert kept["url"].value == "https://orders"
    assert kept["key"].secret_value == "s3cret-word"
    detail = api.call(
        "GetProvisionedProductForResourceSpec", ProvisionedProductId=instance.pk
    )["ProvisionedProductDetail"]
    assert len(detail["Outputs"]) == 2


def test_the_audit_log_has_the_old_and_new_tags(api, instance):
    api.call("UpdateProvisionedProduct", **update_of(instance, Tags="[]"))
    entry = AuditEntry.objects.get(action="UpdateProvisionedProduct")
    assert entry.before["tags"] == {"team": "web"}
    assert entry.after["tags"] == {}


def test_a_failed_instance_is_run_again_with_new_tags(api, instance):
    Instance.objects.update(status=Instance.Status.ERROR)
    api.call("UpdateProvisionedProduct", **update_of(instance, Tags="[]"))
    work = Task.objects.claim("worker", "host")
    assert not Run(work, threading.Event())._needs_no_run()


def test_in_the_cloud_tags_reach_the_stack(api, instance):
    Instance.objects.update(engine="ros")
    api.call("UpdateProvisionedProduct", **update_of(instance, Tags="[]"))
    work = Task.objects.claim("worker", "host")
    assert not Run(work, threading.Event())._needs_no_run()


# The launch option


def test_an_update_of_the_launch_option_runs_no_engine(api, instance, second):
    api.call("UpdateProvisionedProduct", **update_of(instance, PortfolioId=second.pk))
    task = claimed(Task.objects.all())
    instance.refresh_from_db()
    assert (task.status, task.run_directory) == ("Succeeded", "")
    assert instance.portfolio == second
    assert tags_of(instance) == {"team": "web"}


def test_a_launch_option_that_is_not_sent_stays(api, instance):
    api.call("UpdateProvisionedProduct", **update_of(instance, Tags="[]"))
    assert Task.objects.get(state="queued").portfolio == instance.portfolio


def test_another_launch_role_runs_the_engine(api, instance, second, admin):
    LaunchRole.objects.add(name="deployer", environment={"KEY": "v"}, by=admin)
    with_role(second, instance.product, "deployer")
    api.call("UpdateProvisionedProduct", **update_of(instance, PortfolioId=second.pk))
    work = Task.objects.claim("worker", "host")
    assert not Run(work, threading.Event())._needs_no_run()


def test_a_launch_option_without_the_region_is_refused(api, instance, second):
    Constraint.objects.create(
        kind=Constraint.Kind.STACK_REGION,
        product=instance.product,
        portfolio=second,
        config={"StackRegions": ["cn-beijing"]},
    )
    refusal = api.refusal(
        "UpdateProvisionedProduct", **update_of(instance, PortfolioId=second.pk)
    )
    assert refusal == (400, "RegionNotAllowed")


def test_an_approval_constraint_of_the_new_launch_option_applies(api, instance, second):
    Constraint.objects.create(
        kind=Constraint.Kind.APPROVAL,
        product=instance.product,
        portfolio=second,
        config={
            "OperationTypes": ["UpdateProvisionedProduct"],
            "Approvers": [{"PrincipalType": "RamUser", "PrincipalName": "carol"}],
        },
    )
    refusal = api.refusal(
        "UpdateProvisionedProduct", **update_of(instance, PortfolioId=second.pk)
    )
    assert refusal[1] == "ApprovalRequired"


def test_an_instance_without_a_launch_option_gets_one(api, instance, second):
    Instance.objects.update(portfolio=None)
    second.grants.all().delete()
    refusal = api.refusal("UpdateProvisionedProduct", **update_of(instance))
    assert refusal == (400, "NoChange.ProvisionedProduct")
    first = Portfolio.objects.get(name="First")
    api.call("UpdateProvisionedProduct", **update_of(instance, PortfolioId=first.pk))
    assert Task.objects.get(state="queued").portfolio == first


# The page, its review, and plans


@pytest.fixture
def filled(instance):
    return {
        "version": instance.version_id,
        "portfolio": instance.portfolio_id,
        "base_task": instance.last_task_id,
        "parameters-name": "first",
        "tags-key_0": "team",
        "tags-value_0": "web",
    }


@pytest.mark.parametrize(
    ("typed", "label", "after"),
    [
        ({"tags-key_0": "", "tags-value_0": ""}, "Tag team", "–"),
        ({"tags-value_0": "data"}, "Tag team", "data"),
        ({"portfolio": "second"}, "Launch option", "Second"),
    ],
)
def test_the_page_redirects_to_the_task(
    browser, instance, second, filled, typed, label, after
):
    if "portfolio" in typed:
        typed = {"portfolio": second.pk}
    url = reverse("instances:update", args=[instance.pk])
    review = browser.post(url, filled | typed).url
    sections = browser.get(review).context["parameter_diff"].sections
    changed = [row for part in sections for row in part.rows if row.changed]
    assert [(str(row.label), row.after) for row in changed] == [(label, after)]
    plan = claimed(Plan.objects.all())
    browser.post(review, {"plan": plan.pk})
    task = claimed(Task.objects.all())
    assert task.status == "Succeeded"
    instance.refresh_from_db()
    assert instance.status == "Available"


def test_the_page_refuses_an_update_without_a_change(browser, instance, filled):
    url = reverse("instances:update", args=[instance.pk])
    page = browser.post(url, filled, follow=True).content.decode()
    assert "Nothing to update" in page
    assert not Plan.objects.exists()


@pytest.mark.usefixtures("terraform")
def test_a_plan_of_tags_is_executed_without_the_engine(api, instance):
    asked = update_of(instance, Tags="[]")
    del asked["ProvisionedProductId"]
    pk = api.call(
        "CreateProvisionedProductPlan",
        PlanName="no tags",
        PlanType="Ros",
        OperationType="UpdateProvisionedProduct",
        ProvisionedProductName="orders",
        StackRegionId=instance.region_id,
        **asked,
    )["PlanId"]
    plan = claimed(Plan.objects.all())
    assert (plan.status, plan.changes) == ("PreviewSuccess", [])
    api.call("ExecuteProvisionedProductPlan", PlanId=pk)
    task = claimed(Task.objects.all())
    plan.refresh_from_db()
    assert (task.status, plan.status) == ("Succeeded", "ExecuteSuccess")
    assert not Tag.objects.exists()


def test_a_plan_without_a_change_is_refused(api, instance):
    asked = update_of(instance)
    del asked["ProvisionedProductId"]
    refusal = api.refusal(
        "CreateProvisionedProductPlan",
        PlanName="nothing",
        PlanType="Ros",
        OperationType="UpdateProvisionedProduct",
        ProvisionedProductName="orders",
        StackRegionId=instance.region_id,
        **asked,
    )
    assert refusal == (400, "NoChange.ProvisionedProduct")


def test_changed_content_of_a_plan_includes_the_tags(api, instance, alice):
    plan = Plan.objects.submit(
        Task.Kind.UPDATE,
        ProvisioningSpec(
            instance.version, instance.portfolio, {"name": "first"}, {"team": "x"}
        ),
        name="tags",
        by=alice,
        region=instance.region,
        instance=instance,
    )
    for column, value in plan.seal(b"").items():
        setattr(plan, column, value)
    plan.tags = {"team": "y"}
    assert [str(each) for each in plan.changed_content()] == [
        "The tags have changed since the preview."
    ]


def test_a_failed_update_of_tags_is_retried(instance, alice):
    instance.update_to(
        ProvisioningSpec(instance.version, instance.portfolio, {"name": "first"}),
        by=alice,
    )
    task = Task.objects.get(state="queued")
    task.cancel(by=alice)
    instance.refresh_from_db()
    assert instance.status == "Available"
    again = retry(instance, by=alice, task=task.pk)
    assert again.tags == {}
