"""Runs of the engine `ros` against a cloud on loopback."""

import json
import os
from dataclasses import replace

import pytest

from instances.engines.base import Order, Settings, Stack
from instances.engines.ros import Ros
from instances.engines.ros.document import SECRET, document_of, texts
from instances.engines.ros.driver import Driver
from tests.ros_server import CREDENTIALS, serving
from tests.waiting import wait_for

NETWORK = {
    "ROSTemplateFormatVersion": "2015-09-01",
    "Parameters": {
        "Cidr": {"Type": "String"},
        "Password": {"Type": "String", "NoEcho": True},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a"},
        "Public": {"Type": "Boolean", "Default": False},
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
        "Secret": {"Value": {"Ref": "Password"}, "NoEcho": True},
    },
}
PACE = 0.01


@pytest.fixture(scope="session")
def running_cloud():
    with serving() as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud):
    running_cloud.reset()
    return running_cloud


class InProcess(Ros):
    """The engine with its driver in this process, which saves a second for each run."""

    driver_class = Driver

    def _drive(self, directory, given, *, again=False):
        template = document_of(given.files) if given.files else {}
        secrets = texts(template, given.secrets)
        environment = {
            **given.environment,
            **{SECRET + key: value for key, value in secrets.items()},
        }
        run = json.loads((directory / "run.json").read_bytes())
        driver = self.driver_class(str(directory), run, environment)
        try:
            driver.run_stages()
        finally:
            os.close(driver.log)
            os.close(driver.exit)


@pytest.fixture
def engine(cloud):
    return InProcess(Settings(ros_endpoint=cloud.endpoint, ros_pace=PACE))


@pytest.fixture
def detached(cloud):
    """The engine with its driver in a process of its own."""
    return Ros(Settings(ros_endpoint=cloud.endpoint, ros_pace=PACE))


def order(action="apply", *, token="task-1", document=NETWORK, **changed):
    """Return an order for the network, of which `task-1` is the first change."""
    values = {
        "files": {"template.json": json.dumps(document)},
        "parameters": {"Cidr": "10.0.0.0/8", "Zones": ["a", "b"], "Public": True},
        "secrets": {"Password": "s3cret-of-alice"},
        "environment": CREDENTIALS,
        "stack": Stack(
            region="cn-hangzhou",
            name="sc-1-pp-1",
            label="pp-1",
            token=token,
            role="launcher",
            tags={"team": "web"},
        ),
    }
    return Order(action=action, **{**values, **changed})


def other(cidr="10.1.0.0/16", **changed):
    """Return an order with another network address, which is an update."""
    parameters = {"Cidr": cidr, "Zones": ["a", "b"], "Public": True}
    return order(parameters=parameters, **changed)


@pytest.fixture
def finish(engine):
    """Wait for the end of a run; restart a dead driver, as a worker does."""

    def to_the_end(directory, given, engine=engine):
        while True:
            outcome = wait_for(lambda: engine.outcome(directory))
            if outcome.finished or not outcome.applying:
                return outcome
            if not engine.resume(directory, given, 0):
                return outcome

    return to_the_end


@pytest.fixture
def run(engine, finish, tmp_path):
    """Run an order to its end; return its directory and outcome."""
    count = iter(range(100))

    def carry_out(given):
        directory = tmp_path / f"run-{next(count)}"
        engine.start(directory, given)
        return directory, finish(directory, given)

    return carry_out


@pytest.fixture
def launched(engine, run):
    """The state of a stack that was created."""
    directory, outcome = run(order())
    assert outcome.ok, outcome.message
    return engine.state(directory)


def on(state, given):
    """Return an order for a stack with this state."""
    return replace(given, state=state.body)
