"""What a run of a template does, from an empty directory to its last word."""

import platform
from pathlib import Path

import pytest

from instances.engines.base import EngineError, EngineMissingError, Order, Settings
from instances.engines.terraform import Terraform
from tests.instances.engines.conftest import said
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
def state(engine, start, finish):
    """The state after the greeting was launched."""
    directory = start("apply", GREETING, parameters={"greeting": "good day"})
    finish(directory)
    return engine.state(directory)


def test_an_apply_without_a_plan_plans_and_applies(start, finish):
    outcome = finish(start("apply", GREETING, parameters={"greeting": "good day"}))
    assert outcome.ok
    assert list(outcome.stages) == ["init", "plan", "apply"]


def test_outputs_come_from_the_state(state):
    [output] = state.outputs
    assert (output.key, output.value, output.type) == ("greeting", "good day", "string")


def test_resources_are_told_with_their_physical_id(state):
    [resource] = state.resources
    assert resource.address == "terraform_data.hello"
    assert resource.physical_id
    assert not resource.tainted


def test_a_created_resource_goes_through_its_statuses(start, finish, status_of):
    directory = start("apply", GREETING, parameters={"greeting": "good day"})
    finish(directory)
    assert status_of(directory) == [
        ("terraform_data.hello", "CREATE_IN_PROGRESS"),
        ("terraform_data.hello", "CREATE_COMPLETE"),
    ]


def test_the_plan_tells_how_much_there_is_to_do(engine, start, finish):
    directory = start("apply", GREETING, parameters={"greeting": "good day"})
    finish(directory)
    totals = [event.total for event in engine.events(directory, 0)]
    assert [total for total in totals if total is not None] == [1]


def test_a_new_value_updates_in_place(start, finish, status_of, state):
    again = start("apply", GREETING, parameters={"greeting": "hi"}, state=state.body)
    finish(again)
    assert status_of(again)[-1] == ("terraform_data.hello", "UPDATE_COMPLETE")


def test_a_replacement_deletes_and_creates(start, finish, status_of, state):
    values = {"greeting": "good day", "place": "there"}
    again = start("apply", GREETING, parameters=values, state=state.body)
    finish(again)
    assert [status for _, status in status_of(again)] == [
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
    ]


def test_destroy_leaves_an_empty_state(engine, start, finish, state):
    values = {"greeting": "good day"}
    directory = start("destroy", GREETING, parameters=values, state=state.body)
    assert finish(directory).ok
    assert engine.state(directory).resources == []


def test_the_state_counts_on(engine, start, finish, state):
    again = start("apply", GREETING, parameters={"greeting": "hi"}, state=state.body)
    finish(again)
    later = engine.state(again)
    assert later.lineage == state.lineage
    assert later.serial > state.serial


def test_a_failing_provisioner_fails_the_run_and_says_why(start, finish):
    outcome = finish(start("apply", FAILING, trusted=True))
    assert outcome.finished
    assert not outcome.ok
    assert "local-exec provisioner error" in outcome.message
    assert "exit status 3" in outcome.message


def test_a_failure_keeps_what_was_made_and_taints_the_rest(engine, start, finish):
    directory = start("apply", FAILING, trusted=True)
    finish(directory)
    tainted = {r.address: r.tainted for r in engine.state(directory).resources}
    assert tainted == {"terraform_data.first": False, "terraform_data.second": True}


def test_the_reason_of_a_failure_names_the_resource(engine, start, finish):
    directory = start("apply", FAILING, trusted=True)
    finish(directory)
    found = [event.diagnostic for event in engine.events(directory, 0)]
    assert [d.address for d in found if d] == ["terraform_data.second"]


def test_a_failed_resource_is_told(start, finish, status_of):
    directory = start("apply", FAILING, trusted=True)
    finish(directory)
    assert status_of(directory)[-1] == ("terraform_data.second", "CREATE_FAILED")


def test_a_valid_template_validates(start, finish):
    assert finish(start("validate", GREETING)).ok


def test_an_invalid_template_says_where(engine, start, finish):
    directory = start("validate", 'output "x" {\n  value = var.absent\n}\n')
    assert not finish(directory).ok
    [found] = [e.diagnostic for e in engine.events(directory, 0) if e.diagnostic]
    assert (found.file, found.line) == ("main.tf", 2)


def test_a_missing_provider_says_what_to_do(start, finish):
    outcome = finish(start("plan", 'resource "nobody_has_this" "x" {}\n'))
    assert not outcome.ok
    assert "hashicorp/nobody" in outcome.message
    assert "CONSOLE_PROVIDER_MIRROR" in outcome.message


