"""The API operations that launch, update and terminate instances."""

import pytest

from catalog.models import Constraint
from instances.models import Instance, Task
from tests.factories import (
    MAIN_TF,
    PortfolioFactory,
    VersionFactory,
)
from tests.instances.doors import spec

SECRET_TF = (
    MAIN_TF
    + """
variable "password" {
  type      = string
  sensitive = true
}

variable "size" {
  type    = number
  default = 1
}
"""
)
GONE = (404, "InvalidProvisionedProduct.NotFound")
pytestmark = [
    pytest.mark.template(SECRET_TF),
    pytest.mark.launched(
        parameters={"name": "first", "size": 5},
        secrets={"password": "hunter22"},
        tags={"cost": "1"},
    ),
]


def launch_params(version, **changed):
    params = {
        "ProvisionedProductName": "orders",
        "StackRegionId": "cn-hangzhou",
        **spec(version, name="first", password="hunter22"),
    }
    return params | changed


def test_a_product_is_launched(api, version, alice):
    pk = api.call("LaunchProduct", **launch_params(version))["ProvisionedProductId"]
    instance = Instance.objects.get(pk=pk)
    assert (instance.owner, instance.status) == (alice, "UnderChange")
    assert instance.last_task.parameters == {"name": "first"}
    assert instance.last_task.secrets == {"password": "hunter22"}


def test_a_taken_name_is_refused(api, version, instance):
    refusal = api.refusal(
        "LaunchProduct", **launch_params(version, ProvisionedProductName="ORDERS")
    )
    assert refusal == (400, "DuplicateName.ProvisionedProduct")


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"ProductId": "prod-bp1missing0000"}, (404, "InvalidProduct.NotFound")),
        ({"StackRegionId": "mars-1"}, (400, "InvalidStackRegionId")),
        (
            {"PortfolioId": "port-bp1missing0000"},
            (400, "InvalidPortfolioId.NotLaunchOption"),
        ),
        ({"Tags": [{"Key": "acs:x", "Value": ""}]}, (400, "InvalidTags")),
        (
            {"Parameters": [{"ParameterKey": "other", "ParameterValue": "x"}]},
            (400, "InvalidParameters"),
        ),
        (
            {"Parameters": [{"ParameterKey": "name", "ParameterValue": "x"}] * 2},
            (400, "InvalidParameters"),
        ),
        ({"ProvisionedProductName": "x" * 129}, (400, "InvalidProvisionedProductName")),
    ],
)
def test_an_invalid_launch_is_refused(api, version, changed, refusal):
    assert api.refusal("LaunchProduct", **launch_params(version, **changed)) == refusal
    assert not Instance.objects.exists()


def test_the_version_must_be_an_active_one_of_the_product(api, version):
    hidden = VersionFactory(product=version.product, active=False)
    for other in (hidden, VersionFactory()):
        status, code = api.refusal(
            "LaunchProduct", **launch_params(version, ProductVersionId=other.pk)
        )
        assert status in (400, 404)
        assert "ProductVersion" in code


def test_with_two_portfolios_one_must_be_named(api, version, alice):
    second = PortfolioFactory(products=[version.product], users=[alice])
    assert api.refusal("LaunchProduct", **launch_params(version)) == (
        400,
        "MissingPortfolioId",
    )
    api.call("LaunchProduct", **launch_params(version, PortfolioId=second.pk))
    assert Instance.objects.get().portfolio == second


def constrain(version, kind, config):
    Constraint.objects.create(
        kind=kind,
        config=config,
        product=version.product,
        portfolio=version.product.portfolios.get(),
    )


def test_a_region_that_is_not_allowed_is_refused(api, version):
    constrain(version, "StackRegion", {"StackRegions": ["cn-beijing"]})
    refusal = api.refusal("LaunchProduct", **launch_params(version))
    assert refusal == (400, "RegionNotAllowed")


@pytest.mark.parametrize("operation", ["LaunchProduct", "UpdateProvisionedProduct", "TerminateProvisionedProduct"])  # fmt: skip
def test_an_operation_that_needs_approval_is_refused(api, version, instance, operation):
    constrain(version, "Approval", {"OperationTypes": [operation], "Approvers": []})
    params = {
        "LaunchProduct": launch_params(version, ProvisionedProductName="second"),
        "UpdateProvisionedProduct": {
            "ProvisionedProductId": instance.pk,
            **spec(version, size="6"),
        },
        "TerminateProvisionedProduct": {"ProvisionedProductId": instance.pk},
    }
    assert api.refusal(operation, **params[operation]) == (400, "ApprovalRequired")


