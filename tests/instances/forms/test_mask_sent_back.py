"""A masked secret that is sent back is unchanged, in the API and on the pages."""

import json

import pytest
from django.urls import reverse

from instances.models import Instance, Plan, Task
from tests.factories import (
    PlanFactory,
)

MASK = "******"
SOURCE = """\
variable "size" {
  type    = string
  default = "small"
}

variable "password" {
  type      = string
  sensitive = true
}

variable "pin" {
  type      = number
  sensitive = true
  default   = 1
}

variable "keys" {
  type      = list(string)
  sensitive = true
  default   = []
}

variable "logins" {
  type      = map(string)
  sensitive = true
  default   = {}
}
"""
SECRETS = {
    "password": "s3cret-word",
    "pin": 4711,
    "keys": ["one-key", "two-key"],
    "logins": {"root": "r00t-word", "app": "app-word"},
}
pytestmark = [
    pytest.mark.template(SOURCE),
    pytest.mark.launched(
        parameters={"size": "small"}, entered={"size": "small"}, secrets=SECRETS
    ),
]


@pytest.fixture
def planned(version, alice):
    return PlanFactory(
        owner=alice,
        version=version,
        portfolio=version.product.portfolios.get(),
        parameters={"size": "small"},
        secrets=SECRETS,
        previewed=True,
    )


def sent(**values):
    return [
        {"ParameterKey": key, "ParameterValue": value} for key, value in values.items()
    ]


def product_of(version):
    return {"ProductId": version.product_id, "ProductVersionId": version.pk}


def update_of(instance):
    return {"ProvisionedProductId": instance.pk, **product_of(instance.version)}


def test_a_read_answer_can_be_sent_back_with_one_change(api, instance):
    found = api.call(
        "GetProvisionedProductForResourceSpec", ProvisionedProductId=instance.pk
    )["ProvisionedProductDetail"]["Parameters"]
    for each in found:
        if each["ParameterKey"] == "size":
            each["ParameterValue"] = "large"
    assert {"ParameterKey": "password", "ParameterValue": MASK} in found
    api.call("UpdateProvisionedProduct", **update_of(instance), Parameters=found)
    task = Task.objects.get(state="queued")
    assert (task.parameters, task.secrets) == ({"size": "large"}, SECRETS)


def test_a_read_answer_sent_back_unchanged_is_refused(api, instance):
    found = api.call("GetTask", TaskId=instance.last_task_id)["TaskDetail"]
    refusal = api.refusal(
        "UpdateProvisionedProduct",
        **update_of(instance),
        Parameters=found["Parameters"],
    )
    assert refusal == (400, "NoChange.ProvisionedProduct")


def test_masks_inside_a_value_keep_their_part(api, instance):
    values = {
        "keys": json.dumps([MASK, "new-key"]),
        "logins": json.dumps({"app": MASK, "web": "web-word"}),
    }
    api.call(
        "UpdateProvisionedProduct", **update_of(instance), Parameters=sent(**values)
    )
    task = Task.objects.get(state="queued")
    assert task.secrets["keys"] == ["one-key", "new-key"]
    assert task.secrets["logins"] == {"app": "app-word", "web": "web-word"}


@pytest.mark.parametrize(
    "values",
    [
        {"keys": json.dumps([MASK])},
        {"logins": json.dumps({"nobody": MASK})},
    ],
)
def test_a_mask_without_a_stored_secret_is_refused(api, instance, values):
    refusal = api.refusal(
        "UpdateProvisionedProduct", **update_of(instance), Parameters=sent(**values)
    )
    assert refusal == (400, "InvalidParameters")
    assert Task.objects.count() == 1


@pytest.mark.parametrize("key", ["password", "pin", "keys", "logins"])
def test_a_mask_in_a_launch_is_refused(api, version, key):
    response = api.send(
        "LaunchProduct",
        {
            **product_of(version),
            "ProvisionedProductName": "orders",
            "StackRegionId": "cn-hangzhou",
            "Parameters": sent(**{"password": "some-word", key: MASK}),
        },
    )
    assert response.json()["Code"] == "InvalidParameters"
    assert "is a placeholder for a hidden secret" in response.json()["Message"]
    assert not Instance.objects.exists()


