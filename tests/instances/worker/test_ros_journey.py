"""Whole journeys in a region on Alibaba Cloud, through the worker, to a cloud on loopback."""

import json
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils.timezone import now

from catalog.models import Constraint, LaunchRole, Template
from instances.engine_setup import role_of
from instances.models import Instance, Plan, ProvisioningSpec, Task, TaskLog
from instances.worker.loop import Worker
from tests.factories import PortfolioFactory, RegionFactory, VersionFactory
from tests.instances.worker.test_recovery import worker  # noqa: F401
from tests.markup import compact
from tests.ros_server import CREDENTIALS, serving
from tests.waiting import beside, over, wait_for

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]

SECRET = "s3cret-of-alice"
NETWORK = {
    "ROSTemplateFormatVersion": "2015-09-01",
    "Parameters": {
        "Cidr": {"Type": "String", "Default": "10.0.0.0/8"},
        "Password": {"Type": "String", "NoEcho": True},
    },
    "Resources": {
        "Vpc": {
            "Type": "ALIYUN::ECS::VPC",
            "Properties": {"CidrBlock": {"Ref": "Cidr"}},
        },
        "Server": {
            "Type": "ALIYUN::ECS::Instance",
            "Properties": {"Password": {"Ref": "Password"}},
        },
    },
    "Outputs": {
        "VpcId": {"Value": {"Ref": "Vpc"}},
        "Login": {"Value": {"Ref": "Password"}, "NoEcho": True},
    },
}


@pytest.fixture(scope="module")
def running_cloud():
    with serving() as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud, settings):
    running_cloud.reset()
    settings.ROS_ENDPOINT = running_cloud.endpoint
    settings.ROS_PACE = 0.01
    return running_cloud


@pytest.fixture
def ros_region():
    return RegionFactory(engine="ros", credentials=CREDENTIALS)


@pytest.fixture
def network():
    template = Template.objects.from_document(json.dumps(NETWORK))
    return VersionFactory(
        template=template, product__template_kind="RosStandardTemplate"
    )


def spec(network, cidr="10.0.0.0/8", portfolio=None, tags=None):
    values = {"Cidr": cidr, "Password": SECRET}
    return ProvisioningSpec(network, portfolio, values, tags or {})


def launch_site(network, region, by):
    Instance.objects.launch(spec(network), name="site", region=region, by=by)
    Worker().work(once=True)
    return Instance.objects.get()


@pytest.fixture
def made(cloud, network, ros_region, alice):
    instance = launch_site(network, ros_region, alice)
    assert instance.status == Instance.Status.AVAILABLE, instance.status_message
    return instance


def working():
    """A worker in a thread, for what has to happen while it works."""
    return beside(lambda: Worker().work(once=True))


def test_a_launch_makes_a_stack_and_shows_what_is_in_it(made, cloud, browser):
    (stack,) = cloud.stacks
    assert stack["tags"]["service-catalog"] == f"{made.pk}/{made.last_task_id}"
    assert stack["parameters"]["Password"] == SECRET
    assert str(made.stack_id) == stack["id"]
    assert made.engine == "ros"
    rows = made.resources.values_list("name", "type", "status")
    assert set(rows) == {
        ("Vpc", "ALIYUN::ECS::VPC", "CREATE_COMPLETE"),
        ("Server", "ALIYUN::ECS::Instance", "CREATE_COMPLETE"),
    }
    outputs = {each.key: each for each in made.last_task.outputs.all()}
    assert outputs["VpcId"].value.startswith("vpc-")
    assert outputs["Login"].sensitive
    assert (made.last_task.resources_done, made.last_task.resources_total) == (2, 2)


def test_the_pages_link_to_the_console_of_the_vendor_and_call_nothing_simulated(
    made, admin_browser
):
    url = f"https://ros.console.aliyun.com/cn-hangzhou/stacks/{made.stack_id}"
    for page in (
        made.get_absolute_url(),
        f"{made.get_absolute_url()}resources/",
        made.last_task.get_absolute_url(),
    ):
        html = compact(admin_browser.get(page))
        assert "data-simulated" not in html
    html = compact(admin_browser.get(made.get_absolute_url()))
    assert f'href="{url}"' in html
    assert 'href="https://ros.console.aliyun.com/cn-hangzhou/stacks"' in html


def test_a_stack_that_is_not_known_yet_has_no_link(network, ros_region, alice, cloud):
    Instance.objects.launch(spec(network), name="site", region=ros_region, by=alice)
    assert Instance.objects.get().console_url == ""


def test_no_secret_reaches_the_log_or_the_disk(made, data_dir):
    assert TaskLog.objects.filter(task=made.last_task).exists()
    kept = json.dumps(list(TaskLog.objects.values_list("lines", flat=True)))
    for secret in (SECRET, *CREDENTIALS.values()):
        assert secret not in kept
    assert not list((Path(data_dir) / "runs").glob("*"))


