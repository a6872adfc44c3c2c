"""`manage.py serve`: the whole product in one process group, web server and workers."""

import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from console.demo import PASSWORD, PEOPLE, DemoRefused, seed

WEB_PROCESSES = 2
STOP_SECONDS = 15
RESTART_SECONDS = 1


class Command(BaseCommand):
    help = "Migrate, then serve the console and run its workers until stopped."
    stopping = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=1, help="workers (1)")
        parser.add_argument(
            "--demo", action="store_true", help="seed the demonstration if empty"
        )

    def handle(
        self, *, host: str, port: int, workers: int, demo: bool, **options: Any
    ) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        if demo:
            try:
                seed(debug=settings.DEBUG)
            except DemoRefused as refusal:
                raise CommandError(str(refusal)) from refusal
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        commands = [self._web(host, port), *[self._worker()] * workers]
        children = [self._spawn(command) for command in commands]
        self._announce(host, port, demo)
        try:
            self._watch(commands, children)
        finally:
            self._end(children)

    def _web(self, host: str, port: int) -> list[str]:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return [
            sys.executable,
            "-m",
            "gunicorn",
            "console.wsgi:application",
            f"--bind={address}",
            f"--workers={WEB_PROCESSES}",
            "--preload",
            "--log-level=warning",
            "--graceful-timeout=10",
            # The longest gunicorn takes: what is longer is refused in words of ours.
            "--limit-request-line=8190",
        ]

    def _worker(self) -> list[str]:
        return [sys.executable, sys.argv[0], "work"]

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "console.settings"}
        # A session of its own: Ctrl-C reaches us alone, and we stop the rest in order.
        return subprocess.Popen(
            command, env=environment, cwd=settings.BASE_DIR, start_new_session=True
        )

    def _announce(self, host: str, port: int, demo: bool) -> None:
        name = f"[{host}]" if ":" in host else host
        self.stdout.write(f"Service Catalog is at http://{name}:{port}/")
        if demo:
            self.stdout.write(
                f"Sign in as {', '.join(PEOPLE)} with password {PASSWORD}."
            )
        self.stdout.write(
            "Press Ctrl-C to stop; runs in progress go on and are resumed."
        )
        self.stdout.flush()

    def _watch(
        self, commands: list[list[str]], children: list[subprocess.Popen[bytes]]
    ) -> None:
        """Wait for the signal. The web server's end ends us; a worker is started again."""
        while not self.stopping:
            time.sleep(0.2)
            for place, child in enumerate(children):
                if child.poll() is None or self.stopping:
                    continue
                if place == 0:
                    raise CommandError(
                        "The web server ended: is the port in use by another program?"
                    )
                time.sleep(RESTART_SECONDS)
                children[place] = self._spawn(commands[place])

    def _stop(self, *args: Any) -> None:
        self.stopping = True

    def _end(self, children: list[subprocess.Popen[bytes]]) -> None:
        for child in children:
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in children:
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