def test_a_missing_provider_is_looked_for_in_the_mirror_alone(folder: Path, finish):
    mirror = folder / "mirror"
    mirror.mkdir()
    engine = Terraform(Settings(provider_mirror=str(mirror)))
    files = {"main.tf": 'resource "nobody_has_this" "x" {}\n'}
    engine.start(folder / "run", Order("plan", files))
    assert "dial tcp" not in finish(folder / "run").message


def test_a_provider_that_the_mirror_has_in_another_version_is_named(
    folder: Path, finish
):
    mirror = folder / "mirror"
    system = "linux_arm64" if platform.machine() == "aarch64" else "linux_amd64"
    for name in ("random", "null"):
        home = mirror / "registry.terraform.io/hashicorp" / name
        for version in ("3.7.2", "3.10.0-beta1", "3.10.0"):
            (home / version / system).mkdir(parents=True)
        (home / f"terraform-provider-{name}_3.6.1_{system}.zip").touch()
        (home / "9.9.9" / "windows_386").mkdir(parents=True)
    engine = Terraform(Settings(provider_mirror=str(mirror)))
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
def test_a_provider_of_nobody_we_know_is_not_asked_for(folder: Path, finish, action):
    """Nothing of it is looked up, and the message says who may allow it."""
    engine = Terraform(Settings(providers=("hashicorp/*", "aliyun/*")))
    with listening() as listener:
        files = {"main.tf": STRANGER.format(port=listener.port)}
        engine.start(folder / "run", Order(action, files))
        outcome = finish(folder / "run")
        assert listener.hits == 0
    assert not outcome.ok
    assert "evil/shell" in outcome.message
    assert "CONSOLE_PROVIDERS" in outcome.message


def test_where_any_provider_is_allowed_it_is_asked_for(folder: Path, finish):
    """So the test above would notice."""
    with listening() as listener:
        files = {"main.tf": STRANGER.format(port=listener.port)}
        Terraform(Settings()).start(folder / "run", Order("plan", files))
        outcome = finish(folder / "run")
        assert listener.hits > 0, outcome.message


def test_a_missing_binary_says_what_to_do(folder: Path):
    engine = Terraform(Settings(terraform_bin="/nonexistent/terraform"))
    with pytest.raises(EngineMissingError, match="CONSOLE_TERRAFORM_BIN"):
        engine.version()


def test_a_program_that_is_something_else_is_refused():
    with pytest.raises(EngineMissingError, match="neither Terraform nor OpenTofu"):
        Terraform(Settings(terraform_bin="/bin/true")).version()


def test_an_unreadable_state_is_never_taken_for_none(start):
    with pytest.raises(EngineError, match="Restore"):
        start("apply", GREETING, state=b"")


def test_a_directory_holds_one_run_only(engine, start, finish):
    directory = start("validate", GREETING)
    finish(directory)
    with pytest.raises(EngineError, match="already holds a run"):
        engine.start(directory, Order("validate", {"main.tf": GREETING}))


def test_a_forbidden_template_is_refused_again_at_its_start(start):
    with pytest.raises(EngineError, match=r"main.tf, line 5: Provisioners"):
        start("apply", FAILING)


def test_ephemeral_secrets_reach_plan_and_apply(start, finish):
    template = 'variable "once" {\n  type = string\n  ephemeral = true\n}\n'
    assert finish(start("apply", template, secrets={"once": "x"})).ok


def test_secrets_of_every_type_arrive(engine, start, finish):
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


def test_values_arrive_as_they_are(engine, start, finish):
    value = '${file("/etc/passwd")} %{ if true } "quoted" \\ \n -var=x'
    directory = start("apply", GREETING, parameters={"greeting": value})
    finish(directory)
    assert engine.state(directory).outputs[0].value == value


def test_cleaning_removes_everything(engine, start, finish):
    directory = start("plan", GREETING, parameters={"greeting": "x"})
    finish(directory)
    engine.clean(directory)
    assert not directory.exists()


def test_cleaning_can_keep_the_log(engine, start, finish):
    directory = start("plan", GREETING, parameters={"greeting": "x"})
    finish(directory)
    engine.clean(directory, keep_events=True)
    kept = {path.name for path in directory.iterdir()}
    assert kept == {"events.jsonl", "stages.jsonl", "exit.json", "lock"}
    assert "Plan: 1 to add" in said(engine.events(directory, 0))
