"""Too few files or too little memory: told in words, nothing begun is lost, and it recovers (F35)."""

import resource
import subprocess

import pytest

from tests.faults.installation import Load, children_of, launch, task, wait_for

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("terraform")]


@pytest.fixture
def demo(install):
    return install(demo=True)


def limit(pid, **limits):
    options = [f"--{name}={value}:" for name, value in limits.items()]
    subprocess.run(["prlimit", f"--pid={pid}", *options], check=True)


def test_worker_recovers_from_exhausted_file_descriptors(demo):
    worker = demo.start("work")
    wait_for(lambda: demo.rows("SELECT count(*) FROM instances_heartbeat") == [(1,)])
    used = len(subprocess.check_output(["ls", f"/proc/{worker.pid}/fd"]).split())
    limit(worker.pid, nofile=used + 3)
    pk = launch(demo, seconds_per_step=0)
    wait_for(lambda: task(demo, pk)[0] == "ended" or "Too many open files" in demo.log)
    assert worker.poll() is None
    status, _, applied = task(demo, pk)[1:4]
    assert status != "Succeeded"
    assert applied == "0"
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit(worker.pid, nofile=soft)
    second = launch(demo, name="second", seconds_per_step=0)
    wait_for(lambda: task(demo, second)[0] == "ended")
    assert task(demo, second)[1] == "Succeeded"


def test_exhausted_memory_fails_with_a_message_and_changes_nothing(demo):
    """The limit is for what a process may map: Terraform's runtime asks for more at once."""
    most = 400 << 20
    worker = demo.start(
        "work",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
    )
    pk = launch(demo, seconds_per_step=0)
    wait_for(lambda: task(demo, pk)[0] == "ended" or worker.poll() is not None)
    if worker.poll() is None:
        _, status, _, done, _, instance, message = task(demo, pk)
        assert (status, done, instance) == ("Failed", "0", "Error")
        assert "does not run" in message
        worker.terminate()
        worker.wait()
    # With memory enough it goes on, whichever way it ended.
    demo.start("work")
    second = launch(demo, name="second", seconds_per_step=0)
    wait_for(lambda: task(demo, second)[0] == "ended")
    assert task(demo, second)[1] == "Succeeded"


def test_web_server_recovers_from_exhausted_file_descriptors(demo):
    server = demo.serve()
    masters = children_of(server.pid)
    webs = [pid for master in masters for pid in children_of(master)]
    for pid in webs:
        used = len(subprocess.check_output(["ls", f"/proc/{pid}/fd"]).split())
        limit(pid, nofile=used)
    with Load(demo, ["/accounts/login/"], threads=4):
        wait_for(lambda: demo.get("/healthz")[0] in (0, 200, 500, 503))
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for pid in children_of(server.pid):
        for child in children_of(pid):
            limit(child, nofile=soft)
    wait_for(lambda: demo.get("/accounts/login/")[0] == 200)
    assert server.poll() is None
