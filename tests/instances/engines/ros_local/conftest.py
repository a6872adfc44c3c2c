"""Fixtures that run ROS templates in the simulation."""

import json
from typing import Any

import pytest

from instances.engines import sandbox
from instances.engines.base import EngineMissingError, Settings
from instances.engines.ros_local import RosLocal
from tests.instances.engines.conftest import skip_without

PSEUDO = {
    "ALIYUN::Region": "cn-hangzhou",
    "ALIYUN::StackName": "sc-1466-pp-1",
    "ALIYUN::StackId": "6bca8e60-93c5-5a3f-8a65-5ba5d4f0c001",
    "ALIYUN::AccountId": "1466115886171234",
    "ALIYUN::TenantId": "1466115886171234",
}


def document(
    resources: dict[str, Any] | None = None, **sections: Any
) -> dict[str, Any]:
    """Return a ROS template with these resources and sections."""
    head = {"ROSTemplateFormatVersion": "2015-09-01", "Resources": resources or {}}
    return head | sections


@pytest.fixture
def engine() -> RosLocal:
    engine = RosLocal(Settings())
    try:
        engine.version()
    except EngineMissingError:
        skip_without("Terraform or OpenTofu")
    if not sandbox.available():
        skip_without("landlock")
    return engine


@pytest.fixture
def run(start, finish):
    """Run a template to its end; return the directory of the run."""

    def run(action, body, *, ok=True, parameters=None, **facts):
        files = {"template.json": json.dumps(body)}
        values = {**PSEUDO, **(parameters or {})}
        directory = start(action, files, parameters=values, **facts)
        outcome = finish(directory)
        assert outcome.ok is ok, outcome.message
        return directory

    return run


@pytest.fixture
def outputs(engine, run):
    """Launch a template with these outputs; return their values."""

    def outputs(values, **sections):
        told = {name: {"Value": value} for name, value in values.items()}
        directory = run("apply", document(Outputs=told, **sections))
        return {each.key: each.value for each in engine.state(directory).outputs}

    return outputs
