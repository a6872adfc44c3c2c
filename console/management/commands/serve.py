"""`manage.py serve`: run the web server and the workers."""

import signal
import sys
from argparse import ArgumentParser

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from console.demo import PASSWORD, PEOPLE, DemoRefusedError, seed
from console.lib.encryption import check_ring
from console.serving import Service, ServingError
from instances.engines import signals


class Command(BaseCommand):
    help = (
        "Migrate the database, serve the console, and run its workers until "
        "stopped. SIGHUP replaces the processes with new ones, without losing a "
        "request or a task."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--workers", type=int, default=1, help="number of workers (1)"
        )
        parser.add_argument(
            "--demo",
            action="store_true",
            help="create the demonstration data if the database is empty",
        )

    def handle(
        self, *, host: str, port: int, workers: int, demo: bool, **options: object
    ) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        check_ring()
        if demo:
            try:
                seed(debug=settings.DEBUG)
            except DemoRefusedError as refusal:
                raise CommandError(str(refusal)) from refusal
        try:
            self._serve(host, port, workers, demo)
        except ServingError as error:
            raise CommandError(str(error)) from error

    def _serve(self, host: str, port: int, workers: int, demo: bool) -> None:
        service = Service(host, port, workers, self._log)
        # A terminal sends SIGHUP when it is closed; otherwise it means to replace.
        on_hangup = service.stop if sys.stdin.isatty() else service.replace
        signals.handle(
            {
                signal.SIGTERM: service.stop,
                signal.SIGINT: service.stop,
                signal.SIGHUP: on_hangup,
            }
        )
        try:
            self._announce(host, port, demo)
            service.run()
        finally:
            service.end()

    def _announce(self, host: str, port: int, demo: bool) -> None:
        name = f"[{host}]" if ":" in host else host
        self._log(f"Service Catalog is at http://{name}:{port}/")
        if demo:
            self._log(f"Sign in as {', '.join(PEOPLE)} with password {PASSWORD}.")
        self._log(
            "Press Ctrl-C to stop. Running tasks continue and are monitored again after "
            "a restart."
        )

    def _log(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
