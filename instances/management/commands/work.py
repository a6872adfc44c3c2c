"""`manage.py work`: one worker process."""

import signal
from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from console.lib.encryption import check_ring
from instances.engines import signals
from instances.worker.loop import Worker


class Command(BaseCommand):
    help = "Run queued tasks, previews and checks until stopped."
    # The system checks are about pages and would delay the start of the worker.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="stop when the queue is empty"
        )
        parser.add_argument(
            "--concurrency",
            type=int,
            default=4,
            help="runs monitored at the same time (4)",
        )

    def handle(self, *, once: bool, concurrency: int, **options: object) -> None:
        check_ring()
        worker = Worker(concurrency)
        signals.handle({signal.SIGTERM: worker.stop, signal.SIGINT: worker.stop})
        worker.work(once=once)