def test_a_new_plan_for_an_update_keeps_the_secret(api, instance):
    api.call(
        "CreateProvisionedProductPlan",
        PlanName="more",
        PlanType="Ros",
        OperationType="UpdateProvisionedProduct",
        ProvisionedProductName="orders",
        StackRegionId=instance.region_id,
        **product_of(instance.version),
        Parameters=sent(size="large", password=MASK, pin=MASK),
    )
    assert Plan.objects.get().secrets == SECRETS


def test_a_mask_in_a_new_launch_plan_is_refused(api, version):
    refusal = api.refusal(
        "CreateProvisionedProductPlan",
        PlanName="more",
        PlanType="Ros",
        ProvisionedProductName="orders",
        StackRegionId="cn-hangzhou",
        **product_of(version),
        Parameters=sent(password=MASK),
    )
    assert refusal == (400, "InvalidParameters")


def test_a_plan_that_was_read_can_be_sent_back(api, planned, version):
    found = api.call("GetProvisionedProductPlan", PlanId=planned.pk)["PlanDetail"]
    values = {
        each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]
    }
    assert values["password"] == MASK
    api.call(
        "UpdateProvisionedProductPlan",
        PlanId=planned.pk,
        **product_of(version),
        Parameters=sent(**(values | {"size": "large"})),
    )
    planned.refresh_from_db()
    assert (planned.parameters, planned.secrets) == ({"size": "large"}, SECRETS)


def test_a_plan_keeps_values_that_are_not_sent(api, planned, version):
    planned.tags = {"team": "web"}
    planned.save()
    api.call(
        "UpdateProvisionedProductPlan",
        PlanId=planned.pk,
        **product_of(version),
        Parameters=sent(size="large"),
    )
    planned.refresh_from_db()
    assert planned.values == {"size": "large", **SECRETS}
    assert planned.tags == {"team": "web"}


def test_the_update_page_keeps_the_secret(browser, instance):
    browser.post(
        reverse("instances:update", args=[instance.pk]),
        {
            "version": instance.version_id,
            "base_task": instance.last_task_id,
            "parameters-size": "large",
            "parameters-password": MASK,
            "parameters-pin": MASK,
            "parameters-keys": f'["{MASK}", "new-key"]',
            "parameters-logins": "",
        },
    )
    plan = Plan.objects.get()
    assert plan.parameters == {"size": "large"}
    assert plan.secrets == SECRETS | {"keys": ["one-key", "new-key"]}


def test_the_launch_page_refuses_a_mask(browser, version):
    response = browser.post(
        reverse("instances:launch", args=[version.product_id]),
        {
            "name": "orders",
            "version": version.pk,
            "region": "cn-hangzhou",
            "parameters-size": "small",
            "parameters-password": MASK,
        },
    )
    assert response.status_code == 422
    assert "is a placeholder for a hidden secret" in response.content.decode()
    assert not Plan.objects.exists()


def test_a_trial_refuses_a_mask(admin_browser, version):
    url = reverse("instances:version-try", args=[version.product_id, version.pk])
    response = admin_browser.post(
        url, {"region": "cn-hangzhou", "parameters-password": MASK}
    )
    assert "is a placeholder for a hidden secret" in response.content.decode()
    assert not Plan.objects.exists()


@pytest.mark.parametrize("page", ["region", "role"])
def test_credentials_refuse_a_mask(admin_browser, page):
    name, field, value = {
        "region": ("manage:region-create", "credentials", {"id": "cn-x", "name": "X"}),
        "role": ("manage:launch-role-create", "environment", {"name": "deployer"}),
    }[page]
    response = admin_browser.post(reverse(name), value | {field: f"ACCESS_KEY={MASK}"})
    assert response.status_code == 422
    assert "is a placeholder for a hidden secret" in response.content.decode()


def test_a_parameter_that_is_not_secret_can_have_the_mask(api, instance):
    api.call(
        "UpdateProvisionedProduct", **update_of(instance), Parameters=sent(size=MASK)
    )
    assert Task.objects.get(state="queued").parameters == {"size": MASK}
