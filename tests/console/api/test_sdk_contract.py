"""Every operation through the unmodified SDK of the vendor."""

import os

import pytest
from django.contrib.auth.models import Permission

from catalog.models import Product
from console.api import endpoint
from console.api.endpoint import OPERATIONS
from console.api.examples import UNPUBLISHED, example, snake
from console.lib.audit import AuditEntry
from console.lib.users import Role
from instances.models import Instance
from tests.api_shape import check_answer
from tests.console.api.sdk_client import Hand, exceptions, hang_up, models, sdk, unset
from tests.console.api.sdk_lifecycle import Story
from tests.factories import (
    AdministratorFactory,
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)

# Fields that are only told in some states; each is compared where it is told.
CONDITIONAL = {
    "CreateProduct.ProductVersionId",
    "ListLaunchOptions.LaunchOptionSummaries[].ConstraintSummaries[].OperationTypes",
    "ListLaunchOptions.LaunchOptionSummaries[].ConstraintSummaries[].StackRegions",
    "GetProvisionedProductPlan.ResourceChanges[].PhysicalResourceId",
    "GetProvisionedProductPlan.ResourceChanges[].Replacement",
}


@pytest.fixture(autouse=True)
def hung_up(request):
    yield
    if "live_server" in request.fixturenames:
        hang_up()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    # The SDK sends even loopback calls to a proxy it finds in the environment.
    for name in list(os.environ):
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture(autouse=True)
def documented(monkeypatch):
    """Check each response before it is sent, because the SDK drops unknown fields."""
    serve = endpoint._serve

    def checked(request, trace):
        body = serve(request, trace)
        check_answer(trace.action, 200, {"RequestId": "id", **body})
        return body

    monkeypatch.setattr(endpoint, "_serve", checked)


@pytest.fixture
def admin(db):
    # The flush behind another test took the group the migration had made.
    role, _ = Role.objects.get_or_create(name="Administrators")
    role.permissions.add(Permission.objects.get(codename="administer"))
    return AdministratorFactory(username="admin")


@pytest.mark.engine
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_every_operation_works_through_the_sdk(
    live_server, terraform, admin, alice, mode
):
    RegionFactory()
    RegionFactory(id="cn-beijing", name="China (Beijing)")
    story = Story(live_server, admin, alice, mode)
    for part in ("curate", "offer", "launch", "update", "plan", "end"):
        getattr(story, part)()
    refused = {"ApproveProvisionedProductPlan"}
    assert set(story.answers) == set(OPERATIONS) - UNPUBLISHED - refused
    for name, answer in story.answers.items():
        entries = AuditEntry.objects.filter(request_id=answer.request_id)
        assert entries.exists() != name.startswith(("Get", "List")), name
    assert not Instance.objects.living().exists()
    assert not Product.objects.exists()
    lacking = {
        path for name, body in story.answers.items() for path in unset(body, name)
    }
    assert lacking <= CONDITIONAL


def test_the_vendors_sample_of_a_product_round_trips(
    live_server, admin, alice, settings
):
    settings.ACCOUNT_ID = "146611588617****"
    product = ProductFactory(
        pk="prod-bp18r7q127****",
        name="DEMO-Create an ECS instance.\n",
        provider="IT team\n",
        description="The description of the product.\n",
        created_at="2022-04-12T06:10:37Z",
    )
    PortfolioFactory(products=[product], users=[alice])
    hand = Hand(live_server, alice, {})
    answer = hand("GetProductAsEndUser", product_id=product.pk).to_map()
    assert answer.pop("RequestId")
    assert answer == {
        "ProductSummary": {
            "Description": "The description of the product.\n",
            "CreateTime": "2022-04-12T06:10:37Z",
            "ProductId": "prod-bp18r7q127****",
            "ProductArn": "acs:servicecatalog:cn-hangzhou:146611588617****"
            ":product/prod-bp18r7q127****",
            "ProductName": "DEMO-Create an ECS instance.\n",
            "ProviderName": "IT team\n",
            "ProductType": "Ros",
            "HasDefaultLaunchOption": True,
            "TemplateType": "RosTerraformTemplate",
        }
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"security_token": "token"},
        {"signature_algorithm": "v2"},
        {"signature_algorithm": "v2", "security_token": "token"},
        {"scheme": True},
        {"path": True},
    ],
    ids=str,
)
def test_every_client_configuration_works(live_server, alice, changed):
    RegionFactory()
    host = live_server.url.removeprefix("http://")
    if changed.pop("scheme", False):
        changed = {"endpoint": live_server.url, "protocol": None}
    if changed.pop("path", False):
        changed = {"endpoint": f"{host}/openapi"}
    answer = Hand(live_server, alice, {}, **changed)("ListRegions")
    assert answer.regions[0].region_id == "cn-hangzhou"


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_error_is_an_exception_of_the_sdk(live_server, alice, mode):
    hand = Hand(live_server, alice, {}, mode=mode)
    with pytest.raises(exceptions.ClientException) as refusal:
        hand("GetProductAsEndUser", product_id="prod-bp1missing0000")
    error = refusal.value
    assert (error.status_code, error.code) == (404, "InvalidProduct.NotFound")
    assert error.request_id
    assert error.data["Recommend"].endswith("/docs/api/GetProductAsEndUser/")


def test_throttling_is_an_exception_of_the_sdk(live_server, alice, settings):
    settings.API_RATE = 1
    hand = Hand(live_server, alice, {})
    refusals = []
    for _ in range(5):
        try:
            hand("ListRegions")
        except exceptions.ThrottlingException as error:
            refusals.append(error)
    assert {error.code for error in refusals} == {"Throttling.User"}
    assert all(error.retry_after > 0 for error in refusals)


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - UNPUBLISHED))
def test_the_example_of_every_operation_runs_with_the_sdk(name):
    source = example(name, OPERATIONS[name], scheme="http", host="127.0.0.1:1")
    compile(source, name, "exec")
    request = source.partition("request = ")[2].partition("\nanswer")[0]
    if request:
        assert eval(request, {"models": models}).to_map() is not None
    assert callable(getattr(sdk.Client, snake(name)))


def test_the_server_has_every_operation_of_the_sdk():
    offered = {
        name.removesuffix("Request")
        for name in dir(models)
        if name.endswith("Request") and f"{name.removesuffix('Request')}Response" in dir(models)
    } | {"ListRegions"}  # fmt: skip
    assert offered | UNPUBLISHED == set(OPERATIONS)


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - UNPUBLISHED))
def test_the_server_accepts_every_parameter_of_the_sdk(name):
    model = getattr(models, f"{name}Request", None)
    sent = set(vars(model())) if model else set()
    assert sent == {snake(each.name) for each in OPERATIONS[name].parameters}
