"""ROS templates from publication to termination: simulated, and labelled so everywhere."""

import pytest
from django.urls import reverse

from catalog.models import Product, Region, Template, Version
from catalog.models.region import CLOUD_KEYS
from catalog.schema import TemplateError
from console.demo import seed
from console.lib.users import Role
from instances.models import (
    Check,
    Instance,
    Plan,
    ProvisioningSpec,
    StateVersion,
    Task,
    TaskLog,
)
from instances.models.check import check_version
from tests.factories import (
    PlanFactory,
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    VersionFactory,
    launchable,
)
from tests.instances.doors import work
from tests.signing import Caller

SENTENCE = "Nothing is created on Alibaba Cloud."
DOCUMENT = """\
ROSTemplateFormatVersion: '2015-09-01'
Parameters:
  Name: {Type: String, Default: shop}
  Password: {Type: String, NoEcho: true}
Resources:
  Vpc:
    Type: ALIYUN::ECS::VPC
    Properties:
      VpcName: {Fn::Sub: '${Name}-${ALIYUN::Region}-${ALIYUN::StackId}'}
  Account:
    Type: ALIYUN::RDS::Account
    Properties: {AccountName: admin, AccountPassword: {Ref: Password}}
Outputs:
  VpcId: {Value: {Ref: Vpc}, Description: The network}
  Name: {Value: {Fn::GetAtt: [Vpc, VpcName]}}
  Connection: {Value: {Fn::Sub: 'admin:${Password}'}}
"""
SECRET = "hunter2-Correct-Horse"
engine = pytest.mark.engine
threads = pytest.mark.django_db(transaction=True)


@pytest.fixture
def simulated(alice):
    version = VersionFactory(
        product=ProductFactory(template_kind=Template.Kind.STANDARD),
        template=Template.objects.from_document(DOCUMENT),
    )
    PortfolioFactory(products=[version.product], users=[alice])
    return version


@pytest.fixture
def spec(simulated):
    return ProvisioningSpec(simulated, simulated.product.portfolios.get(), values())


def values(**changed):
    return {"Name": "shop", "Password": SECRET} | changed


@pytest.fixture
def stack(spec, alice, terraform):
    Instance.objects.launch(spec, name="shop", region=RegionFactory(), by=alice)
    work()
    instance = Instance.objects.get()
    assert instance.status == Instance.Status.AVAILABLE, instance.status_message
    return instance


@engine
@threads
def test_a_launch_simulates_the_resources(stack):
    found = {each.address: each for each in stack.resources.all()}
    assert {name: each.type for name, each in found.items()} == {
        "Vpc": "ALIYUN::ECS::VPC",
        "Account": "ALIYUN::RDS::Account",
    }
    assert {each.status for each in found.values()} == {"CREATE_COMPLETE"}
    outputs = {each.key: each for each in stack.last_task.outputs.all()}
    assert outputs["VpcId"].value == found["Vpc"].physical_id
    assert outputs["VpcId"].description == "The network"
    assert outputs["Name"].value == f"shop-cn-hangzhou-{stack.stack_id}"


@engine
@threads
def test_secrets_are_neither_in_the_outputs_nor_in_the_log(stack):
    output = stack.last_task.outputs.get(key="Connection")
    assert (output.sensitive, output.value) == (True, None)
    logs = TaskLog.objects.values_list("lines", flat=True)
    assert SECRET not in str([*logs])


@engine
@threads
def test_an_update_changes_it_and_a_termination_leaves_nothing(stack, spec, alice):
    changed = ProvisioningSpec(spec.version, spec.portfolio, values(Name="other"))
    stack.update_to(changed, by=alice)
    work()
    task = Task.objects.latest("created_at")
    assert task.status == Task.Status.SUCCEEDED
    assert task.outputs.get(key="Name").value.startswith("other-")
    stack.refresh_from_db()
    stack.terminate(by=alice)
    work()
    stack.refresh_from_db()
    assert stack.terminated_at
    assert not StateVersion.objects.latest_of(stack).resource_count


@engine
@threads
def test_a_launch_applies_the_plan_that_was_previewed(spec, alice, terraform):
    plan = Plan.objects.draft_for(
        Task.Kind.LAUNCH, spec, by=alice, region=RegionFactory(), instance_name="shop"
    )
    work()
    plan = Plan.objects.get(pk=plan.pk)
    assert plan.status == Plan.Status.PREVIEW_SUCCESS, plan.status_message
    [vpc] = [each for each in plan.changes if each["address"] == "Vpc"]
    assert (vpc["action"], vpc["type"]) == ("Add", "ALIYUN::ECS::VPC")
    assert SECRET not in str(plan.changes)
    plan.execute(by=alice)
    work()
    instance = Instance.objects.get()
    assert vpc["after"]["VpcName"] == f"shop-cn-hangzhou-{instance.stack_id}"
    assert instance.resources.count() == 2


