"""Faults between the engine and the cloud, at each call and at random.

`ROS_FAULTS=200` sets how many stacks the random test takes through their lives, and
`ROS_SEED` where it begins; it prints what it did.
"""

import os
import random
import shutil
from collections import Counter

import pytest

from instances.engines.base import Settings
from instances.engines.ros.driver import Driver
from tests.instances.engines.ros.conftest import InProcess, on, order, other, wait_for
from tests.ros_cloud import KINDS

ACTIONS = (
    "ListStacks",
    "PreviewStack",
    "CreateStack",
    "GetStack",
    "ListStackEvents",
    "ListStackResources",
)


class DriverKilledError(BaseException):
    """The death of a driver."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", ACTIONS)
def test_launch_survives_each_fault_of_each_call(action, kind, run, cloud, engine):
    cloud.set(faults=[[action, kind]] * 3)
    directory, outcome = run(order())
    assert outcome.ok, outcome.message
    assert len(cloud.stacks) == 1
    assert engine.state(directory).stack_id == cloud.stacks[0]["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_update_survives_each_fault(kind, run, cloud, launched):
    cloud.set(faults=[["UpdateStack", kind]] * 3)
    _, outcome = run(on(launched, other(token="task-2")))
    assert outcome.ok, outcome.message
    assert cloud.stacks[0]["parameters"]["Cidr"] == "10.1.0.0/16"
    assert cloud.calls("UpdateStack") == [kind] * 3 + [""]


@pytest.mark.parametrize("kind", KINDS)
def test_termination_survives_each_fault(kind, run, cloud, launched):
    cloud.set(faults=[["DeleteStack", kind]] * 3)
    _, outcome = run(on(launched, order("destroy", token="task-2")))
    assert outcome.ok, outcome.message
    assert cloud.living == []


def test_refused_creation_is_not_repeated(run, cloud, engine):
    cloud.set(regions=["cn-shanghai"])
    directory, outcome = run(order())
    assert not outcome.ok
    assert "InvalidRegionId" in outcome.message
    assert cloud.stacks == []
    assert engine.state(directory) is None


def test_stack_is_found_by_name_when_its_token_is_forgotten(run, cloud):
    cloud.set(tokens=False, faults=[["CreateStack", "drop_after"]])
    _, outcome = run(order())
    assert outcome.ok, outcome.message
    assert len(cloud.stacks) == 1


def test_update_without_answer_and_token_succeeds(run, cloud, launched):
    """The repeated update is refused because nothing would change."""
    cloud.set(tokens=False, step=0, faults=[["UpdateStack", "drop_after"]])
    _, outcome = run(on(launched, other(token="task-2")))
    assert outcome.ok, outcome.message
    assert cloud.stacks[0]["parameters"]["Cidr"] == "10.1.0.0/16"


def test_token_alone_prevents_a_second_stack(run, cloud):
    cloud.set(names=False, lag=3600, faults=[["CreateStack", "drop_after"]])
    _, outcome = run(order())
    assert outcome.ok, outcome.message
    assert len(cloud.stacks) == 1


def test_text_of_a_network_error_is_not_logged(run, cloud, engine):
    """It quotes the URL of the request, and with it every parameter."""
    cloud.set(faults=[["CreateStack", "drop_before"]])
    directory, outcome = run(order())
    assert outcome.ok
    log = (directory / "events.jsonl").read_text()
    assert "did not return a valid response" in log
    assert "s3cret" not in log
    assert "ParameterValue" not in log


class Chance:
    """Decides when a driver dies; a seed repeats its decisions."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.deaths = 0
        self.rest()

    def rest(self):
        self.countdown = self.random.randint(1, 60)

    def strike(self, *, hot=False):
        """Die sometimes, and often around a call that changes a stack."""
        self.countdown -= 1
        now = self.countdown <= 0 or (hot and self.random.random() < 0.3)
        if now and self.deaths < 8:
            self.deaths += 1
            self.rest()
            raise DriverKilledError


