"""Wakeups of idle workers: by pipe on one host, by NOTIFY across hosts; polling without both."""

import time

import pytest
from django.db import OperationalError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from instances import wakeup
from instances.models import Heartbeat, Task
from instances.wakeup import Wakeup, announce, wake_workers
from instances.worker.loop import Worker
from tests.factories import InstanceFactory, TaskFactory
from tests.waiting import PATIENCE_SECONDS, beside, over, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="NOTIFY is PostgreSQL's"
)


def waited(waiting, seconds):
    """Return for how long a wait of `seconds` lasted."""
    begun = time.monotonic()
    waiting.wait(seconds)
    return time.monotonic() - begun


def woken(waiting):
    """Return True if the wait ends before its timeout."""
    return waited(waiting, PATIENCE_SECONDS) < PATIENCE_SECONDS


def listening():
    """Return the sessions that listen for NOTIFY."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            " AND datname = current_database()"
        )
        return {pid for (pid,) in cursor.fetchall()}


@pytest.fixture
def waiting():
    made = Wakeup("worker")
    yield made
    made.close()


def test_pipe_wakes_worker_of_same_host(waiting):
    waker = beside(wake_workers, "task-1")
    assert woken(waiting)
    over(waker)


def test_workers_are_woken_only_after_commit(waiting):
    with transaction.atomic():
        announce("task-1")
        assert waited(waiting, 0.2) >= 0.2
    assert woken(waiting)


@postgresql
def test_notify_wakes_worker_of_another_host(waiting, settings, tmp_path):
    waiting.wait(0.01)  # it listens from its first wait on
    settings.DATA_DIR = tmp_path / "elsewhere"
    wake_workers("task-1")
    assert woken(waiting)
    # The same notification does not end the next wait.
    assert waited(waiting, 0.3) >= 0.3


@postgresql
def test_listener_reconnects_after_its_connection_is_terminated(
    waiting, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(wakeup, "RECONNECT_SECONDS", 0.2)
    waiting.wait(0.01)
    before = listening()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [*before])

    def listens_again():
        waiting.wait(0.05)
        return listening() - before

    after = wait_for(listens_again)
    settings.DATA_DIR = tmp_path / "elsewhere"
    wake_workers("task-1")
    assert woken(waiting)
    assert len(before) == len(after) == 1


@postgresql
def test_failed_notify_leaves_the_connection_usable(waiting, monkeypatch):
    monkeypatch.setattr(wakeup, "CHANNEL", "c" * 70)  # PostgreSQL takes 63
    wake_workers("task-1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_worker_finds_work_without_any_wakeup(alice):
    """The row is inserted without `announce`, so that only polling can find it."""
    worker = Worker()
    thread = beside(worker.work)
    try:
        wait_for(Heartbeat.objects.exists)
        task = TaskFactory(instance=InstanceFactory(owner=alice))
        wait_for(lambda: Task.objects.get(pk=task.pk).epoch)
    finally:
        worker.stop()
        over(thread)


def test_readyz_reports_worker_until_it_stops(client):
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


def test_heartbeat_of_killed_worker_expires(client):
    Heartbeat.objects.beat("dead", host="h", capacity=4, busy=1)
    assert client.get("/readyz").json()["worker"] is True
    Heartbeat.objects.update(at="2020-01-01T00:00:00Z")
    assert client.get("/readyz").json()["worker"] is False
    Heartbeat.objects.forget_old()
    assert not Heartbeat.objects.exists()


def test_readyz_reports_unreachable_database(client, monkeypatch):
    def away(self):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, False)
    assert client.get("/healthz").status_code == 200


def test_readyz_reports_missing_migration(client):
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("instances", "0001_initial")
    try:
        assert client.get("/readyz").json()["migrations"] is False
    finally:
        recorder.record_applied("instances", "0001_initial")
