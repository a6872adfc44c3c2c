"""Too few files or too little memory: told in words, nothing begun is lost, and it recovers (F35)."""

import resource
import subprocess

import pytest

from tests.faults.installation import Load, children_of, launch, task, wait_for

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("terraform")]


@pytest.fixture
def site(install):
    return install(demo=True)


def limit(pid, **limits):
    options = [f"--{name}={value}:" for name, value in limits.items()]
    subprocess.run(["prlimit", f"--pid={pid}", *options], check=True)


def test_a_worker_short_of_files_says_so_and_works_again_when_it_has_them(site):
    worker = site.start("work")
    wait_for(lambda: site.rows("SELECT count(*) FROM instances_heartbeat") == [(1,)])
    used = len(subprocess.check_output(["ls", f"/proc/{worker.pid}/fd"]).split())
    limit(worker.pid, nofile=used + 3)
    pk = launch(site, seconds_per_step=0)
    wait_for(lambda: task(site, pk)[0] == "ended" or "Too many open files" in site.log)
    assert worker.poll() is None
    status, _, applied = task(site, pk)[1:4]
    assert status != "Succeeded"
    assert applied == "0"
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit(worker.pid, nofile=soft)
    second = launch(site, name="second", seconds_per_step=0)
    wait_for(lambda: task(site, second)[0] == "ended")
    assert task(site, second)[1] == "Succeeded"


def test_memory_that_does_not_suffice_fails_in_words_and_changes_nothing(site):
    """The limit is for what a process may map: Terraform's runtime asks for more at once."""
    most = 400 << 20
    worker = site.start(
        "work",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
    )
    pk = launch(site, seconds_per_step=0)
    wait_for(lambda: task(site, pk)[0] == "ended" or worker.poll() is not None)
    if worker.poll() is None:
        _, status, _, done, _, instance, message = task(site, pk)
        assert (status, done, instance) == ("Failed", "0", "Error")
        assert "does not run" in message
        worker.terminate()
        worker.wait()
    # With memory enough it goes on, whichever way it ended.
    site.start("work")
    second = launch(site, name="second", seconds_per_step=0)
    wait_for(lambda: task(site, second)[0] == "ended")
    assert task(site, second)[1] == "Succeeded"


def test_a_web_server_short_of_files_answers_again_when_it_has_them(site):
    server = site.serve()
    masters = children_of(server.pid)
    webs = [pid for master in masters for pid in children_of(master)]
    for pid in webs:
        used = len(subprocess.check_output(["ls", f"/proc/{pid}/fd"]).split())
        limit(pid, nofile=used)
    with Load(site, ["/accounts/login/"], threads=4):
        wait_for(lambda: site.get("/healthz")[0] in (0, 200, 500, 503))
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for pid in children_of(server.pid):
        for child in children_of(pid):
            limit(child, nofile=soft)
    wait_for(lambda: site.get("/accounts/login/")[0] == 200)
    assert server.poll() is None
