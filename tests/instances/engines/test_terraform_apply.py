"""Runs of apply and destroy: resources, outputs, failures and cleanup."""

import platform
from pathlib import Path

import pytest

from catalog.terraform.policy import violations
from instances.engines.base import EngineError, EngineMissingError, Order, Settings
from instances.engines.terraform import Terraform
from tests.instances.engines.conftest import log_text
from tests.security.listener import listening

pytestmark = pytest.mark.engine

GREETING = """
variable "greeting" {
  type = string
}
variable "place" {
  type    = string
  default = "here"
}
resource "terraform_data" "hello" {
  input            = var.greeting
  triggers_replace = var.place
}
output "greeting" {
  value = terraform_data.hello.output
}
"""
FAILING = """
resource "terraform_data" "first" {}
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" {
    command = "echo cannot do that >&2; exit 3"
  }
}
"""


@pytest.fixture
def launched_state(engine, start, finish):
    """The state of the launched greeting."""
    directory = start("apply", GREETING, parameters={"greeting": "good day"})
    finish(directory)
    return engine.state(directory)


def test_apply_without_a_saved_plan_plans_first(start, finish):
    outcome = finish(start("apply", GREETING, parameters={"greeting": "good day"}))
    assert outcome.ok
    assert list(outcome.stages) == ["init", "plan", "apply"]


def test_state_has_the_outputs(launched_state):
    [output] = launched_state.outputs
    assert (output.key, output.value, output.type) == ("greeting", "good day", "string")


def test_state_has_physical_ids(launched_state):
    [resource] = launched_state.resources
    assert resource.address == "terraform_data.hello"
    assert resource.physical_id
    assert not resource.tainted


def test_created_resource_has_its_statuses_in_order(start, finish, status_of):
    directory = start("apply", GREETING, parameters={"greeting": "good day"})
    finish(directory)
    assert status_of(directory) == [
        ("terraform_data.hello", "CREATE_IN_PROGRESS"),
        ("terraform_data.hello", "CREATE_COMPLETE"),
    ]


def test_plan_event_has_the_total_of_operations(engine, start, finish):
    directory = start("apply", GREETING, parameters={"greeting": "good day"})
    finish(directory)
    totals = [event.total for event in engine.events(directory, 0)]
    assert [total for total in totals if total is not None] == [1]


def test_changed_value_updates_in_place(start, finish, status_of, launched_state):
    again = start(
        "apply", GREETING, parameters={"greeting": "hi"}, state=launched_state.body
    )
    finish(again)
    assert status_of(again)[-1] == ("terraform_data.hello", "UPDATE_COMPLETE")


def test_replacement_deletes_and_creates(start, finish, status_of, launched_state):
    values = {"greeting": "good day", "place": "there"}
    again = start("apply", GREETING, parameters=values, state=launched_state.body)
    finish(again)
    assert [status for _, status in status_of(again)] == [
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
    ]


def test_destroy_leaves_an_empty_state(engine, start, finish, launched_state):
    values = {"greeting": "good day"}
    directory = start("destroy", GREETING, parameters=values, state=launched_state.body)
    assert finish(directory).ok
    assert engine.state(directory).resources == []


def test_serial_of_the_state_grows(engine, start, finish, launched_state):
    again = start(
        "apply", GREETING, parameters={"greeting": "hi"}, state=launched_state.body
    )
    finish(again)
    later = engine.state(again)
    assert later.lineage == launched_state.lineage
    assert later.serial > launched_state.serial


def test_failed_provisioner_fails_the_run_with_its_reason(start, finish):
    outcome = finish(start("apply", FAILING, trusted=True))
    assert outcome.finished
    assert not outcome.ok
    assert "local-exec provisioner error" in outcome.message
    assert "exit status 3" in outcome.message


def test_failed_apply_keeps_created_resources_and_taints_the_failed_one(
    engine, start, finish
):
    directory = start("apply", FAILING, trusted=True)
    finish(directory)
    tainted = {r.address: r.tainted for r in engine.state(directory).resources}
    assert tainted == {"terraform_data.first": False, "terraform_data.second": True}


def test_failure_message_names_the_resource(engine, start, finish):
    directory = start("apply", FAILING, trusted=True)
    finish(directory)
    found = [event.diagnostic for event in engine.events(directory, 0)]
    assert [d.address for d in found if d] == ["terraform_data.second"]


def test_failed_resource_has_a_failed_status(start, finish, status_of):
    directory = start("apply", FAILING, trusted=True)
    finish(directory)
    assert status_of(directory)[-1] == ("terraform_data.second", "CREATE_FAILED")


def test_valid_template_validates(start, finish):
    assert finish(start("validate", GREETING)).ok


def test_invalid_template_has_a_diagnostic_with_its_line(engine, start, finish):
    directory = start("validate", 'output "x" {\n  value = var.absent\n}\n')
    assert not finish(directory).ok
    [found] = [e.diagnostic for e in engine.events(directory, 0) if e.diagnostic]
    assert (found.file, found.line) == ("main.tf", 2)


def test_missing_provider_has_advice(start, finish):
    outcome = finish(start("plan", 'resource "nobody_has_this" "x" {}\n'))
    assert not outcome.ok
    assert "hashicorp/nobody" in outcome.message
    assert "CONSOLE_PROVIDER_MIRROR" in outcome.message


