"""Saved plans: their changes and their execution."""

import pytest

from instances.engines.base import Change

pytestmark = pytest.mark.engine

TEMPLATE = """
variable "size" {
  type = number
}
variable "password" {
  type      = string
  sensitive = true
}
resource "terraform_data" "disk" {
  input            = { size = var.size, password = var.password }
  triggers_replace = var.size
}
resource "terraform_data" "label" {
  input = "v${var.size}"
}
"""
SECRETS = {"password": "hunter2-hunter2"}


@pytest.fixture
def plan(start, finish):
    """Plan the template with a size; return the directory."""

    def make(size: int, action: str = "plan", **facts):
        values = {"size": size}
        directory = start(action, TEMPLATE, parameters=values, secrets=SECRETS, **facts)
        assert finish(directory).ok
        return directory

    return make


@pytest.fixture
def planned_state(engine, plan):
    return engine.state(plan(1, "apply")).body


@pytest.fixture
def changes(engine, plan, planned_state):
    """The changes of a larger size, by address."""
    return {
        change.address: change
        for change in engine.changes(plan(2, state=planned_state))
    }


def test_plan_writes_no_state(engine, plan):
    assert engine.state(plan(1)) is None


def test_plan_of_new_resources_adds(engine, plan):
    assert {change.action for change in engine.changes(plan(1))} == {"Add"}


def test_replacement_has_its_reason_and_paths(changes: dict[str, Change]):
    change = changes["terraform_data.disk"]
    assert change.action == "Replace"
    assert change.reason == "replace_because_cannot_update"
    assert change.replace_paths == [["triggers_replace"]]


def test_update_has_values_before_and_after(changes: dict[str, Change]):
    change = changes["terraform_data.label"]
    assert change.action == "Modify"
    assert (change.before["input"], change.after["input"]) == ("v1", "v2")


def test_unknown_value_is_marked(changes: dict[str, Change]):
    assert changes["terraform_data.label"].after["output"] == "(known after apply)"


def test_sensitive_values_are_masked(changes: dict[str, Change]):
    assert changes["terraform_data.disk"].after["input"] == "******" or (
        changes["terraform_data.disk"].after["input"]["password"] == "******"
    )


def test_plan_without_changes_has_no_changes(engine, plan, planned_state):
    changes = engine.changes(plan(1, state=planned_state))
    assert {change.action for change in changes} == {"None"}


def test_plan_to_destroy_removes(engine, plan, planned_state):
    changes = engine.changes(plan(1, "plan-destroy", state=planned_state))
    assert {change.action for change in changes} == {"Remove"}


def test_saved_plan_is_executed_in_another_directory(engine, plan):
    saved = engine.plan_file(plan(1))
    directory = plan(1, "apply", plan=saved)
    assert len(engine.state(directory).resources) == 2


def test_saved_plan_is_executed_with_its_own_values(engine, plan):
    saved = engine.plan_file(plan(1))
    directory = plan(7, "apply", plan=saved)
    attributes = engine.state(directory).body
    assert b'"v1"' in attributes
    assert b'"v7"' not in attributes


def test_saved_plan_is_not_planned_again(engine, start, finish, plan):
    saved = engine.plan_file(plan(1))
    values = {"size": 1}
    directory = start("apply", TEMPLATE, parameters=values, secrets=SECRETS, plan=saved)
    assert list(finish(directory).stages) == ["init", "apply"]


def test_saved_plan_to_destroy_is_executed(engine, plan, planned_state):
    saved = engine.plan_file(plan(1, "plan-destroy", state=planned_state))
    directory = plan(1, "destroy", plan=saved, state=planned_state)
    assert engine.state(directory).resources == []


def test_stale_plan_is_refused_with_advice(engine, start, finish, plan):
    saved = engine.plan_file(plan(1))
    moved = engine.state(plan(1, "apply")).body
    directory = start("apply", TEMPLATE, secrets=SECRETS, plan=saved, state=moved)
    outcome = finish(directory)
    assert not outcome.ok
    assert outcome.message.startswith("Saved plan is stale.")
    assert outcome.message.endswith("Create a new plan.")
