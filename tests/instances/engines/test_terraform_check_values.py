"""The judgement of values by a plan of variables alone."""

import pytest

from instances.engines.base import Settings
from instances.engines.terraform import Terraform

pytestmark = pytest.mark.engine

NUMBER = """
variable "size" {
  type = number
  validation {
    condition     = var.size < 5
    error_message = "At most four."
  }
}
"""
PAIR = """
variable "low" {
  type = number
}
variable "high" {
  type = number
  validation {
    condition     = var.high > var.low
    error_message = "High must be above low."
  }
}
locals {
  range = var.high - var.low
}
"""
TOKEN = """
variable "token" {
  type      = string
  sensitive = true
  validation {
    condition     = length(var.token) > 8
    error_message = "Longer, please."
  }
}
"""

SLOW = """#!/bin/sh
if [ "$1" = version ]; then echo Terraform v1.11.4; else sleep 60; fi
"""


def test_good_values_have_no_errors(engine):
    assert engine.check_values({"variables.tf": NUMBER}, {"size": 4}, {}) == []


def test_a_value_of_the_wrong_type_names_its_variable(engine):
    [error] = engine.check_values({"variables.tf": NUMBER}, {"size": "x"}, {})
    assert error.variable == "size"
    assert "a number is required" in error.detail


def test_a_broken_rule_is_told_in_its_own_words(engine):
    [error] = engine.check_values({"variables.tf": NUMBER}, {"size": 9}, {})
    assert error.variable == "size"
    assert error.detail.startswith("At most four.")


def test_a_missing_value_names_its_variable(engine):
    [error] = engine.check_values({"variables.tf": NUMBER}, {}, {})
    assert (error.variable, error.summary) == ("size", "No value for required variable")


def test_rules_may_look_at_other_variables(engine):
    values = {"low": 5, "high": 3}
    [error] = engine.check_values({"variables.tf": PAIR}, values, {})
    assert error.variable == "high"


def test_secrets_are_checked_too(engine):
    [error] = engine.check_values({"variables.tf": TOKEN}, {}, {"token": "short"})
    assert error.variable == "token"


def test_a_secret_is_not_shown(engine):
    found = engine.check_values({"variables.tf": TOKEN}, {}, {"token": "sh0rt-1"})
    assert "sh0rt-1" not in repr(found)


def test_it_leaves_nothing_behind(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    engine.check_values({"variables.tf": NUMBER}, {"size": 1}, {})
    assert list(tmp_path.iterdir()) == []


def test_it_reads_nothing_of_this_machine(engine):
    text = 'variable "x" {\n  validation {\n    condition = file("/etc/passwd") == ""\n'
    text += '    error_message = "${file("/etc/passwd")}"\n  }\n}\n'
    found = engine.check_values({"variables.tf": text}, {"x": "1"}, {})
    assert found
    assert "root:" not in repr(found)


def test_an_answer_that_takes_too_long_is_none(engine, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text(SLOW)
    slow.chmod(0o755)
    engine = Terraform(Settings(terraform_bin=str(slow)))
    assert engine.check_values({"variables.tf": NUMBER}, {"size": 1}, {}) is None