def test_provider_is_looked_up_in_the_mirror_only(folder: Path, finish):
    mirror = folder / "mirror"
    mirror.mkdir()
    engine = Terraform(
        Settings(provider_mirror=str(mirror), template_policy=violations)
    )
    files = {"main.tf": 'resource "nobody_has_this" "x" {}\n'}
    engine.start(folder / "run", Order("plan", files))
    assert "dial tcp" not in finish(folder / "run").message


def test_error_names_the_versions_of_the_mirror(folder: Path, finish):
    mirror = folder / "mirror"
    system = "linux_arm64" if platform.machine() == "aarch64" else "linux_amd64"
    for name in ("random", "null"):
        home = mirror / "registry.terraform.io/hashicorp" / name
        for version in ("3.7.2", "3.10.0-beta1", "3.10.0"):
            (home / version / system).mkdir(parents=True)
        (home / f"terraform-provider-{name}_3.6.1_{system}.zip").touch()
        (home / "9.9.9" / "windows_386").mkdir(parents=True)
    engine = Terraform(
        Settings(provider_mirror=str(mirror), template_policy=violations)
    )
    demands = "".join(
        f'    {name} = {{ source = "hashicorp/{name}", version = "3.0.0" }}\n'
        for name in ("random", "null")
    )
    text = f"terraform {{\n  required_providers {{\n{demands}  }}\n}}\n"
    engine.start(folder / "run", Order("plan", {"main.tf": text}))
    finish(folder / "run")
    message = engine.outcome(folder / "run").message
    for name in ("random", "null"):
        known = f"hashicorp/{name} in version 3.10.0, 3.10.0-beta1, 3.7.2, 3.6.1;"
        assert known in message
    assert "asks for 3.0.0" in message


STRANGER = """\
terraform {{
  required_providers {{
    shell = {{
      source = "127.0.0.1:{port}/evil/shell"
    }}
  }}
}}
"""


@pytest.mark.parametrize("action", ["validate", "plan", "apply"])
def test_provider_outside_the_allow_list_is_not_requested(folder: Path, finish, action):
    """The message says that an administrator can allow it."""
    engine = Terraform(
        Settings(providers=("hashicorp/*", "aliyun/*"), template_policy=violations)
    )
    with listening() as listener:
        files = {"main.tf": STRANGER.format(port=listener.port)}
        engine.start(folder / "run", Order(action, files))
        outcome = finish(folder / "run")
        assert listener.hits == 0
    assert not outcome.ok
    assert "evil/shell" in outcome.message
    assert "CONSOLE_PROVIDERS" in outcome.message


def test_any_provider_is_requested_without_an_allow_list(folder: Path, finish):
    """Shows that the test above can fail."""
    with listening() as listener:
        files = {"main.tf": STRANGER.format(port=listener.port)}
        Terraform(Settings(template_policy=violations)).start(
            folder / "run", Order("plan", files)
        )
        outcome = finish(folder / "run")
        assert listener.hits > 0, outcome.message


def test_missing_binary_has_advice(folder: Path):
    engine = Terraform(
        Settings(terraform_bin="/nonexistent/terraform", template_policy=violations)
    )
    with pytest.raises(EngineMissingError, match="CONSOLE_TERRAFORM_BIN"):
        engine.version()


def test_other_program_than_terraform_is_refused():
    with pytest.raises(EngineMissingError, match="neither Terraform nor OpenTofu"):
        Terraform(Settings(terraform_bin="/bin/true")).version()


def test_unreadable_state_is_refused(start):
    with pytest.raises(EngineError, match="Restore"):
        start("apply", GREETING, state=b"")


def test_used_directory_is_refused(engine, start, finish):
    directory = start("validate", GREETING)
    finish(directory)
    with pytest.raises(EngineError, match="already contains a run"):
        engine.start(directory, Order("validate", {"main.tf": GREETING}))


def test_start_checks_the_policy(start):
    with pytest.raises(EngineError, match=r"main.tf, line 5: Provisioners"):
        start("apply", FAILING)


def test_ephemeral_secrets_reach_plan_and_apply(start, finish):
    template = 'variable "once" {\n  type = string\n  ephemeral = true\n}\n'
    assert finish(start("apply", template, secrets={"once": "x"})).ok


def test_secrets_of_every_type_keep_their_value(engine, start, finish):
    template = """
    variable "text" {
      type = string
    }
    variable "list" {
      type = list(number)
    }
    output "both" {
      value = "${var.text} ${var.list[1]}"
    }
    """
    secrets = {"text": 'a "b" ${c}\n', "list": [1, 2]}
    directory = start("apply", template, secrets=secrets)
    finish(directory)
    assert engine.state(directory).outputs[0].value == 'a "b" ${c}\n 2'


def test_values_are_passed_unchanged(engine, start, finish):
    value = '${file("/etc/passwd")} %{ if true } "quoted" \\ \n -var=x'
    directory = start("apply", GREETING, parameters={"greeting": value})
    finish(directory)
    assert engine.state(directory).outputs[0].value == value


def test_clean_removes_the_directory(engine, start, finish):
    directory = start("plan", GREETING, parameters={"greeting": "x"})
    finish(directory)
    engine.clean(directory)
    assert not directory.exists()


def test_clean_can_keep_the_log(engine, start, finish):
    directory = start("plan", GREETING, parameters={"greeting": "x"})
    finish(directory)
    engine.clean(directory, keep_events=True)
    kept = {path.name for path in directory.iterdir()}
    assert kept == {"events.jsonl", "stages.jsonl", "exit.json", "lock"}
    assert "Plan: 1 to add" in log_text(engine.events(directory, 0))
