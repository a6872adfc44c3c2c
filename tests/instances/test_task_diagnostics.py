"""The diagnostics of a task: exit code, first error, its resource and its parameter."""

import pytest

from catalog.models import Template
from catalog.models.trusted import example_files
from instances.engines.base import Diagnostic, Outcome
from instances.models import Instance, ProvisioningSpec, Resource, Task, TaskDiagnostics
from instances.models.task_diagnostics import FailureSource
from instances.worker.loop import Worker
from tests.factories import (
    InstanceFactory,
    RegionFactory,
    TaskFactory,
    TemplateFactory,
    VersionFactory,
)

FILES = {
    "main.tf": """\
variable "size" {
  type = number
}

variable "zone" {
  type = string
}

resource "cloud_server" "web" {
  size = var.size
  name = "var.zone is only text here"
}

resource "cloud_server" "both" {
  size = var.size
  zone = "${var.zone}"
}

resource "cloud_disk" "none" {
  size = 3
}
"""
}
OUTCOME = {
    "finished": True,
    "ok": False,
    "exit_code": 1,
    "stage": "apply",
    "applying": True,
    "canceled": False,
    "message": "",
    "stages": {},
}


def error(**values):
    return Diagnostic(
        **{"severity": "error", "summary": "Bad", "detail": "worse", **values}
    )


@pytest.fixture
def template(db):
    return TemplateFactory(files=FILES)


@pytest.fixture
def task(template):
    version = VersionFactory(template=template)
    return TaskFactory(instance=InstanceFactory(version=version))


@pytest.mark.parametrize(
    ("found", "key"),
    [
        (error(variable="size"), "size"),
        (error(variable="unknown", uses=("zone",)), "zone"),
        (error(uses=("zone", "zone", "elsewhere")), "zone"),
        (error(uses=("zone", "size")), ""),
        (error(address="cloud_server.web[0]", file="main.tf"), "size"),
        (error(address='cloud_server.web["a.b"]', file="main.tf"), "size"),
        (error(address="cloud_server.both", file="main.tf"), ""),
        (error(address="cloud_disk.none", file="main.tf"), ""),
        (error(address="cloud_server.web", file="modules/main.tf"), ""),
        (error(address="module.a.cloud_server.web", file="main.tf"), ""),
        (error(), ""),
    ],
)
def test_the_parameter_is_named_only_if_it_is_known(template, found, key):
    assert FailureSource.of(found, template).parameter == key


def test_the_first_error_is_kept(task):
    warning = error(severity="warning", summary="No")
    first = error(detail="it was so", address="cloud_server.web")
    TaskDiagnostics.objects.note(task, [None, warning, first, error()])
    TaskDiagnostics.objects.note(task, [error(summary="Later")])
    kept = TaskDiagnostics.objects.get()
    assert (kept.error, kept.summary) == ("Bad. it was so", "Bad")
    assert kept.address == "cloud_server.web"


def test_another_attempt_has_another_first_error(task):
    TaskDiagnostics.objects.note(task, [error()])
    task.attempt = 1
    TaskDiagnostics.objects.note(task, [error(summary="Again")])
    assert TaskDiagnostics.objects.get().summary == "Again"


def test_an_end_ignores_the_error_of_an_earlier_attempt(task):
    first = error(address="cloud_server.web", file="main.tf", line=9)
    TaskDiagnostics.objects.note(task, [first])
    task.attempt = 1
    TaskDiagnostics.objects.complete(task, Outcome(**OUTCOME))
    kept = TaskDiagnostics.objects.get()
    assert (kept.error, kept.address, kept.line, kept.parameter) == ("", "", None, "")
    assert kept.exit_code == 1


def test_an_end_keeps_the_error_of_its_own_attempt(task):
    TaskDiagnostics.objects.note(task, [error()])
    TaskDiagnostics.objects.complete(task, Outcome(**OUTCOME))
    assert TaskDiagnostics.objects.get().summary == "Bad"


@pytest.mark.parametrize(
    ("facts", "interrupted"),
    [
        ({}, False),
        ({"finished": False, "exit_code": None}, True),
        ({"finished": False, "exit_code": None, "applying": False}, False),
    ],
)
def test_an_interruption_records_resources_in_flight(task, facts, interrupted):
    for name, status in (("a", "CREATE_COMPLETE"), ("b", "UPDATE_IN_PROGRESS")):
        Resource.objects.create(
            instance=task.instance, address=name, name=name, type="t", status=status
        )
    TaskDiagnostics.objects.complete(task, Outcome(**{**OUTCOME, **facts}))
    kept = TaskDiagnostics.objects.get()
    assert kept.interrupted is interrupted
    assert kept.in_flight == (["b"] if interrupted else [])
    assert kept.exit_code == (None if facts else 1)


@pytest.mark.engine
@pytest.mark.usefixtures("terraform")
@pytest.mark.django_db(transaction=True)
def test_a_failure_records_exit_code_resource_and_parameter(alice):
    template = Template.objects.from_files(example_files("unlucky"))
    spec = ProvisioningSpec(VersionFactory(template=template), None, {"budget": 100})
    task = Instance.objects.launch(spec, name="dwh", region=RegionFactory(), by=alice)
    Worker().work(once=True)
    kept = TaskDiagnostics.objects.get(task=task)
    assert Task.objects.get().status == "Failed"
    assert (kept.exit_code, kept.ended_in, kept.interrupted) == (1, "apply", False)
    assert kept.address == "terraform_data.warehouse"
    assert kept.parameter == "budget"
    assert kept.summary == "Resource postcondition failed"
    assert "QuotaExceeded" in kept.error
