"""The worker: queue, engine, result. Real Terraform throughout."""

import threading

import pytest

from catalog.models import Constraint, LaunchRole, Template
from console.lib.encryption import generate_key
from console.lib.errors import ConflictError
from instances.models import (
    Instance,
    Output,
    ProvisioningSpec,
    Resource,
    StateVersion,
    Task,
    TaskLog,
)
from tests.factories import (
    MAIN_TF,
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    VersionFactory,
    version_of,
)
from tests.instances.doors import work
from tests.waiting import beside, over

pytestmark = [
    pytest.mark.engine,
    pytest.mark.usefixtures("terraform"),
    pytest.mark.django_db(transaction=True),
]

SECRET_TF = """\
variable "password" {
  type      = string
  sensitive = true
}

resource "terraform_data" "account" {
  input = var.password
}

output "password" {
  value     = var.password
  sensitive = true
}

output "echo" {
  value = nonsensitive("it is ${var.password}")
}
"""
FAILING_TF = """\
resource "terraform_data" "first" {}

resource "terraform_data" "second" {
  input = terraform_data.first.id

  lifecycle {
    postcondition {
      condition     = self.id == ""
      error_message = "QuotaExceeded: no more instances."
    }
  }
}
"""


def launch(by, version, name="shop", **values):
    spec = ProvisioningSpec(version, None, values, {"team": "web"})
    task = Instance.objects.launch(spec, name=name, region=RegionFactory(), by=by)
    return task.instance


def test_a_launch_makes_the_instance_available(alice):
    instance = launch(alice, version_of(), name="shop")
    work()
    instance.refresh_from_db()
    task = instance.last_successful_task
    assert instance.status == "Available"
    assert (task.status, task.status_message) == ("Succeeded", "")
    assert [t.key for t in instance.tags.all()] == ["team"]


def test_a_launch_records_resources_outputs_state_and_log(alice):
    instance = launch(alice, version_of(), name="shop")
    work()
    resource = Resource.objects.get(instance=instance)
    assert (resource.address, resource.status) == (
        "terraform_data.thing",
        "CREATE_COMPLETE",
    )
    assert resource.physical_id
    assert Output.objects.get(task=instance.last_task).value == "demo"
    assert StateVersion.objects.filter(instance=instance).exists()
    commands = set(TaskLog.objects.values_list("command", flat=True))
    assert {"plan", "apply"} <= commands


def test_progress_counts_resources(alice):
    instance = launch(alice, version_of())
    work()
    task = instance.tasks.get()
    assert (task.resources_done, task.resources_total) == (1, 1)


def test_an_update_changes_in_place(alice):
    version = version_of()
    instance = launch(alice, version)
    work()
    instance.refresh_from_db()
    instance.update_to(ProvisioningSpec(version, None, {"name": "new"}), by=alice)
    work()
    instance.refresh_from_db()
    assert instance.status == "Available"
    assert instance.last_task.outputs.get().value == "new"
    assert instance.resources.count() == 1


def test_an_update_to_another_version_makes_it_current(alice):
    product = ProductFactory()
    old, new = version_of(product=product), version_of(product=product)
    instance = launch(alice, old)
    work()
    instance.refresh_from_db()
    instance.update_to(ProvisioningSpec(new, None), by=alice)
    assert Instance.objects.get(pk=instance.pk).version == old
    work()
    assert Instance.objects.get(pk=instance.pk).version == new


def test_an_update_that_changes_nothing_is_refused(alice):
    version = version_of()
    instance = launch(alice, version, name="shop")
    work()
    instance.refresh_from_db()
    with pytest.raises(ConflictError, match="Nothing to update"):
        instance.update_to(
            ProvisioningSpec(version, None, tags={"team": "web"}), by=alice
        )
    assert instance.tasks.count() == 1


def test_a_termination_removes_the_instance_from_lists(alice):
    instance = launch(alice, version_of())
    work()
    instance.refresh_from_db()
    instance.terminate(by=alice)
    work()
    instance.refresh_from_db()
    assert instance.terminated_at
    assert not Instance.objects.living().exists()
    assert not instance.resources.exists()
    assert instance.tasks.count() == 2


def test_partial_failure_keeps_created_resources_and_their_reason(alice):
    instance = launch(alice, version_of(FAILING_TF))
    work()
    instance.refresh_from_db()
    assert instance.status == "Error"
    assert "QuotaExceeded" in instance.status_message
    assert instance.tasks.get().status == "Failed"
    state = StateVersion.objects.latest_of(instance)
    assert state.resource_count >= 1


def test_an_instance_without_resources_is_terminated_without_its_template(alice):
    instance = launch(alice, version_of(MAIN_TF + "\nlocals { x = var.missing }\n"))
    work()
    instance.refresh_from_db()
    instance.terminate(by=alice)
    work()
    instance.refresh_from_db()
    assert instance.terminated_at


def test_a_failed_launch_can_be_terminated(alice):
    instance = launch(alice, version_of(FAILING_TF))
    work()
    instance.refresh_from_db()
    instance.terminate(by=alice)
    work()
    instance.refresh_from_db()
    assert instance.terminated_at


def test_secrets_are_masked_everywhere_but_in_encrypted_columns(alice):
    instance = launch(alice, version_of(SECRET_TF), password="hunter2-hunter2")
    work()
    task = instance.tasks.get()
    assert task.secrets == {"password": "hunter2-hunter2"}
    assert task.parameters == {}
    outputs = {output.key: output for output in task.outputs.all()}
    assert outputs["password"].value is None
    assert outputs["password"].secret_value == "hunter2-hunter2"
    assert outputs["echo"].value == "it is ******"
    logged = str(list(TaskLog.objects.values_list("lines", flat=True)))
    assert "hunter2" not in logged


