"""`manage.py reconcile`: recovery of running work without waiting for a worker."""

import os
import secrets

from django.core.management.base import BaseCommand

from console.lib.encryption import check_ring
from instances.worker.host import host_name
from instances.worker.recovery import reconcile


class Command(BaseCommand):
    help = (
        "List all running work with the worker that holds its lease, and reconcile work "
        "whose lease has expired: a run that ended or was killed gets its actual result, a "
        "run that is still active is left for the next worker. The command starts no task, "
        "and can be interrupted and run again."
    )

    def handle(self, **options: object) -> None:
        check_ring()
        host = host_name()
        name = f"{host}-{os.getpid()}-{secrets.token_hex(2)}"
        lines = 0
        for line in reconcile(name, host):
            self.stdout.write(line)
            self.stdout.flush()
            lines += 1
        self.stdout.write(
            "Nothing is running, and every status matches its tasks."
            if not lines
            else f"{lines} checked."
        )