def test_a_preview_shows_the_changes_and_the_update_carries_them_out(
    made, network, alice, ros_region, cloud
):
    plan = Plan.objects.draft_for(
        Task.Kind.UPDATE,
        spec(network, "10.1.0.0/16"),
        by=alice,
        region=ros_region,
        instance=made,
    )
    Worker().work(once=True)
    plan.refresh_from_db()
    assert plan.status == Plan.Status.PREVIEW_SUCCESS, plan.status_message
    assert plan.counts()["Modify"] == 1
    assert plan.simulated == ""
    assert SECRET not in json.dumps(plan.changes)
    task = plan.execute(by=alice)
    Worker().work(once=True)
    task.refresh_from_db()
    assert task.status == Task.Status.SUCCEEDED, task.status_message
    assert cloud.stacks[0]["status"] == "UPDATE_COMPLETE"
    assert len(cloud.stacks) == 1


def test_plan_is_out_of_date_after_a_change_of_the_stack_elsewhere(
    made, network, alice, ros_region, cloud
):
    plan = Plan.objects.draft_for(
        Task.Kind.UPDATE,
        spec(network, "10.1.0.0/16"),
        by=alice,
        region=ros_region,
        instance=made,
    )
    Worker().work(once=True)
    plan.refresh_from_db()
    cloud.touch(str(made.stack_id))
    task = plan.execute(by=alice)
    Worker().work(once=True)
    task.refresh_from_db()
    assert "out of date" in task.status_message
    assert "Nothing was changed." in task.status_message
    assert cloud.stacks[0]["status"] == "CREATE_COMPLETE"


def test_a_termination_deletes_the_stack(made, alice, cloud):
    task = made.terminate(by=alice)
    Worker().work(once=True)
    task.refresh_from_db()
    assert task.status == Task.Status.SUCCEEDED, task.status_message
    assert cloud.living == []
    made.refresh_from_db()
    assert made.terminated_at
    assert made.console_url == ""


def test_a_failed_launch_says_why_and_its_empty_stack_is_deleted_in_the_end(
    cloud, network, ros_region, alice
):
    cloud.set(fail=["Server"])
    instance = launch_site(network, ros_region, alice)
    assert instance.status == Instance.Status.ERROR
    assert "No stock here." in instance.status_message
    assert not instance.resources.exists()
    assert cloud.stacks[0]["status"] == "CREATE_ROLLBACK_COMPLETE"
    instance.terminate(by=alice)
    Worker().work(once=True)
    assert cloud.living == []


def test_without_rollback_the_resource_that_failed_is_shown_with_its_reason(
    cloud, network, ros_region, alice, settings
):
    settings.ROS_ROLLBACK = False
    cloud.set(fail=["Server"])
    instance = launch_site(network, ros_region, alice)
    assert instance.resources.get(name="Server").reason == "No stock here."
    assert instance.resources.get(name="Vpc").status == "CREATE_COMPLETE"


def test_cancel_has_the_cloud_cancel(cloud, network, ros_region, alice):
    cloud.set(step=1.5)
    task = Instance.objects.launch(
        spec(network), name="site", region=ros_region, by=alice
    )
    thread = working()
    wait_for(lambda: cloud.stacks)
    task.cancel(by=alice)
    over(thread)
    assert cloud.stacks[0]["status"] == "CREATE_ROLLBACK_COMPLETE"
    task.refresh_from_db()
    assert task.status == Task.Status.FAILED


def test_killed_driver_is_restarted(cloud, network, ros_region, alice):
    cloud.set(step=0.5)
    task = Instance.objects.launch(
        spec(network), name="site", region=ros_region, by=alice
    )
    thread = working()
    wait_for(lambda: cloud.stacks)
    task.refresh_from_db()
    pid = (Path(task.run_directory) / "pid").read_text().split()[0]
    os.kill(int(pid), signal.SIGKILL)
    over(thread)
    instance = Instance.objects.get()
    assert instance.status == Instance.Status.AVAILABLE, instance.status_message
    assert len(cloud.stacks) == 1


def test_run_with_lost_directory_is_resumed(cloud, network, ros_region, alice):
    cloud.set(step=0.8)
    task = Instance.objects.launch(
        spec(network), name="site", region=ros_region, by=alice
    )
    thread = working()
    wait_for(lambda: task.logs.filter(command="apply").exists())
    task.refresh_from_db()
    directory = Path(task.run_directory)
    pid = int((directory / "pid").read_text().split()[0])
    directory.rename(directory.with_name("lost"))
    os.kill(pid, signal.SIGKILL)
    over(thread)
    instance = Instance.objects.get()
    assert instance.status == Instance.Status.AVAILABLE, instance.status_message
    assert len(cloud.stacks) == 1


