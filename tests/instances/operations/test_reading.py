"""The API operations that read instances and tasks."""

import pytest

from instances.models import Output, TaskLog
from tests.factories import (
    InstanceFactory,
    TaskFactory,
)
from tests.instances.operations.test_launching import SECRET_TF
from tests.signing import CALL_QUERIES

GONE = (404, "InvalidProvisionedProduct.NotFound")
pytestmark = [
    pytest.mark.template(SECRET_TF),
    pytest.mark.launched(
        parameters={"name": "first", "size": 5},
        secrets={"password": "hunter22"},
        tags={"cost": "1"},
    ),
]


@pytest.mark.parametrize("action", ["GetProvisionedProduct", "ListTasks", "TerminateProvisionedProduct", "GetProvisionedProductForResourceSpec"])  # fmt: skip
def test_foreign_missing_and_terminated_instances_are_not_found(api, alice, action):
    foreign = InstanceFactory()
    ended = InstanceFactory(owner=alice, terminated_at="2026-01-01T00:00:00Z")
    for pk in (foreign.pk, ended.pk, "pp-bp1missing0000", "%"):
        assert api.refusal(action, ProvisionedProductId=pk) == GONE


def test_a_terminated_instance_is_not_found_by_administrators(admin_api):
    ended = InstanceFactory(terminated_at="2026-01-01T00:00:00Z")
    refusal = admin_api.refusal("GetProvisionedProduct", ProvisionedProductId=ended.pk)
    assert refusal == GONE


def test_an_instance_is_answered_with_its_tasks(api, instance):
    answer = api.call("GetProvisionedProduct", ProvisionedProductId=instance.pk)
    detail = answer["ProvisionedProductDetail"]
    assert detail["LastTaskId"] == detail["LastSuccessfulProvisioningTaskId"]
    assert detail["OwnerPrincipalId"] == instance.owner.principal_id
    assert detail["StackId"] == str(instance.stack_id)


def test_a_user_lists_their_own_instances(api, instance):
    InstanceFactory()
    answer = api.call("ListProvisionedProducts")
    pks = [each["ProvisionedProductId"] for each in answer["ProvisionedProductDetails"]]
    assert pks == [instance.pk]


def test_only_administrators_list_the_account(api, admin_api, instance):
    everything = {"AccessLevelFilter": "Account"}
    assert api.refusal("ListProvisionedProducts", **everything) == (403, "NoPermission")
    assert admin_api.call("ListProvisionedProducts", **everything)["TotalCount"] == 1
    assert admin_api.call("ListProvisionedProducts")["TotalCount"] == 0


@pytest.mark.parametrize(
    ("key", "value", "count"),
    [
        ("ProvisionedProductName", "ORDERS", 1),
        ("ProvisionedProductName", "order", 0),
        ("FullTextSearch", "RDER", 1),
    ],
)
def test_a_list_is_filtered_by_name(api, instance, key, value, count):
    answer = api.call("ListProvisionedProducts", Filters=[{"Key": key, "Value": value}])
    assert answer["TotalCount"] == count


def test_a_task_is_answered_without_secrets(api, instance):
    task = instance.last_task
    Output.objects.create(task=task, key="url", value=["a"], description="Where")
    Output.objects.create(task=task, key="token", sensitive=True, secret_value="s3cret")
    for offset, command in enumerate(("plan", "apply", "apply")):
        TaskLog.objects.create(
            task=task, offset=offset, command=command, lines=[["", "info", str(offset)]]
        )
    detail = api.call("GetTask", TaskId=task.pk)["TaskDetail"]
    assert {p["ParameterKey"]: p["ParameterValue"] for p in detail["Parameters"]} == {
        "name": "first",
        "size": "5",
        "password": "******",
    }
    assert {o["OutputKey"]: o["OutputValue"] for o in detail["Outputs"]} == {
        "url": '["a"]',
        "token": "******",
    }
    assert detail["TaskTags"] == [{"Key": "cost", "Value": "1"}]
    assert detail["Log"]["TerraformLogs"] == [
        {"Command": "plan", "Stream": "stdout", "Content": "0\n"},
        {"Command": "apply", "Stream": "stdout", "Content": "1\n2\n"},
    ]


def test_a_foreign_task_is_not_found(api):
    for pk in (TaskFactory().pk, "task-bp1missing0000"):
        assert api.refusal("GetTask", TaskId=pk) == (404, "InvalidTask.NotFound")


def test_tasks_are_listed_newest_first(api, instance):
    second = TaskFactory(instance=instance, ended=True, kind="UpdateProvisionedProduct")
    answer = api.call("ListTasks", ProvisionedProductId=instance.pk)
    assert [t["TaskId"] for t in answer["TaskDetails"]] == [
        second.pk,
        instance.last_task_id,
    ]
    assert answer["TotalCount"] == 2
    behind = api.call("ListTasks", ProvisionedProductId=instance.pk, PageNumber=9)
    assert (behind["TaskDetails"], behind["TotalCount"]) == ([], 2)
    assert "TaskTags" not in answer["TaskDetails"][0]


def test_terraforms_provider_reads_outputs_and_parameters(api, instance):
    Output.objects.create(task=instance.last_task, key="name", value="first")
    answer = api.call(
        "GetProvisionedProductForResourceSpec", ProvisionedProductId=instance.pk
    )
    detail = answer["ProvisionedProductDetail"]
    assert detail["Outputs"][0]["OutputValue"] == "first"
    assert len(detail["Parameters"]) == 3
    assert detail["TaskTags"] == [{"Key": "cost", "Value": "1"}]


@pytest.mark.parametrize(
    "action",
    ["GetProvisionedProduct", "ListProvisionedProducts", "ListTasks", "GetTask"],
)
def test_a_read_costs_at_most_five_queries(
    api, instance, action, django_assert_max_num_queries
):
    params = {
        "GetTask": {"TaskId": instance.last_task_id},
        "ListProvisionedProducts": {},
    }
    api.call("ListRegions")
    with django_assert_max_num_queries(CALL_QUERIES):
        api.call(action, **params.get(action, {"ProvisionedProductId": instance.pk}))
