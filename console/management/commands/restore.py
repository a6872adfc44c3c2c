"""`manage.py restore FILE`: restore a backup. Work that was in progress is not executed again."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from console.backup.archive import BackupError
from console.backup.restore import restore


class Command(BaseCommand):
    help = (
        "Replace the database with a backup. Waiting and running tasks are set to "
        "Failed and are not executed. All users have to sign in again."
    )
    # The database may be empty or unusable.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--force", action="store_true", help="replace a database that is not empty"
        )

    def handle(self, *, file: Path, force: bool, **options: object) -> None:
        try:
            for line in restore(file, force=force):
                self.stdout.write(line)
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Restored.")
