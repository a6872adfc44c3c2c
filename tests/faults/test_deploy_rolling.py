"""Putting new processes in the place of old ones loses neither a request nor a run (F34)."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.faults.installation import (
    Load,
    children_of,
    hang_up,
    launch,
    task,
    wait_for,
)
from tests.waiting import PATIENCE_SECONDS, gone

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("terraform")]


def test_a_rolling_restart_loses_no_request_and_no_run(install):
    site = install(demo=True)
    server = site.serve()
    # Long enough to outlast the start of the new processes on a busy machine.
    pk = launch(site, node_count=3, seconds_per_step=15)
    wait_for(lambda: int(task(site, pk)[3]) >= 1)
    before = children_of(server.pid)
    with Load(site, ["/accounts/login/", "/healthz"]) as load:
        hang_up(server)
        wait_for(lambda: "Replaced." in site.log)
        wait_for(lambda: not children_of(server.pid) & before)
        time.sleep(1)
    assert load.failed == []
    assert len(load.statuses) > 20
    assert len(children_of(server.pid)) == len(before) == 2

    wait_for(lambda: task(site, pk)[0] == "ended")
    state, status, attempt, done, epoch, instance, _ = task(site, pk)
    assert (state, status, instance) == ("ended", "Succeeded", "Available")
    assert (attempt, done) == ("0", "9")
    assert int(epoch) >= 2  # the second worker went on where the first stopped


def test_new_code_that_does_not_start_replaces_nothing(install):
    site = install(demo=True)
    server = site.serve()
    before = children_of(server.pid)
    (site.data / "encryption_keys").write_text("no key at all")
    with Load(site, ["/healthz"]) as load:
        hang_up(server)
        wait_for(lambda: "Nothing was replaced" in site.log)
    assert "CONSOLE_ENCRYPTION_KEYS: each key is 32 bytes" in site.log
    assert load.failed == []
    assert children_of(server.pid) == before


def test_stopping_ends_requests_in_progress_and_leaves_no_process(install):
    site = install(demo=True)
    server = site.serve()
    everybody = children_of(server.pid)
    everybody |= {each for child in everybody for each in children_of(child)}
    with Load(site, ["/accounts/login/"]) as load:
        time.sleep(0.5)
        server.terminate()
        assert server.wait(PATIENCE_SECONDS) == 0
    # Refused once the port is closed; what was accepted was answered in full.
    assert {status for status, _ in load.statuses} <= {200, 0}
    reset = [said for status, said in load.statuses if not status]
    assert all("refused" in said or "reset" in said.lower() for said in reset)
    wait_for(lambda: gone(everybody))


def test_when_the_parent_is_killed_its_children_do_not_stay(install):
    site = install(demo=True)
    server = site.serve()
    everybody = children_of(server.pid)
    server.send_signal(signal.SIGKILL)
    wait_for(lambda: gone(everybody))


def test_killed_processes_are_restarted_on_the_same_port(install):
    site = install(demo=True)
    server = site.serve()
    gunicorn = next(
        pid
        for pid in children_of(server.pid)
        if b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(gunicorn, signal.SIGKILL)
    wait_for(lambda: gunicorn not in children_of(server.pid))
    # Asked while nobody serves, it waits in our socket and is answered.
    assert site.get("/healthz")[0] == 200
    worker = next(pid for pid in children_of(server.pid) if _works(pid))
    os.kill(worker, signal.SIGKILL)
    assert wait_for(
        lambda: {p for p in children_of(server.pid) if _works(p)} - {worker}
    )


def _works(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"\0work\0")


def test_port_in_use_is_reported(install):
    site = install(demo=True)
    site.serve()
    said = site.run("serve", f"--port={site.port}", fails=True)
    assert "port in use by another program" in said
