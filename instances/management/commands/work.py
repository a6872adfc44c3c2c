"""`manage.py work`: a worker alone."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from console.lib.encryption import check_ring
from instances.engines import signals
from instances.worker.loop import Worker


class Command(BaseCommand):
    help = "Run queued tasks, previews and checks until stopped."
    # A worker serves no pages: checking them all would only delay its start.
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

    def handle(self, *, once: bool, concurrency: int, **options: Any) -> None:
        check_ring()
        worker = Worker(concurrency)
        signals.handle({signal.SIGTERM: worker.stop, signal.SIGINT: worker.stop})
        worker.work(once=once)
