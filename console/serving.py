"""Supervision of the web server and the workers, and their replacement without downtime.

This process owns the listening socket: while web servers are replaced, connections wait
in its backlog and none is refused.
"""

import contextlib
import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

from django.conf import settings

from console.web import READY
from console.web import workers as web_processes
from instances.engines import processes

# Longer than the graceful timeout of gunicorn for requests in progress.
STOP_SECONDS = 15
START_SECONDS = 60
RESTART_SECONDS = 1
PDEATHSIG = 1
Child = subprocess.Popen[bytes]
_libc = ctypes.CDLL(None)


class ServingError(Exception):
    """The service cannot start or continue; the message says why."""


class Service:
    """A web server and some workers, restarted until the service is stopped."""

    def __init__(
        self, host: str, port: int, workers: int, log: Callable[[str], object]
    ) -> None:
        # Absolute, because the children start in another directory.
        self.manage = [sys.executable, os.path.abspath(sys.argv[0])]
        self.log = log
        self.stopping = self.replacing = False
        self.socket = _listen(host, port)
        self.children: list[Child] = []
        self.terminating: dict[Child, float] = {}
        try:
            self.web = self._start_web()
            self.children = [self._start_worker() for _ in range(workers)]
        except BaseException:
            self.end()
            raise

    def stop(self) -> None:
        """Stop at the next iteration of `run`."""
        self.stopping = True

    def replace(self) -> None:
        """Replace all processes at the next iteration of `run`."""
        self.replacing = True

    def run(self) -> None:
        """Restart processes that end, until stopped. Raises ServingError."""
        while not self.stopping:
            time.sleep(0.2)
            if self.replacing:
                self.replacing = False
                self._replace_all()
            try:
                self._restart_ended()
            except OSError as error:
                # No memory or no process left: what ended is down until there is.
                self.log(f"Cannot start a process: {error}")
            self._reap()

    def _restart_ended(self) -> None:
        """Restart each process that has ended."""
        if self.web.poll() is not None:
            time.sleep(RESTART_SECONDS)
            self.web = self._start_web()
        for place, child in enumerate(self.children):
            if child.poll() is not None and not self.stopping:
                time.sleep(RESTART_SECONDS)
                self.children[place] = self._start_worker()

    def end(self) -> None:
        """Terminate all processes, and kill those that do not end in time."""
        self.socket.close()
        children = [*self.children, *self.terminating]
        if hasattr(self, "web"):
            children.append(self.web)
        self._terminate(children)
        while self.terminating:
            time.sleep(0.05)
            self._reap()

    def _replace_all(self) -> None:
        """Start new processes, then let the old ones finish their work.

        If the new web server does not start, the old processes stay.
        """
        self.log("Replacing the web server and the workers.")
        try:
            for command in PREPARATION:
                processes.run([*self.manage, *command], check=True)
            web = self._start_web()
        except (subprocess.CalledProcessError, ServingError) as error:
            self.log(f"Nothing was replaced: {error}")
            return
        old, self.web = [self.web, *self.children], web
        # Started before the old ones stop, so that they take over their tasks.
        self.children = [self._start_worker() for _ in self.children]
        self._terminate(old)
        self.log("Replaced.")

    def _start_web(self) -> Child:
        """Start a web server on the socket; return it when all its processes are ready.

        Raises ServingError if they are not.
        """
        ready, notify = os.pipe()
        listening = self.socket.fileno()
        try:
            child = _spawn(
                [
                    *(sys.executable, "-m", "gunicorn", "console.wsgi:application"),
                    *("--config=python:console.web", f"--bind=fd://{listening}"),
                ],
                descriptors=(listening, notify),
                environment={READY: str(notify)},
            )
            os.close(notify)
            if not _await(child, ready, web_processes):
                _kill(child)
                child.wait()
                raise ServingError(
                    "The web server did not start. See its messages above."
                )
        finally:
            os.close(ready)
        return child

    def _start_worker(self) -> Child:
        return _spawn([*self.manage, "work"])

    def _terminate(self, children: Iterable[Child]) -> None:
        for child in children:
            if child.poll() is None:
                child.terminate()
                self.terminating.setdefault(child, time.monotonic() + STOP_SECONDS)

    def _reap(self) -> None:
        for child, deadline in list(self.terminating.items()):
            if child.poll() is not None:
                del self.terminating[child]
            elif time.monotonic() > deadline:
                _kill(child)


# Commands that new code may need before it serves; the old processes continue meanwhile.
PREPARATION = (
    ["migrate", "--no-input", "--verbosity=0"],
    ["createcachetable", "--verbosity=0"],
    ["collectstatic", "--no-input", "--verbosity=0"],
)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ServingError(
            f"Cannot listen on {host} port {port}: {error.strerror}. "
            "Is the port in use by another program?"
        ) from error


def _spawn(
    command: list[str],
    descriptors: tuple[int, ...] = (),
    environment: dict[str, str] | None = None,
) -> Child:
    """Start a child in its own session, so that Ctrl-C reaches only this process."""
    return processes.start(
        command,
        env=os.environ
        | {"DJANGO_SETTINGS_MODULE": "console.settings"}
        | (environment or {}),
        cwd=settings.BASE_DIR,
        pass_fds=descriptors,
        start_new_session=True,
        preexec_fn=_end_with_parent,
    )


def _kill(child: Child) -> None:
    """Kill a child with all processes of its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _end_with_parent() -> None:
    """Let the kernel terminate the child if this process is killed."""
    _libc.prctl(PDEATHSIG, signal.SIGTERM)


def _await(child: Child, ready: int, count: int) -> bool:
    """Return True if `count` bytes arrive on the pipe before the child ends or the time is up."""
    deadline = time.monotonic() + START_SECONDS
    while count > 0 and time.monotonic() < deadline:
        readable, _, _ = select.select([ready], [], [], 0.1)
        if readable:
            notify = os.read(ready, count)
            if not notify:
                return False
            count -= len(notify)
        elif child.poll() is not None:
            return False
    return count <= 0
