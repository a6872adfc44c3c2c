"""`manage.py verify_audit`: verify the hash chain of the audit log."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from console.audit_log.chain import BrokenChainError, verify


class Command(BaseCommand):
    help = (
        "Check that no audit entry was changed or removed. Exit with 1 and name the "
        "first changed entry."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            length, last = verify()
        except BrokenChainError as found:
            raise CommandError(str(found)) from found
        self.stdout.write(f"{length} entries, chain intact. Last hash: {last or '-'}")
