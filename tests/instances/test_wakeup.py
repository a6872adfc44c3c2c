"""Waking workers: by pipe on one host, by NOTIFY across hosts, by polling when both fail."""

import time

import pytest
from django.db import OperationalError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from instances import wakeup
from instances.models import Heartbeat, Task
from instances.wakeup import Bell, announce, wake_workers
from instances.worker.loop import Worker
from tests.factories import InstanceFactory, TaskFactory
from tests.waiting import PATIENCE_SECONDS, beside, over, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="NOTIFY is PostgreSQL's"
)


def slept(bell, seconds):
    """How long the bell let us sleep."""
    begun = time.monotonic()
    bell.wait(seconds)
    return time.monotonic() - begun


def woken(bell):
    """Whether the bell ends a sleep before its time."""
    return slept(bell, PATIENCE_SECONDS) < PATIENCE_SECONDS


def listening():
    """The sessions that wait for NOTIFY."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            " AND datname = current_database()"
        )
        return {pid for (pid,) in cursor.fetchall()}


@pytest.fixture
def bell():
    made = Bell("worker")
    yield made
    made.close()


def test_a_pipe_wakes_a_worker_of_the_host(bell):
    waker = beside(wake_workers, "task-1")
    assert woken(bell)
    over(waker)


def test_nobody_is_woken_before_the_transaction_is_through(bell):

    with transaction.atomic():
        announce("task-1")
        assert slept(bell, 0.2) >= 0.2
    assert woken(bell)


@postgresql
def test_notify_wakes_a_worker_of_another_host(bell, settings, tmp_path):
    bell.wait(0.01)  # it listens from its first sleep on
    settings.DATA_DIR = tmp_path / "elsewhere"
    wake_workers("task-1")
    assert woken(bell)
    # What was heard does not wake it a second time.
    assert slept(bell, 0.3) >= 0.3


@postgresql
def test_a_worker_whose_ear_is_cut_off_sleeps_on_and_listens_again(
    bell, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(wakeup, "DEAF_SECONDS", 0.2)
    bell.wait(0.01)
    before = listening()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [*before])

    def listens_again():
        bell.wait(0.05)
        return listening() - before

    after = wait_for(listens_again)
    settings.DATA_DIR = tmp_path / "elsewhere"
    wake_workers("task-1")
    assert woken(bell)
    assert len(before) == len(after) == 1


@postgresql
def test_a_notify_that_fails_fails_nothing_else(bell, monkeypatch):
    monkeypatch.setattr(wakeup, "CHANNEL", "c" * 70)  # PostgreSQL takes 63
    wake_workers("task-1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_a_worker_deaf_on_both_ears_still_finds_the_work(alice, monkeypatch):
    """The pipe and NOTIFY are lost: polling takes the task up all the same."""
    worker = Worker()
    thread = beside(worker.work)
    try:
        wait_for(Heartbeat.objects.exists)
        task = TaskFactory(instance=InstanceFactory(owner=alice))
        wait_for(lambda: Task.objects.get(pk=task.pk).epoch)
    finally:
        worker.stop()
        over(thread)


def test_a_worker_is_seen_while_it_lives(client):
    assert client.get("/readyz").json()["worker"] is False
    worker = Worker(3)
    thread = beside(worker.work)
    try:
        wait_for(lambda: client.get("/readyz").json()["worker"])
        assert Heartbeat.objects.get().capacity == 3
        assert client.get("/readyz").json() == {
            "ready": True,
            "database": True,
            "migrations": True,
            "worker": True,
        }
    finally:
        worker.stop()
        over(thread)
    assert client.get("/readyz").json()["worker"] is False
    assert client.get("/readyz").status_code == 503


def test_a_worker_that_was_killed_is_not_counted_for_long(client):
    Heartbeat.objects.beat("dead", host="h", capacity=4, busy=1)
    assert client.get("/readyz").json()["worker"] is True
    Heartbeat.objects.update(at="2020-01-01T00:00:00Z")
    assert client.get("/readyz").json()["worker"] is False
    Heartbeat.objects.forget_old()
    assert not Heartbeat.objects.exists()


def test_a_database_that_is_away_is_told_and_not_an_error(client, monkeypatch):

    def away(self):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, False)
    assert client.get("/healthz").status_code == 200


def test_a_database_that_lacks_a_migration_is_not_ready(client):

    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("instances", "0001_initial")
    try:
        assert client.get("/readyz").json()["migrations"] is False
    finally:
        recorder.record_applied("instances", "0001_initial")
