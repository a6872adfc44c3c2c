"""What a test leaves behind is found, named and, where that is possible, ended."""

import subprocess
import threading

import pytest
from django.db import connection

from tests import leaks
from tests.waiting import over, wait_for


@pytest.fixture
def before(monkeypatch):
    monkeypatch.setattr(leaks, "ENDING_SECONDS", 0)
    return leaks.Before()


def test_nothing_is_found_where_nothing_is_left(before):
    subprocess.run(["true"], check=True)
    assert before.left() == []


def test_a_thread_is_found(before):
    enough = threading.Event()
    thread = threading.Thread(target=enough.wait, name="forgotten")
    thread.start()
    found = before.left()
    enough.set()
    over(thread)
    assert found == ["thread forgotten"]


def test_a_process_is_found_and_ended(before):
    process = subprocess.Popen(["sleep", "3600"])
    wait_for(lambda: leaks.Child(process.pid).command == "sleep 3600")
    assert before.left() == [f"process {process.pid}: sleep 3600"]
    assert process.wait() < 0


def test_a_process_whose_parent_has_ended_is_found_and_ended(before):
    command = "setsid sleep 3600 >/dev/null & echo $!"
    told = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, text=True)
    pid = int(told.stdout)
    wait_for(lambda: leaks.Child(pid).command == "sleep 3600")
    assert before.left() == [f"process {pid}: sleep 3600"]
    wait_for(lambda: not leaks.Child(pid).lives)


@pytest.mark.django_db(transaction=True)
def test_a_connection_is_found_and_closed(before):
    opened, enough = threading.Event(), threading.Event()

    def hold():
        connection.ensure_connection()
        opened.set()
        enough.wait()

    thread = threading.Thread(target=hold, name="holder")
    thread.start()
    wait_for(opened.is_set)
    found, again = before.left(), leaks.Before().left()
    enough.set()
    over(thread)
    told = "a connection to the database, opened by thread holder"
    assert found == ["thread holder", told]
    assert again == []
