"""The database is locked, restarted or full while runs go on (F09, F10, F11, F18)."""

import contextlib
import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from instances.models import Task
from instances.worker.database_retry import DatabaseRetry
from tests.faults.conftest import ended, reload, run_of, said, wait_for, work
from tests.waiting import beside, over

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

KINDS = ["launch", "update", "terminate"]
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's lock")


@contextlib.contextmanager
def locked():
    """Somebody else holds the database's write lock."""
    name = str(connection.settings_dict["NAME"])
    with contextlib.closing(sqlite3.connect(name, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


@pytest.fixture
def impatient():
    """Connections that wait for the lock a tenth of a second, as if it were twenty."""
    options = connection.settings_dict["OPTIONS"]
    was = options.get("timeout")
    options["timeout"] = 0.1
    connection.close()
    yield
    options["timeout"] = was
    connection.close()


@on_sqlite
@pytest.mark.parametrize("kind", KINDS)
def test_long_database_lock_only_delays_the_run(scene, kind, impatient):
    scene.standing(kind)
    task = scene.order(kind, COUNT=4, SLEEP="apply 0.3")
    worker = beside(work)
    run_of(task)
    for _ in range(3):
        with locked():
            time.sleep(1)
        time.sleep(0.2)
    over(worker)
    task = reload(task)
    # Its lease may have run out meanwhile: then the worker has claimed it again.
    assert (task.status, task.attempt) == ("Succeeded", 0)
    begun = [line for line in said(task).splitlines() if " start" in line]
    assert len(begun) == len(set(begun)) > 1


@on_sqlite
def test_user_sees_that_the_service_is_busy(browser, impatient, version_page):
    with locked():
        response = version_page()
    assert response.status_code == 503
    assert response["Retry-After"]
    assert "Traceback" not in response.content.decode()
    assert not Task.objects.exists()


@pytest.fixture
def version_page(browser):
    browser.raise_request_exception = False
    return lambda: browser.post("/notices/read/", follow=False)


@pytest.mark.parametrize("kind", KINDS)
def test_failed_write_is_repeated_and_the_log_is_complete(scene, kind, monkeypatch):
    """Each write of the worker fails once, as when the server is restarted."""
    scene.standing(kind)
    task = scene.order(kind, COUNT=4, SLEEP="apply 0.2")
    seen = set()
    real = Task.write

    def write(self, **values):
        name = tuple(sorted(values))
        real(self, **values)
        if name not in seen:
            # After it has been done: nobody knows whether it was committed.
            seen.add(name)
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(Task, "write", write)
    work()
    task = reload(task)
    assert task.status == "Succeeded"
    assert len(seen) > 2
    begun = [line for line in said(task).splitlines() if " start" in line]
    assert len(begun) == len(set(begun)) > 1


def test_database_retry_gives_up_after_ten_minutes(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0] + 1000)

    class Event(threading.Event):
        def wait(self, timeout=None):
            clock[0] += timeout
            return False

    retry = DatabaseRetry(Event())
    tries = 0
    while retry.wait():
        tries += 1
    assert 600 <= clock[0] < 620
    assert tries > 50


def test_database_outage_makes_no_host_suspect(scene):
    """Nobody could give a sign of life: the grace begins when the database is back."""
    task = scene.order()
    Task.objects.claim("one", "a")
    Task.objects.update(lease_until="2020-01-01T00:00Z")
    assert Task.objects.claim("two", "b") is None
    Task.objects.suspect("b")
    assert reload(task).suspected_at
    assert Task.objects.claim("two", "b") is None
    Task.objects.get(pk=task.pk).renew()
    assert reload(task).suspected_at is None


@pytest.mark.skipif(
    connection.vendor != "postgresql" or not os.environ.get("PG_RESTART"),
    reason="PG_RESTART names a command that restarts the server",
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_of_the_server_during_apply_loses_nothing(scene, worker, kind):
    scene.standing(kind)
    task = scene.order(kind, COUNT=4, SLEEP="apply 1")
    worker()
    directory = run_of(task)
    connection.close()
    assert os.system(os.environ["PG_RESTART"]) == 0
    wait_for(Path(directory, "exit.json").exists)
    task = ended(task)
    assert (task.status, task.attempt) == ("Succeeded", 0)