def mortal(chance):
    """Return an engine whose driver may die before and after each call and each write."""

    class Mortal(Driver):
        def __init__(self, *args):
            super().__init__(*args)
            call_once, note = self.context.cloud.call_once, self.context.note

            def dangerous(operation, **fields):
                hot = operation in ("CreateStack", "UpdateStack", "DeleteStack")
                chance.strike(hot=hot)
                body = call_once(operation, **fields)
                chance.strike(hot=hot)
                return body

            def mortal_note(**facts):
                chance.strike()
                note(**facts)
                chance.strike()

            self.context.cloud.call_once = dangerous
            self.context.note = mortal_note

        def _write(self, line):
            super()._write(line)
            chance.strike()

    class Dying(InProcess):
        driver_class = Mortal

        def _drive(self, *args, **options):
            try:
                super()._drive(*args, **options)
            except DriverKilledError:
                return

    return Dying


class Life:
    """One stack from launch to termination, with faults, deaths and lost hosts."""

    def __init__(self, cloud, folder, seed):
        self.cloud, self.folder = cloud, folder
        self.random = random.Random(seed)
        self.chance = Chance(seed)
        knobs = self.random.choice(
            [
                {"tokens": True, "names": True},
                {"tokens": False, "names": True},
                {"tokens": True, "names": False, "lag": 3600},
            ]
        )
        knobs["rate"] = self.random.choice([0, 0.1, 0.3])
        knobs["old_status"] = self.random.choice([0, 0.005])
        cloud.reset(seed=seed, step=0, **knobs)
        self.engine = mortal(self.chance)(
            Settings(ros_endpoint=cloud.endpoint, ros_pace=0.001)
        )
        self.lost = 0

    def carry_out(self, name, given):
        """Repeat dead previews and resume dead changes, as a worker does."""
        for attempt in range(20):
            directory = self.folder / f"{name}-{attempt}"
            self.engine.start(directory, given)
            outcome = self.follow(directory, given)
            if outcome.finished:
                return directory, outcome
        pytest.fail("died over and over")

    def follow(self, directory, given):
        while True:
            outcome = wait_for(lambda: self.engine.outcome(directory))
            if outcome.finished or not outcome.applying:
                return outcome
            offset = 0
            if self.random.random() < 0.2:
                offset = (directory / "events.jsonl").stat().st_size
                shutil.rmtree(directory)
                self.lost += 1
            assert self.engine.resume(directory, given, offset)

    def live(self):
        """Launch, update and terminate; compare each state with the cloud."""
        directory, outcome = self.carry_out("launch", order())
        assert outcome.ok, outcome.message
        self.check_one(directory, "10.0.0.0/8")
        state = self.engine.state(directory)
        given = on(state, other(token="task-2"))
        directory, outcome = self.carry_out("update", given)
        assert outcome.ok, outcome.message
        self.check_one(directory, "10.1.0.0/16")
        given = on(self.engine.state(directory), order("destroy", token="task-3"))
        directory, outcome = self.carry_out("terminate", given)
        assert outcome.ok, outcome.message
        assert self.cloud.living == []
        assert not self.engine.state(directory).stack

    def check_one(self, directory, cidr):
        seen = self.cloud.set()
        assert len(seen["created"]) == 1
        (stack,) = seen["stacks"]
        assert stack["status"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        assert stack["parameters"]["Cidr"] == cidr
        state = self.engine.state(directory)
        assert state.stack_id == stack["id"]
        assert [r.address for r in state.resources] == ["Vpc", "Server"]
        told = Counter(
            (e.resource.address, e.resource.status)
            for e in self.engine.events(directory, 0, 1000)
            if e.resource
        )
        assert not [each for each, times in told.items() if times > 1]


def test_random_faults_never_make_a_second_stack(cloud, tmp_path):
    lives = int(os.environ.get("ROS_FAULTS", "8"))
    first = int(os.environ.get("ROS_SEED", "1"))
    faults, deaths, lost = 0, 0, 0
    for seed in range(first, first + lives):
        life = Life(cloud, tmp_path / str(seed), seed)
        try:
            life.live()
        except BaseException as error:
            error.add_note(f"ROS_SEED={seed} ROS_FAULTS=1")
            raise
        faults += sum(bool(kind) for _, kind in cloud.set()["calls"])
        deaths += life.chance.deaths
        lost += life.lost
        shutil.rmtree(tmp_path / str(seed))
    print(
        f"\n{lives} stacks launched, updated and terminated from seed {first}: "
        f"{faults} faults of the cloud, {deaths} deaths of the driver, {lost} lost "
        "hosts, 0 stacks made twice"
    )
    assert faults + deaths + lost > lives
