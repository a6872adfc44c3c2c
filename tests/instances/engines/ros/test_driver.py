"""The driver as a process: its secrets, cancellation and death."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from instances.engines import processes
from instances.engines.base import EngineError, EngineMissingError
from instances.engines.ros import engine as engine_module
from tests.instances.engines.ros.conftest import on, order, other, wait_for

pytestmark = pytest.mark.process


def started(detached, cloud, directory, given=None, **knobs):
    """Start a launch that takes a while."""
    cloud.set(**{"step": 0.4, **knobs})
    detached.start(directory, given or order())


def messages(detached, directory):
    return [event.message for event in detached.events(directory, 0, 1000)]


def driver_of(directory):
    return int((directory / "pid").read_text().split()[0])


def test_no_secret_is_on_the_command_line_or_in_a_file(
    detached, cloud, tmp_path, finish
):
    started(detached, cloud, tmp_path / "x")
    wait_for(lambda: cloud.stacks)
    pid = driver_of(tmp_path / "x")
    line = Path(f"/proc/{pid}/cmdline").read_bytes()
    written = b"".join(
        path.read_bytes() for path in (tmp_path / "x").iterdir() if path.is_file()
    )
    for secret in (b"s3cret-of-alice", b"LTAI-test-key", b"test-secret-of-the-key"):
        assert secret not in line
        assert secret not in written
    assert finish(tmp_path / "x", order(), detached).ok


def test_driver_outlives_its_worker(detached, cloud, tmp_path, finish):
    child = os.fork()
    if not child:
        started(detached, cloud, tmp_path / "x")
        os._exit(0)
    os.waitpid(child, 0)
    assert finish(tmp_path / "x", order(), detached).ok


@pytest.mark.parametrize("moment", ["asked", "accepted"])
def test_restarted_driver_makes_no_second_stack(
    detached, cloud, tmp_path, finish, moment
):
    directory = tmp_path / "x"
    started(detached, cloud, directory)
    wait_for(lambda: f'"{moment}":' in _text(directory / "journal.json"))
    os.kill(driver_of(directory), signal.SIGKILL)
    outcome = wait_for(lambda: detached.outcome(directory))
    assert not outcome.finished
    assert outcome.applying
    assert finish(directory, order(), detached).ok
    assert len(cloud.stacks) == 1
    lines = messages(detached, directory)
    assert lines.count("Vpc: CREATE_COMPLETE") == 1
    assert lines.count("Server: CREATE_COMPLETE") == 1


def test_run_of_a_lost_host_is_resumed_elsewhere(detached, cloud, tmp_path, finish):
    directory = tmp_path / "x"
    started(detached, cloud, directory)
    wait_for(lambda: "Vpc: CREATE_COMPLETE" in messages(detached, directory))
    read = detached.events(directory, 0, 1000)
    processes.kill(directory)
    shutil.rmtree(directory)
    assert detached.resume(directory, order(), read[-1].end)
    assert finish(directory, order(), detached).ok
    assert len(cloud.stacks) == 1
    assert detached.state(directory).stack_id == cloud.stacks[0]["id"]
    new = [event.message for event in detached.events(directory, read[-1].end)]
    assert "Server: CREATE_COMPLETE" in new


def test_repeated_order_goes_on_with_its_stack(detached, cloud, tmp_path, finish):
    """As after the loss of a host before any worker read that its run applies."""
    started(detached, cloud, tmp_path / "x")
    wait_for(lambda: cloud.stacks)
    processes.kill(tmp_path / "x")
    saved = detached.plan_file(tmp_path / "x")
    detached.start(tmp_path / "y", order(plan=saved))
    assert finish(tmp_path / "y", order(), detached).ok
    assert len(cloud.stacks) == 1


def test_cancel_requests_a_cancellation_from_the_cloud(
    detached, cloud, tmp_path, finish
):
    directory = tmp_path / "x"
    started(detached, cloud, directory, step=1.0)
    wait_for(lambda: cloud.stacks)
    assert detached.cancel(directory)
    outcome = finish(directory, order(), detached)
    assert not outcome.ok
    assert outcome.canceled
    assert cloud.calls("CancelStackOperation") == [""]
    assert cloud.stacks[0]["status"] == "CREATE_ROLLBACK_COMPLETE"


def test_second_cancel_is_quick(detached, cloud, tmp_path, finish):
    directory = tmp_path / "x"
    started(detached, cloud, directory, step=1.0)
    wait_for(lambda: cloud.stacks)
    driver = driver_of(directory)
    os.kill(driver, signal.SIGSTOP)
    assert detached.cancel(directory)
    os.kill(driver, signal.SIGTERM)
    os.kill(driver, signal.SIGCONT)
    assert finish(directory, order(), detached).canceled
    assert "Cancellation requested (Quick)." in messages(detached, directory)


def test_early_cancel_requests_no_change(detached, cloud, tmp_path, finish):
    directory = tmp_path / "x"
    cloud.set(faults=[["ListStacks", "throttle"]] * 200)
    detached.start(directory, order())
    wait_for(lambda: cloud.calls("ListStacks"))
    assert detached.cancel(directory)
    outcome = finish(directory, order(), detached)
    assert outcome.canceled
    assert not outcome.applying
    assert cloud.stacks == []


def test_forced_cancel_is_refused_while_the_cloud_answers(
    detached, cloud, tmp_path, finish
):
    directory = tmp_path / "x"
    started(detached, cloud, directory)
    wait_for(lambda: cloud.stacks)
    assert detached.cancel(directory, force=True)
    assert finish(directory, order(), detached).ok


def test_driver_without_answers_is_killed_and_not_resumed(detached, cloud, tmp_path):
    directory = tmp_path / "x"
    started(detached, cloud, directory, faults=[["CreateStack", "drop_after"]] * 500)
    wait_for(lambda: cloud.stacks)
    os.utime(directory / "heard", (0, 0))
    assert detached.cancel(directory, force=True)
    outcome = wait_for(lambda: detached.outcome(directory))
    assert not outcome.finished
    assert not detached.resume(directory, order(), 0)
    # No answer said that the stack exists, but a termination must look for it.
    state = detached.state(directory)
    assert state.stack
    assert state.stack_id == ""


def test_termination_finds_the_stack_of_a_killed_driver(
    detached, engine, run, cloud, tmp_path
):
    test_driver_without_answers_is_killed_and_not_resumed(detached, cloud, tmp_path)
    cloud.set(faults=[], step=0.01)
    state = detached.state(tmp_path / "x")
    _, outcome = run(on(state, order("destroy", token="task-2")))
    assert outcome.ok, outcome.message
    assert cloud.living == []


def test_driver_is_not_resumed_after_too_many_deaths(detached, cloud, tmp_path):
    directory = tmp_path / "x"
    started(detached, cloud, directory)
    processes.kill(directory)
    (directory / engine_module.RESUMES).write_bytes(b"." * engine_module.MAX_RESUMES)
    wait_for(lambda: detached.outcome(directory))
    assert not detached.resume(directory, order(), 0)


def test_region_without_credentials_is_refused(detached, tmp_path):
    with pytest.raises(EngineError, match="ALIBABA_CLOUD_ACCESS_KEY_ID"):
        detached.start(tmp_path / "x", order(environment={}))


def test_missing_sdk_has_advice(detached, tmp_path, monkeypatch):
    monkeypatch.setattr(engine_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineMissingError, match=r"\[ros\]"):
        detached.start(tmp_path / "x", order())


def test_terraform_state_is_refused(detached, tmp_path):
    given = order(state=b'{"version": 4, "serial": 1, "lineage": "x"}')
    with pytest.raises(EngineError, match="not belong to a stack"):
        detached.start(tmp_path / "x", given)


def test_too_many_tags_are_refused(detached, tmp_path):
    stack = order().stack
    many = {f"key-{number}": "x" for number in range(20)}
    given = order(stack=stack.__class__(**{**stack.__dict__, "tags": many}))
    with pytest.raises(EngineError, match="19 tags"):
        detached.start(tmp_path / "x", given)


def test_update_survives_the_death_of_its_driver(
    detached, engine, launched, cloud, tmp_path, finish
):
    directory = tmp_path / "y"
    given = on(launched, other(token="task-2"))
    started(detached, cloud, directory, given)
    wait_for(lambda: cloud.stacks[0]["status"] == "UPDATE_IN_PROGRESS")
    os.kill(driver_of(directory), signal.SIGKILL)
    assert finish(directory, given, detached).ok
    assert cloud.stacks[0]["parameters"]["Cidr"] == "10.1.0.0/16"
    assert cloud.calls("UpdateStack").count("") == 1


def _text(path):
    return path.read_text() if path.exists() else ""
