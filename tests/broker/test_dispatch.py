"""Celery over a real Redis: messages lost, doubled or late change nothing but latency (F15)."""

import pytest

from instances.engines import processes
from tests.broker.conftest import kill
from tests.faults.installation import launch, task, wait_for
from tests.waiting import PATIENCE_SECONDS

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("terraform")]

SEND = """
from instances.worker.celery_dispatch import send
for _ in range({times}):
    send({pk!r})
"""
STORED = """
from instances.models import Task, TaskLog
task = Task.objects.get(pk={pk!r})
applies = [l for chunk in TaskLog.objects.filter(task=task, command="apply")
           for l in chunk.lines if "Apply complete" in l[2]]
print(task.epoch, task.attempt, len(applies))
"""
# Refuses connections.
DEAD = "redis://127.0.0.1:9/0"


def ended(site, pk):
    wait_for(lambda: task(site, pk)[0] == "ended")
    return task(site, pk)[1]


def test_repeated_or_late_message_starts_no_second_run(site, celery):
    celery()
    pk = launch(site, seconds_per_step=4)
    site.python(SEND.format(pk=pk, times=20))
    wait_for(lambda: int(task(site, pk)[3]) >= 1)
    site.python(SEND.format(pk=pk, times=20))
    assert ended(site, pk) == "Succeeded"
    site.python(SEND.format(pk=pk, times=20))
    site.python(SEND.format(pk="task-of-somebody-else", times=3))
    # What comes after them in the queue shows that they were all looked at.
    another = launch(site, name="second", seconds_per_step=0)
    assert ended(site, another) == "Succeeded"
    assert site.python(STORED.format(pk=pk)).split() == ["1", "0", "1"]


def test_lost_message_is_sent_again(site, celery):
    url = site.environment["CONSOLE_BROKER_URL"]
    site.environment["CONSOLE_BROKER_URL"] = DEAD
    pk = launch(site, seconds_per_step=0)
    site.environment["CONSOLE_BROKER_URL"] = url
    assert task(site, pk)[0] == "queued"
    celery()
    assert ended(site, pk) == "Succeeded"
    assert site.python(STORED.format(pk=pk)).split()[:2] == ["1", "0"]


def test_runs_survive_a_broker_outage(site, celery, broker):
    celery()
    pk = launch(site, seconds_per_step=4)
    wait_for(lambda: int(task(site, pk)[3]) >= 1)
    broker.stop()
    waiting = launch(site, name="meanwhile", seconds_per_step=0)
    assert ended(site, pk) == "Succeeded"
    assert task(site, waiting)[0] == "queued"
    broker.start()
    assert ended(site, waiting) == "Succeeded"


def test_next_worker_adopts_the_run_of_a_killed_worker(site, celery):
    first = celery()
    pk = launch(site, seconds_per_step=6)
    wait_for(lambda: int(task(site, pk)[3]) >= 1)
    kill(first)
    celery()
    assert ended(site, pk) == "Succeeded"
    epoch, attempt, applies = site.python(STORED.format(pk=pk)).split()
    assert (attempt, applies) == ("0", "1")
    assert int(epoch) >= 2


def test_stopped_worker_releases_its_run_without_waiting(site, celery):
    first = celery()
    pk = launch(site, seconds_per_step=20)
    wait_for(lambda: int(task(site, pk)[3]) >= 1)
    first.terminate()
    first.wait(PATIENCE_SECONDS)
    assert task(site, pk)[0] == "running"
    # Our own worker and Celery's are one kind: it goes on where the other stopped.
    site.start("work")
    wait_for(lambda: int(task(site, pk)[4]) == 2)
    assert task(site, pk)[2] == "0"
    for directory in (site.data / "runs").iterdir():
        processes.kill(directory)


def test_pool_without_threads_is_refused(site, celery):
    worker = celery("--pool=solo", ready=False)
    assert worker.wait(PATIENCE_SECONDS) != 0
    log = (site.data.parent / "celery.log").read_text()
    assert "Use --pool threads" in log