def test_a_template_that_does_not_plan_changes_nothing(alice):
    instance = launch(alice, version_of(MAIN_TF + "\nlocals { x = var.missing }\n"))
    work()
    instance.refresh_from_db()
    assert instance.status == "Error"
    assert "Nothing was changed" in instance.status_message


def test_a_task_canceled_while_it_waits_never_runs(alice):
    instance = launch(alice, version_of())
    instance.tasks.get().cancel(by=alice)
    work()
    instance.refresh_from_db()
    assert instance.status == "Error"
    assert not instance.resources.exists()


def test_two_people_updating_at_once_make_one_task(alice, bob):
    version = version_of()
    instance = launch(alice, version)
    work()
    barrier = threading.Barrier(2)
    outcomes = []

    def press(person, name):
        fresh = Instance.objects.get(pk=instance.pk)
        barrier.wait()
        try:
            outcomes.append(
                fresh.update_to(
                    ProvisioningSpec(version, None, {"name": name}), by=person
                ).pk
            )
        except ConflictError as refusal:
            outcomes.append(str(refusal))

    for thread in [beside(press, alice, "a"), beside(press, bob, "b")]:
        over(thread)
    assert Task.objects.filter(kind="UpdateProvisionedProduct").count() == 1
    assert sorted(text.startswith("task-") for text in outcomes) == [False, True]
    refusal = next(text for text in outcomes if not text.startswith("task-"))
    assert Task.objects.get(kind="UpdateProvisionedProduct").pk in refusal


def test_missing_terraform_fails_without_changes(alice, settings):
    settings.TERRAFORM_BIN = "/nowhere/terraform"
    instance = launch(alice, version_of())
    work()
    instance.refresh_from_db()
    assert instance.status == "Error"
    assert "CONSOLE_TERRAFORM_BIN" in instance.status_message
    assert not instance.states.exists()


def test_missing_provider_fails_with_advice(alice, settings, tmp_path):
    settings.PROVIDER_MIRROR = str(tmp_path)
    source = """\
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}
"""
    instance = launch(alice, version_of(source))
    work()
    instance.refresh_from_db()
    assert instance.status == "Error"
    assert "hashicorp/aws" in instance.status_message
    assert "CONSOLE_PROVIDER_MIRROR" in instance.status_message


def test_resources_of_a_count_are_told_apart(alice):
    source = 'resource "terraform_data" "server" {\n  count = 2\n}\n'
    instance = launch(alice, version_of(source))
    work()
    names = instance.resources.values_list("name", flat=True)
    assert sorted(names) == ["server[0]", "server[1]"]


def test_an_output_keeps_its_description(alice):
    source = 'output "url" {\n  value = "x"\n  description = "Where it answers"\n}\n'
    instance = launch(alice, version_of(source))
    work()
    output = Output.objects.get(task__instance=instance)
    assert output.description == "Where it answers"


def test_missing_encryption_key_fails_the_task(alice, settings):
    instance = launch(alice, version_of(SECRET_TF), password="hunter2-hunter2")
    settings.ENCRYPTION_KEYS = [generate_key()]
    work()
    task = Task.objects.defer("secrets").get()
    assert task.status == "Failed"
    assert "An internal error" in task.status_message
    instance.refresh_from_db()
    assert instance.status == "Error"


def test_a_ros_standard_template_is_simulated(alice):
    document = """\
ROSTemplateFormatVersion: '2015-09-01'
Resources:
  Vpc:
    Type: ALIYUN::ECS::VPC
"""
    version = VersionFactory(
        product=ProductFactory(template_kind="RosStandardTemplate"),
        template=Template.objects.from_document(document),
    )
    instance = launch(alice, version)
    work()
    instance.refresh_from_db()
    assert instance.status == "Available"
    [resource] = instance.resources.all()
    assert (resource.address, resource.type) == ("Vpc", "ALIYUN::ECS::VPC")
    assert resource.status == "CREATE_COMPLETE"
    assert resource.physical_id.startswith("vpc-bp1")


CREDENTIALS_TF = """\
resource "terraform_data" "probe" {
  provisioner "local-exec" {
    command = "test $CLOUD_KEY/$CLOUD_ZONE = %s"
  }
}
"""


@pytest.mark.parametrize(
    ("stored", "through", "used"),
    [
        (True, "constrained", "key-of-the-role/zone-of-the-region"),
        (True, "other", "key-of-the-region/zone-of-the-region"),
        (False, "constrained", "key-of-the-region/zone-of-the-region"),
    ],
)
def test_a_run_gets_the_credentials_of_the_region_under_those_of_the_launch_role(
    alice, settings, stored, through, used
):
    settings.ALLOW_PROVISIONERS = True
    region = RegionFactory(
        credentials={
            "CLOUD_KEY": "key-of-the-region",
            "CLOUD_ZONE": "zone-of-the-region",
        }
    )
    version = version_of(CREDENTIALS_TF % used)
    portfolios = {
        name: PortfolioFactory(products=[version.product], users=[alice])
        for name in ("constrained", "other")
    }
    Constraint.objects.impose(
        kind=Constraint.Kind.LAUNCH,
        portfolio=portfolios["constrained"],
        product=version.product,
        config={"LocalRoleName": "deployer"},
        by=alice,
    )
    if stored:
        environment = {"CLOUD_KEY": "key-of-the-role"}
        LaunchRole.objects.add(name="deployer", environment=environment, by=alice)
    task = Instance.objects.launch(
        ProvisioningSpec(version, portfolios[through]),
        name="shop",
        region=region,
        by=alice,
    )
    work()
    task.refresh_from_db()
    assert (task.status, task.status_message) == ("Succeeded", "")
