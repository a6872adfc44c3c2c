"""A process of its own that costs no imports: a copy of the one of the tests."""

import contextlib
import gc
import multiprocessing
import os
import signal
import sqlite3
import time
import warnings
from pathlib import Path

from django.db import connection, connections

from instances.engines import processes
from tests.waiting import PATIENCE_SECONDS, wait_for


class Forked(multiprocessing.get_context("fork").Process):
    """Runs some code of ours, and is signalled and killed as any other process."""

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step = step
        # Nothing of a connection may be shared; on SQLite not even that it is open: the copy
        # would believe that it holds its locks, and take the journal away from the others.
        connections.close_all()
        gc.collect()
        assert not _opened(), "a thread of the test still has the database open"
        self.start()

    def run(self):
        warnings.simplefilter("ignore")
        processes._started.clear()
        self.step()

    def send_signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, seconds=PATIENCE_SECONDS):
        self.join(seconds)
        assert self.exitcode is not None, f"process {self.pid} does not end"
        return self.exitcode

    def poll(self):
        return self.exitcode


def _opened():
    """The files of an SQLite database that this process has open."""
    if connection.vendor != "sqlite":
        return []
    name = str(connection.settings_dict["NAME"])
    found = (os.path.realpath(each) for each in Path("/proc/self/fd").iterdir())
    return [each for each in found if each.startswith(name)]


def pause(process):
    """Stop a worker with SIGSTOP, outside of a transaction.

    Inside of one it would keep what it locked: on SQLite all writing, on PostgreSQL a row.
    """
    while True:
        process.send_signal(signal.SIGSTOP)
        # A thread inside of a system call goes on until that is over.
        wait_for(lambda: asleep(process.pid))
        if _nothing_locked():
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.03)


def asleep(pid):
    """Whether a process is stopped with all of its threads."""
    stats = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(each.read_text().rpartition(") ")[2][0] == "T" for each in stats)


def _nothing_locked():
    if connection.vendor == "sqlite":
        return _writable(str(connection.settings_dict["NAME"]))
    # What it has sent already goes on until it is done.
    wait_for(lambda: not _sessions("active"))
    return not _sessions("idle in transaction")


def _sessions(state):
    """How many others are connected to the database of the tests, and in this state."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state = %s",
            [state],
        )
        return cursor.fetchone()[0]


def _writable(name):
    with contextlib.closing(sqlite3.connect(name, timeout=0.3)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        database.rollback()
    return True
