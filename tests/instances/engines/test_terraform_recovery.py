"""Runs whose worker, launcher or tool is killed or canceled."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.terraform.policy import violations
from instances.engines import processes
from instances.engines.base import Order, Settings
from instances.engines.terraform import Terraform
from tests.instances.engines.conftest import log_text, wait_for

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[3]
# Each step waits for a file, so that no test depends on how fast this machine is.
STEPS = """
resource "terraform_data" "first" {}
resource "terraform_data" "second" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" {
    command = "while [ ! -e ../go ]; do sleep 0.05; done; echo gone on"
  }
}
resource "terraform_data" "third" {
  depends_on = [terraform_data.second]
}
"""
WORKER = """
import json, sys, time
from pathlib import Path
from catalog.terraform.policy import violations
from instances.engines.base import Order, Settings
from instances.engines.terraform import Terraform

directory, template = Path(sys.argv[1]), sys.stdin.read()
order = Order("apply", {"main.tf": template}, trusted=True)
Terraform(Settings(template_policy=violations)).start(directory, order)
print("started", flush=True)
time.sleep(600)
"""


def wait_for_second(engine, directory: Path) -> None:
    """Wait until the second resource is being created."""
    wait_for(
        lambda: "second: Provisioning with" in log_text(engine.events(directory, 0))
    )


def release(directory: Path) -> None:
    (directory / "go").touch()


@pytest.fixture
def running(engine, start):
    """A run in the middle of its second resource."""
    directory = start("apply", STEPS, trusted=True)
    wait_for_second(engine, directory)
    return directory


@pytest.fixture
def orphan(engine, folder: Path):
    """The same with its worker killed."""
    directory = folder / "orphan"
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(directory)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    worker.stdin.write(STEPS)
    worker.stdin.close()
    assert worker.stdout.readline() == "started\n"
    wait_for_second(engine, directory)
    worker.kill()
    worker.wait()
    worker.stdout.close()
    yield directory
    engine.cancel(directory, force=True)


def launcher_id(directory: Path) -> int:
    return int((directory / "pid").read_text().split()[0])


def test_run_is_alive_when_start_returns(engine, start):
    assert engine.alive(start("apply", STEPS, trusted=True))


def test_running_run_has_no_outcome(engine, running):
    assert engine.outcome(running) is None


def test_run_outlives_its_worker(orphan, finish):
    release(orphan)
    assert finish(orphan).ok


def test_another_worker_reads_each_event_once(orphan, finish):
    before = Terraform(Settings()).events(orphan, 0)
    release(orphan)
    finish(orphan)
    after = Terraform(Settings()).events(orphan, before[-1].end)
    size = (orphan / "events.jsonl").stat().st_size
    spans = [(event.offset, event.end) for event in before + after]
    starts = [0, *(end for _, end in spans)]
    assert [start for start, _ in spans] == starts[:-1]
    assert starts[-1] == size


def test_run_of_a_dead_worker_can_be_canceled(engine, orphan, finish):
    assert engine.cancel(orphan)
    assert finish(orphan).canceled


def test_run_killed_with_its_launcher_is_not_finished(engine, running, finish):
    os.killpg(launcher_id(running), signal.SIGKILL)
    outcome = finish(running)
    assert not outcome.finished
    assert outcome.applying
    assert outcome.message == "The run was killed during apply."


def test_log_has_the_operations_that_a_kill_interrupted(
    engine, running, finish, status_of
):
    os.killpg(launcher_id(running), signal.SIGKILL)
    finish(running)
    assert dict(status_of(running)) == {
        "terraform_data.first": "CREATE_COMPLETE",
        "terraform_data.second": "CREATE_IN_PROGRESS",
    }


def test_state_survives_a_kill(engine, running, finish):
    os.killpg(launcher_id(running), signal.SIGKILL)
    finish(running)
    assert "terraform_data.first" in {
        r.address for r in engine.state(running).resources
    }


def test_run_is_alive_while_a_provisioner_runs(engine, running, finish):
    [tool] = child_ids(launcher_id(running))
    os.kill(tool, signal.SIGKILL)
    wait_for((running / "exit.json").exists)
    assert engine.outcome(running) is None
    release(running)
    assert not finish(running).finished


def test_cancel_interrupts_the_tool_without_a_launcher(engine, running, finish):
    os.kill(launcher_id(running), signal.SIGKILL)
    wait_for(lambda: processes.start_time(launcher_id(running)) is None)
    assert engine.cancel(running)
    assert not finish(running).finished


def test_canceled_apply_stops_gracefully(engine, running, finish):
    engine.cancel(running)
    outcome = finish(running)
    assert (outcome.finished, outcome.canceled, outcome.ok) == (True, True, False)
    assert outcome.message == "Canceled during apply."


def test_canceled_apply_keeps_the_resource_it_was_creating(engine, running, finish):
    engine.cancel(running)
    finish(running)
    tainted = {r.address: r.tainted for r in engine.state(running).resources}
    assert tainted == {"terraform_data.first": False, "terraform_data.second": True}


def test_canceled_plan_starts_no_later_stage(engine, start, finish):
    directory = start("apply", STEPS, trusted=True)
    engine.cancel(directory)
    outcome = finish(directory)
    assert outcome.canceled
    assert not outcome.applying


def test_forced_cancel_kills_every_process(engine, running, finish):
    assert engine.cancel(running, force=True)
    wait_for(lambda: not engine.alive(running))
    assert not finish(running).finished


def test_cancel_of_an_ended_run_returns_false(engine, start, finish):
    directory = start("validate", STEPS, trusted=True)
    finish(directory)
    wait_for(lambda: not engine.alive(directory))
    assert not engine.cancel(directory)


def test_other_process_with_the_same_id_gets_no_signal(engine, folder: Path):
    directory = folder / "old"
    directory.mkdir()
    (directory / "pid").write_text(f"{os.getpid()} 1\n")
    with open(directory / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not engine.cancel(directory, force=True)


def test_run_without_a_stage_is_dead_and_not_applying(engine, folder: Path):
    directory = folder / "empty"
    directory.mkdir()
    outcome = engine.outcome(directory)
    assert (outcome.finished, outcome.applying, outcome.stage) == (False, False, "")


def test_truncated_exit_record_is_ignored(engine, folder: Path):
    directory = folder / "cut"
    directory.mkdir()
    (directory / "exit.json").write_text(json.dumps({"ok": True})[:-2])
    assert not engine.outcome(directory).finished


def test_too_large_log_stops_the_run(folder: Path, engine, finish):
    small = Terraform(Settings(log_bytes=20_000, template_policy=violations))
    template = """
    resource "terraform_data" "loud" {
      provisioner "local-exec" {
        command = "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; sleep 0.001; done"
      }
    }
    """
    order = Order("apply", {"main.tf": template}, trusted=True)
    small.start(folder / "loud", order)
    outcome = finish(folder / "loud")
    assert not outcome.ok
    assert "log grew too large" in outcome.message


def child_ids(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]
