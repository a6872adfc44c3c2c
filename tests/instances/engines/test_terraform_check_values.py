"""The check of values by a plan of variables."""

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


def test_valid_values_have_no_errors(engine):
    assert engine.check_values({"variables.tf": NUMBER}, {"size": 4}, {}) == []


def test_wrong_type_names_its_variable(engine):
    [error] = engine.check_values({"variables.tf": NUMBER}, {"size": "x"}, {})
    assert error.variable == "size"
    assert "a number is required" in error.detail


def test_failed_validation_has_its_own_message(engine):
    [error] = engine.check_values({"variables.tf": NUMBER}, {"size": 9}, {})
    assert error.variable == "size"
    assert error.detail.startswith("At most four.")


def test_missing_value_names_its_variable(engine):
    [error] = engine.check_values({"variables.tf": NUMBER}, {}, {})
    assert (error.variable, error.summary) == ("size", "No value for required variable")


def test_validation_may_refer_to_other_variables(engine):
    values = {"low": 5, "high": 3}
    [error] = engine.check_values({"variables.tf": PAIR}, values, {})
    assert error.variable == "high"


def test_secret_values_are_checked(engine):
    [error] = engine.check_values({"variables.tf": TOKEN}, {}, {"token": "short"})
    assert error.variable == "token"


def test_error_does_not_show_a_secret(engine):
    found = engine.check_values({"variables.tf": TOKEN}, {}, {"token": "sh0rt-1"})
    assert "sh0rt-1" not in repr(found)


def test_check_leaves_no_files(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    engine.check_values({"variables.tf": NUMBER}, {"size": 1}, {})
    assert list(tmp_path.iterdir()) == []


def test_check_cannot_read_files_of_the_machine(engine):
    text = 'variable "x" {\n  validation {\n    condition = file("/etc/passwd") == ""\n'
    text += '    error_message = "${file("/etc/passwd")}"\n  }\n}\n'
    found = engine.check_values({"variables.tf": text}, {"x": "1"}, {})
    assert found
    assert "root:" not in repr(found)


def test_slow_check_returns_none(engine, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text(SLOW)
    slow.chmod(0o755)
    engine = Terraform(Settings(terraform_bin=str(slow)))
    assert engine.check_values({"variables.tf": NUMBER}, {"size": 1}, {}) is None