def test_launch_options_have_their_constraints(api, version):
    constrain(version, "StackRegion", {"StackRegions": ["cn-hangzhou"]})
    answer = api.call("ListLaunchOptions", ProductId=version.product_id)
    [option] = answer["LaunchOptionSummaries"]
    [summary] = option["ConstraintSummaries"]
    assert summary["StackRegions"] == ["cn-hangzhou"]


def test_an_update_keeps_values_that_are_not_sent(api, version, instance):
    api.call(
        "UpdateProvisionedProduct",
        ProvisionedProductId=instance.pk,
        **spec(version, name="second"),
    )
    task = Task.objects.get(instance=instance, state="queued")
    assert task.parameters == {"name": "second", "size": 5}
    assert task.secrets == {"password": "hunter22"}
    assert task.tags == {"cost": "1"}


def test_an_update_without_a_change_is_refused(api, version, instance):
    refusal = api.refusal(
        "UpdateProvisionedProduct", ProvisionedProductId=instance.pk, **spec(version)
    )
    assert refusal == (400, "NoChange.ProvisionedProduct")


def test_an_update_to_another_product_is_refused(api, instance):
    refusal = api.refusal(
        "UpdateProvisionedProduct",
        ProvisionedProductId=instance.pk,
        **spec(VersionFactory()),
    )
    assert refusal == (404, "InvalidProduct.NotFound")


def test_a_busy_instance_refuses_a_second_change(api, version, instance):
    api.call("TerminateProvisionedProduct", ProvisionedProductId=instance.pk)
    refusals = [
        api.refusal("TerminateProvisionedProduct", ProvisionedProductId=instance.pk),
        api.refusal(
            "UpdateProvisionedProduct",
            ProvisionedProductId=instance.pk,
            **spec(version, size="7"),
        ),
    ]
    assert refusals == [(400, "IncorrectStatus.ProvisionedProduct")] * 2


# Users without a grant who know the product


def ungranted(version):
    version.product.portfolios.get().grants.all().delete()


@pytest.mark.parametrize(
    "call",
    [
        lambda v: ("LaunchProduct", launch_params(v)),
        lambda v: ("ListLaunchOptions", {"ProductId": v.product_id}),
        lambda v: ("GetProductAsEndUser", {"ProductId": v.product_id}),
        lambda v: (
            "CreateProvisionedProductPlan",
            {**launch_params(v), "PlanName": "more", "PlanType": "Ros"},
        ),
    ],
)
def test_an_administrator_without_a_grant_is_refused(admin_api, api, version, call):
    told = (403, "NoPermission.ProductNotGranted")
    ungranted(version)
    action, params = call(version)
    assert admin_api.refusal(action, **params) == told
    assert api.refusal(action, **params) == (404, "InvalidProduct.NotFound")
    missing = params | {"ProductId": "prod-bp1missing0000"}
    assert admin_api.refusal(action, **missing) == (404, "InvalidProduct.NotFound")


def test_the_owner_of_an_instance_without_a_grant_cannot_update(api, version, instance):
    ungranted(version)
    told = (403, "NoPermission.ProductNotGranted")
    assert api.refusal("LaunchProduct", **launch_params(version)) == told
    refusal = api.refusal(
        "UpdateProvisionedProduct",
        ProvisionedProductId=instance.pk,
        **spec(version, name="second"),
    )
    assert refusal == told


# An update without a launch option


def second_portfolio(version, users=()):
    return PortfolioFactory(products=[version.product], users=users)


def test_an_administrator_gets_the_same_launch_option_by_update_as_by_launch(
    admin_api, admin, version
):
    granted = second_portfolio(version, [admin])
    pk = admin_api.call("LaunchProduct", **launch_params(version))[
        "ProvisionedProductId"
    ]
    launched = Instance.objects.get(pk=pk)
    assert launched.portfolio == granted
    Task.objects.update(state="ended", status="Succeeded")
    Instance.objects.update(
        status="Available", last_successful_task=launched.last_task_id
    )
    for orphaned in (False, True):
        if orphaned:
            Instance.objects.update(status="Available", portfolio=None)
            Task.objects.update(state="ended", status="Succeeded")
        admin_api.call(
            "UpdateProvisionedProduct",
            ProvisionedProductId=pk,
            **spec(version, name=f"second-{orphaned}"),
        )
        assert Task.objects.get(state="queued").portfolio == granted


def test_an_update_by_an_administrator_keeps_the_launch_option(
    admin_api, admin, version, instance
):
    second_portfolio(version, [admin])
    admin_api.call(
        "UpdateProvisionedProduct",
        ProvisionedProductId=instance.pk,
        **spec(version, name="second"),
    )
    assert Task.objects.get(state="queued").portfolio == instance.portfolio
