"""`manage.py reconcile`: settle what no worker of this host holds, without waiting for one."""

import os
import secrets
from typing import Any

from django.core.management.base import BaseCommand

from console.lib.encryption import check_ring
from instances.worker.host import host_name
from instances.worker.recovery import reconcile


class Command(BaseCommand):
    help = (
        "Say of all running work who holds it, and settle what nobody does: a run that ended "
        "or was killed gets its true result, one that lives is left for the next worker. "
        "Starts nothing; can be interrupted and run again."
    )

    def handle(self, **options: Any) -> None:
        check_ring()
        host = host_name()
        name = f"{host}-{os.getpid()}-{secrets.token_hex(2)}"
        lines = 0
        for line in reconcile(name, host):
            self.stdout.write(line)
            self.stdout.flush()
            lines += 1
        self.stdout.write(
            "Nothing is running, and every status agrees with its tasks."
            if not lines
            else f"{lines} looked at."
        )