@pytest.mark.parametrize("told", ["apply", "plan"])
def test_run_of_a_lost_host_is_resumed_by_another(
    cloud, network, ros_region, alice, told
):
    cloud.set(step=0.8)
    task = Instance.objects.launch(
        spec(network), name="site", region=ros_region, by=alice
    )
    first = Worker()
    thread = beside(first.work)
    wait_for(lambda: task.logs.filter(command="apply").exists())
    first.stop()
    over(thread)
    task.refresh_from_db()
    directory = Path(task.run_directory)
    os.kill(int((directory / "pid").read_text().split()[0]), signal.SIGKILL)
    Task.objects.filter(pk=task.pk).update(
        host="elsewhere",
        run_directory=str(directory.with_suffix(".elsewhere")),
        lease_until=now() - timedelta(hours=1),
        suspected_at=now() - timedelta(hours=1),
        stage=told,
    )
    Worker().work(once=True)
    instance = Instance.objects.get()
    assert instance.status == Instance.Status.AVAILABLE, instance.status_message
    assert len(cloud.stacks) == 1
    assert instance.resources.count() == 2


def test_a_worker_that_is_killed_loses_nothing(
    cloud,
    network,
    ros_region,
    alice,
    worker,  # noqa: F811
):
    cloud.set(step=2)
    Instance.objects.launch(spec(network), name="site", region=ros_region, by=alice)
    first = worker(CONSOLE_ROS_ENDPOINT=cloud.endpoint)
    wait_for(lambda: cloud.stacks)
    first.send_signal(signal.SIGKILL)
    first.wait()
    worker(CONSOLE_ROS_ENDPOINT=cloud.endpoint)
    wait_for(lambda: Instance.objects.get().status != Instance.Status.UNDER_CHANGE)
    instance = Instance.objects.get()
    assert instance.status == Instance.Status.AVAILABLE, instance.status_message
    assert len(cloud.stacks) == 1
    lines = [line[2] for log in TaskLog.objects.all() for line in log.lines]
    assert lines.count("Vpc: CREATE_COMPLETE") == 1


def test_a_terraform_template_runs_there_too(cloud, ros_region, alice):
    version = VersionFactory()
    made = ProvisioningSpec(version, None, {"name": "demo"}, {"team": "web"})
    Instance.objects.launch(made, name="site", region=ros_region, by=alice)
    Worker().work(once=True)
    instance = Instance.objects.get()
    assert instance.status == Instance.Status.AVAILABLE, instance.status_message
    (stack,) = cloud.stacks
    assert json.loads(stack["body"])["Transform"].startswith("Aliyun::Terraform-v")
    assert stack["tags"]["team"] == "web"


def test_the_credentials_are_tested_by_asking_the_cloud(
    cloud, ros_region, admin_browser
):
    page = reverse("instances:region-test", args=[ros_region.pk])
    admin_browser.post(page)
    Worker().work(once=True)
    html = compact(admin_browser.get(page))
    assert 'data-status="Succeeded"' in html
    assert "ROS responds in this region" in html
    assert set(cloud.set()["calls"][0]) == {"ListStacks", ""}
    assert all(value not in html for value in CREDENTIALS.values())


def test_wrong_credentials_are_reported(cloud, admin_browser):
    wrong = dict.fromkeys(CREDENTIALS, "wrong-value")
    region = RegionFactory(engine="ros", credentials=wrong)
    page = reverse("instances:region-test", args=[region.pk])
    admin_browser.post(page)
    Worker().work(once=True)
    html = admin_browser.get(page).content.decode()
    assert "InvalidAccessKeyId" in html
    assert "wrong-value" not in html


def test_an_instance_keeps_the_engine_that_made_it(made, ros_region, alice, cloud):
    ros_region.edit(name=ros_region.name, engine="local", by=alice)
    made.refresh_from_db()
    assert made.made_by == "ros"
    made.terminate(by=alice)
    Worker().work(once=True)
    assert cloud.living == []


def constrain_to_role(portfolio, network, by):
    Constraint.objects.impose(
        kind=Constraint.Kind.LAUNCH,
        portfolio=portfolio,
        product=network.product,
        config={"LocalRoleName": "launcher"},
        by=by,
    )


def test_the_launch_role_is_assumed_by_the_cloud_unless_its_keys_are_here(
    network, ros_region, alice
):
    portfolio = PortfolioFactory(products=[network.product], users=[alice])
    constrain_to_role(portfolio, network, alice)
    task = Instance.objects.launch(
        spec(network, portfolio=portfolio), name="site", region=ros_region, by=alice
    )
    assert role_of(task) == "launcher"
    LaunchRole.objects.add(name="launcher", environment={"A": "b"}, by=alice)
    assert role_of(task) == ""


def test_a_stack_is_made_with_the_keys_of_the_launch_role(cloud, network, alice):
    region = RegionFactory(
        engine="ros", credentials=dict.fromkeys(CREDENTIALS, "key-of-the-region")
    )
    portfolio = PortfolioFactory(products=[network.product], users=[alice])
    constrain_to_role(portfolio, network, alice)
    LaunchRole.objects.add(name="launcher", environment=CREDENTIALS, by=alice)
    Instance.objects.launch(
        spec(network, portfolio=portfolio), name="site", region=region, by=alice
    )
    Worker().work(once=True)
    instance = Instance.objects.get()
    assert instance.status == Instance.Status.AVAILABLE, instance.status_message
    assert len(cloud.living) == 1
