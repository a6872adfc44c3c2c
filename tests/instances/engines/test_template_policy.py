"""The template policy is handed to the engines, which start no run without one."""

import pytest

from catalog.models.hooks import HOOKS, Hooks
from catalog.terraform.policy import violations
from instances.engine_setup import engine_settings
from instances.engines.base import EngineError, Order, Settings
from instances.engines.ros_local import problems
from instances.engines.terraform import Terraform
from instances.models.check import check_version


@pytest.mark.parametrize("trusted", [False, True])
def test_engine_without_a_policy_starts_no_run(tmp_path, trusted):
    order = Order("plan", {"main.tf": ""}, trusted=trusted)
    with pytest.raises(EngineError, match="no template policy"):
        Terraform(Settings()).start(tmp_path / "run", order)
    assert not (tmp_path / "run").exists()


def test_engine_refuses_a_violation_of_its_policy(tmp_path):
    files = {"main.tf": 'data "external" "x" {\n}\n'}
    engine = Terraform(Settings(template_policy=violations))
    with pytest.raises(EngineError, match=r"main\.tf, line 1"):
        engine.start(tmp_path / "run", Order("plan", files))
    assert not (tmp_path / "run").exists()


def test_deployment_hands_the_policy_to_its_engines(db):
    assert engine_settings().template_policy is violations


def test_checks_of_documents_and_versions_are_registered():
    assert HOOKS.document_problems is problems
    assert HOOKS.queue_version_check is check_version


def test_missing_checks_are_refused(bob):
    with pytest.raises(RuntimeError):
        Hooks().document_problems({})
    with pytest.raises(RuntimeError):
        Hooks().queue_version_check(None, by=bob)
