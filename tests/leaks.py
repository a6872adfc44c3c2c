"""Find threads, processes and database connections that a test has left behind."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import subprocess
import threading
import time
import weakref
from pathlib import Path

from django.db import connections
from django.db.backends.signals import connection_created

from instances.engines import processes

# What is just ending is waited for, however busy the machine; what is left never ends.
ENDING_SECONDS = 20
PR_SET_CHILD_SUBREAPER = 36

_opened = []


class Connection:
    """A connection to the database, and the thread that opened it."""

    def __init__(self, wrapper):
        self.thread = threading.current_thread().name
        self.alias = wrapper.alias
        self.wrapper = weakref.ref(wrapper)
        # The driver's own can outlive Django's; that of SQLite cannot be referred to weakly.
        self.driver = None
        with contextlib.suppress(TypeError):
            self.driver = weakref.ref(wrapper.connection)

    @property
    def open(self):
        if self.driver is not None:
            driver = self.driver()
            return driver is not None and not driver.closed
        wrapper = self.wrapper()
        return wrapper is not None and wrapper.connection is not None

    @property
    def ours(self):
        """Whether it is the one of this thread, which tests share."""
        wrapper = self.wrapper()
        return wrapper is not None and wrapper is connections[self.alias]

    def close(self):
        found = self.wrapper() if self.driver is None else self.driver()
        found = getattr(found, "connection", found)
        if found is not None:
            found.close()
        if wrapper := self.wrapper():
            wrapper.connection = None

    def __str__(self):
        return f"a connection to the database, opened by thread {self.thread}"


class Child:
    """A process that this one has started, or whose parents have ended."""

    def __init__(self, pid):
        self.pid = pid
        self.born = processes.start_time(pid)
        line = b""
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        self.command = line.replace(b"\0", b" ").decode(errors="replace").strip()

    @property
    def lives(self):
        return self.born is not None and processes.start_time(self.pid) == self.born

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def __str__(self):
        return f"process {self.pid}: {self.command[:300]}"


class Thread:
    """A thread of this process. It cannot be ended from outside."""

    def __init__(self, thread):
        self.thread = thread

    def close(self):
        pass

    def __str__(self):
        return f"thread {self.thread.name}"


def watch():
    """Begin to take note of connections, and become the parent of orphaned processes."""
    connection_created.connect(_note, weak=False)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _note(connection, **kwargs):
    _opened.append(Connection(connection))


class Before:
    """The threads and processes there are before a test; connections are all noted."""

    def __init__(self):
        self.threads = set(threading.enumerate())
        self.children = set(_children())
        _opened[:] = [each for each in _opened if each.open and not each.ours]
        self.connections = list(_opened)

    def left(self):
        """Return what has been added since, after a while for what is just ending."""
        until = time.monotonic() + ENDING_SECONDS
        while (found := self._added()) and time.monotonic() < until:
            time.sleep(0.01)
        for each in found:
            each.close()
        return [str(each) for each in found]

    def _added(self):
        threads = [
            Thread(each)
            for each in threading.enumerate()
            if each not in self.threads and not isinstance(each, threading._DummyThread)
        ]
        new = [Child(pid) for pid in _children() if pid not in self.children]
        _reap(child.pid for child in new if not child.lives)
        opened = [
            each
            for each in list(_opened)
            if each not in self.connections and each.open and not each.ours
        ]
        return [*threads, *(child for child in new if child.lives), *opened]


def _children():
    """The process IDs of the children of this process, zombies included."""
    found = []
    for path in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(pid) for pid in (path / "children").read_text().split()]
    return found


def _reap(pids):
    """Take the exit status of orphans that have ended; others have who waits for them."""
    waited = {
        *(each.pid for each in multiprocessing.active_children()),
        *(each.pid for each in subprocess._active),
        *processes._started,
    }
    for pid in set(pids) - waited:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