@engine
@threads
def test_a_version_of_a_ros_product_passes_its_check(simulated, alice, terraform):
    check_version(simulated, by=alice)
    work()
    check = Check.objects.get()
    assert check.passed, check.status_message
    assert check.problems == []


@pytest.mark.django_db
def test_a_document_that_cannot_be_simulated_is_refused_when_it_is_published(admin):
    text = DOCUMENT + "  Other: {Value: {Fn::GetStackOutput: [a, b]}}\n"
    product = ProductFactory(template_kind=Template.Kind.STANDARD)
    template = Template.objects.from_document(text)
    with pytest.raises(TemplateError) as refused:
        Version.objects.publish(product=product, template=template, name="1", by=admin)
    assert str(refused.value) == (
        "Outputs.Other: Fn::GetStackOutput cannot be simulated."
    )
    assert not Version.objects.exists()


@engine
@threads
def test_where_a_region_is_in_the_cloud_only_a_simulated_run_refuses_it(
    admin, alice, terraform
):
    RegionFactory(
        pk="cn-beijing",
        engine=Region.Engine.ROS,
        credentials=dict.fromkeys(CLOUD_KEYS, "x"),
    )
    text = DOCUMENT + "  Other: {Value: {Fn::GetStackOutput: [a, b]}}\n"
    product = ProductFactory(template_kind=Template.Kind.STANDARD)
    portfolio = PortfolioFactory(products=[product], users=[alice])
    template = Template.objects.from_document(text)
    version = Version.objects.publish(
        product=product, template=template, name="1", by=admin
    )
    spec = ProvisioningSpec(version, portfolio, values())
    Instance.objects.launch(spec, name="shop", region=RegionFactory(), by=alice)
    work()
    instance = Instance.objects.get()
    assert instance.status == Instance.Status.ERROR
    assert "Fn::GetStackOutput cannot be simulated" in instance.status_message


@pytest.mark.django_db
def test_the_product_page_says_that_it_is_simulated(browser, simulated):
    html = browser.get(simulated.product.get_absolute_url()).content.decode()
    assert "Simulated" in html
    assert SENTENCE in html


@engine
@threads
@pytest.mark.parametrize("page", ["instance-detail", "instance-resources"])
def test_the_instances_pages_say_that_it_is_simulated(browser, stack, page):
    html = browser.get(reverse(f"instances:{page}", args=[stack.pk])).content.decode()
    assert "data-simulated" in html
    assert SENTENCE in html
    assert "terraform_data" not in html


@engine
@threads
def test_the_task_page_says_that_it_is_simulated(browser, stack):
    url = stack.last_task.get_absolute_url()
    assert SENTENCE in browser.get(url).content.decode()


@pytest.mark.django_db
def test_the_preview_says_that_it_is_simulated(browser, spec, alice):
    Plan.objects.draft_for(
        Task.Kind.LAUNCH, spec, by=alice, region=RegionFactory(), instance_name="shop"
    )
    plan = Plan.objects.get()
    url = reverse("instances:launch-review", args=[spec.version.product_id])
    html = browser.get(url, {"plan": plan.pk}).content.decode()
    assert SENTENCE in html


@pytest.mark.django_db
def test_a_terraform_product_is_not_called_simulated(browser, alice):
    version = launchable(alice)
    html = browser.get(version.product.get_absolute_url()).content.decode()
    assert "data-simulated" not in html


@pytest.mark.django_db
@pytest.mark.parametrize("marked", [True, False])
def test_the_api_describes_simulated_resources_as_such(alice, simulated, marked):
    chosen = simulated if marked else VersionFactory()
    plan = PlanFactory(owner=alice, version=chosen, previewed=True)
    plan.changes = [{"address": "Vpc", "type": "ALIYUN::ECS::VPC", "action": "Add"}]
    plan.save()
    answer = Caller.of(alice).call("GetProvisionedProductPlan", PlanId=plan.pk)
    [change] = answer["ResourceChanges"]
    assert (SENTENCE in change.get("Description", "")) is marked


@engine
@threads
def test_the_demonstration_has_a_ros_product_that_can_be_launched(alice, terraform):
    # The flush behind another test took the group the migration had made.
    Role.objects.get_or_create(name="Administrators")
    seed(debug=True)
    product = Product.objects.get(name="ROS web stack")
    assert product.simulated
    assert "Simulated" in product.description
    version = product.versions.get()
    given = version.template.schema.clean({"DatabasePassword": SECRET})
    spec = ProvisioningSpec(version, product.portfolios.get(), given)
    region = Region.objects.get(pk="cn-hangzhou")
    Instance.objects.launch(spec, name="site", region=region, by=alice)
    work()
    instance = Instance.objects.get()
    assert instance.status == Instance.Status.AVAILABLE, instance.status_message
    types = set(instance.resources.values_list("type", flat=True))
    assert {"ALIYUN::ECS::Instance", "ALIYUN::ROS::Sleep"} <= types
