"""Signals that a shell's `&`, `nohup` or a CI system hands on ignored stop what they have to."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from instances.engines import processes, signals
from instances.models import StateVersion, Task
from instances.worker.cleanup import remove_orphaned_runs
from tests.faults.conftest import (
    begun,
    ended,
    launcher_of,
    reload,
    run_of,
    stage_of,
    wait_for,
    work,
)
from tests.faults.installation import children_of
from tests.waiting import beside, over

ROOT = Path(__file__).parents[2]
# An interpreter that ignores and blocks all it can, as the worst of parents would have it.
DEAF = """
import json, signal, sys
from instances.engines import processes, signals
for number in signals.ALL - {signal.SIGCHLD}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signals.ALL)
"""
THROUGH = {
    "run": "processes.run(['cat', '/proc/self/status'])",
    "start": "processes.start(['cat', '/proc/self/status']).wait()",
}


def deafen():
    """Ignore and block every signal that can be."""
    for number in signals.ALL - {signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals.ALL)


def held_back(status):
    """The signals that a process ignores or blocks, by the text of its status in /proc."""
    masks = dict(
        line.split(":\t") for line in status.splitlines() if line.startswith("Sig")
    )
    bits = int(masks["SigIgn"], 16) | int(masks["SigBlk"], 16)
    return {number for number in signals.ALL if bits >> (number - 1) & 1}


@pytest.mark.parametrize("door", THROUGH)
def test_started_program_has_default_signal_handling(door):
    command = [sys.executable, "-c", DEAF + THROUGH[door]]
    status = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert status.returncode == 0
    assert held_back(status.stdout) == set()


def test_missing_program_is_reported():
    told = processes.run(["/nowhere/tool"], capture_output=True, text=True)
    assert told.returncode == 127
    assert "No such file" in told.stderr


@pytest.fixture
def deaf():
    """Have this process ignore and block an interrupt, as those that it starts would."""
    was = signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    yield
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    signal.signal(signal.SIGINT, was)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("where", ["in this process", "in one of its own"])
@pytest.mark.parametrize("stage", ["plan", "apply"])
def test_run_started_with_ignored_signals_can_be_canceled(
    scene, alice, worker, deaf, settings, stage, where
):
    settings.STOP_SECONDS = 600
    task = scene.order(COUNT=200, SLEEP=f"{stage} 300")
    thread = beside(work) if where == "in this process" else None
    if thread is None:
        worker(stop=600, first=deafen)
    directory = run_of(task)
    wait_for(lambda: begun(directory) if stage == "apply" else stage_of(directory))
    wait_for(lambda: stage_of(directory) == stage)
    reload(task).cancel(by=alice)
    task = ended(task)
    if thread:
        over(thread)
    assert (task.status, task.stop_step) == ("Failed", Task.Stop.ASKED)
    assert "Canceled" in task.status_message
    assert bool(StateVersion.objects.latest_of(scene.instance)) == (stage == "apply")


@pytest.mark.django_db(transaction=True)
def test_worker_started_with_ignored_signals_can_be_stopped(worker, data_dir):
    process = worker(first=deafen)
    wait_for(lambda: list((data_dir / "wake").glob("*.pipe")))
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0


@pytest.mark.django_db(transaction=True)
def test_orphaned_run_is_interrupted_twice_and_then_killed(
    scene, data_dir, settings, worker
):
    task = scene.order(FAULT="hang")
    process = worker()
    directory = run_of(task)
    wait_for(lambda: "deaf" in (directory / "events.jsonl").read_text())
    process.kill()
    process.wait()
    launcher = launcher_of(directory)
    Task.objects.update(run_directory="", status="Failed", state="ended")
    settings.STOP_SECONDS = 3600
    for _ in range(3):
        remove_orphaned_runs()
    assert (directory / "asked").read_bytes() == b"."
    settings.STOP_SECONDS = 0
    remove_orphaned_runs()
    assert processes.start_time(launcher)
    remove_orphaned_runs()
    wait_for(lambda: not processes.alive(directory))
    remove_orphaned_runs()
    assert not directory.exists()


def test_service_started_with_ignored_signals_stops_with_its_processes(install):
    site = install(demo=True)
    command = [sys.executable, "-c", DEAF + SERVE, f"--port={site.port}"]
    server = subprocess.Popen(
        command,
        cwd=ROOT,
        env=site.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    site.started.append(server)
    wait_for(site.ready)
    children = children_of(server.pid)
    assert len(children) == 2
    # An interpreter ignores these for itself.
    assert all(held_back_by(pid) <= signals.OF_PYTHON for pid in children)
    server.send_signal(signal.SIGINT)
    assert server.wait(120) == 0
    assert not any(map(processes.start_time, children))


SERVE = """
import os, sys
arguments = [sys.executable, "manage.py", "serve", "--demo", *sys.argv[1:]]
os.execv(sys.executable, arguments)
"""


def held_back_by(pid):
    return held_back(Path(f"/proc/{pid}/status").read_text())
