"""The web server and the workers as children of one process, and their replacement in service.

The listening socket is ours: while web servers come and go, connections wait in it and none
is refused.
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

# A request in progress gets gunicorn's graceful time-out, and a little more.
STOP_SECONDS = 15
START_SECONDS = 60
RESTART_SECONDS = 1
PDEATHSIG = 1
Child = subprocess.Popen[bytes]
_libc = ctypes.CDLL(None)


class ServingError(Exception):
    """The service cannot start, or cannot go on; the message says why."""


class Service:
    """One web server and some workers, kept running until told to stop."""

    def __init__(
        self, host: str, port: int, workers: int, say: Callable[[str], object]
    ) -> None:
        # Whole: the children begin in another directory.
        self.manage = [sys.executable, os.path.abspath(sys.argv[0])]
        self.say = say
        self.stopping = self.replacing = False
        self.socket = _listen(host, port)
        self.children: list[Child] = []
        self.leaving: dict[Child, float] = {}
        try:
            self.web = self._start_web()
            self.children = [self._start_worker() for _ in range(workers)]
        except BaseException:
            self.end()
            raise

    def stop(self) -> None:
        """End with the next look around."""
        self.stopping = True

    def replace(self) -> None:
        """Put new processes in the place of all there are, with the next look around."""
        self.replacing = True

    def run(self) -> None:
        """Start again what ends by itself, until told to stop. Raises ServingError."""
        while not self.stopping:
            time.sleep(0.2)
            if self.replacing:
                self.replacing = False
                self._replace_all()
            try:
                self._restart_ended()
            except OSError as error:
                # No memory or no process left: what ended is down until there is.
                self.say(f"Cannot start a process: {error}")
            self._reap()

    def _restart_ended(self) -> None:
        """Put a new process in the place of each that has ended."""
        if self.web.poll() is not None:
            time.sleep(RESTART_SECONDS)
            self.web = self._start_web()
        for place, child in enumerate(self.children):
            if child.poll() is not None and not self.stopping:
                time.sleep(RESTART_SECONDS)
                self.children[place] = self._start_worker()

    def end(self) -> None:
        """Stop everything in good order, and what does not stop in time by force."""
        self.socket.close()
        everybody = [*self.children, *self.leaving]
        if hasattr(self, "web"):
            everybody.append(self.web)
        self._dismiss(everybody)
        while self.leaving:
            time.sleep(0.05)
            self._reap()

    def _replace_all(self) -> None:
        """Prepare and start the new, then let the old finish what it is at.

        When the new does not start, the old stays.
        """
        self.say("Replacing the web server and the workers.")
        try:
            for command in PREPARATION:
                processes.run([*self.manage, *command], check=True)
            web = self._start_web()
        except (subprocess.CalledProcessError, ServingError) as error:
            self.say(f"Nothing was replaced: {error}")
            return
        old, self.web = [self.web, *self.children], web
        # Started first: they take over what the old ones let go of.
        self.children = [self._start_worker() for _ in self.children]
        self._dismiss(old)
        self.say("Replaced.")

    def _start_web(self) -> Child:
        """Start a web server on our socket; return it when all its processes answer.

        Raises ServingError when they do not.
        """
        ready, told = os.pipe()
        listening = self.socket.fileno()
        try:
            child = _spawn(
                [
                    *(sys.executable, "-m", "gunicorn", "console.wsgi:application"),
                    *("--config=python:console.web", f"--bind=fd://{listening}"),
                ],
                descriptors=(listening, told),
                environment={READY: str(told)},
            )
            os.close(told)
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

    def _dismiss(self, children: Iterable[Child]) -> None:
        for child in children:
            if child.poll() is None:
                child.terminate()
                self.leaving.setdefault(child, time.monotonic() + STOP_SECONDS)

    def _reap(self) -> None:
        for child, deadline in list(self.leaving.items()):
            if child.poll() is not None:
                del self.leaving[child]
            elif time.monotonic() > deadline:
                _kill(child)


# What new code may need before it serves; the old goes on meanwhile.
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
    """Start a child in a session of its own: Ctrl-C reaches us alone, and we stop the rest."""
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
    """End a child at once, with those that it has started in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _end_with_parent() -> None:
    """Were we killed, nobody would stop the children: the kernel does it then."""
    _libc.prctl(PDEATHSIG, signal.SIGTERM)


def _await(child: Child, ready: int, count: int) -> bool:
    """Whether so many bytes come through the pipe before the child ends or time is up."""
    deadline = time.monotonic() + START_SECONDS
    while count > 0 and time.monotonic() < deadline:
        readable, _, _ = select.select([ready], [], [], 0.1)
        if readable:
            told = os.read(ready, count)
            if not told:
                return False
            count -= len(told)
        elif child.poll() is not None:
            return False
    return count <= 0
