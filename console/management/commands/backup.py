"""`manage.py backup FILE`: write the whole database to one file while it is in use."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from console.backup.archive import BackupError
from console.backup.create import backup, described


class Command(BaseCommand):
    help = (
        "Write a consistent backup of the database to FILE (mode 0600), replacing "
        "an older one. The console does not have to be stopped. The keys are "
        "included only with --with-keys."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--with-keys",
            action="store_true",
            help="include the keys; anyone who has the file can then read every secret",
        )

    def handle(self, *, file: Path, with_keys: bool, **options: object) -> None:
        try:
            manifest = backup(file.absolute(), with_keys=with_keys)
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        for line in described(manifest):
            self.stdout.write(line)
        self.stdout.write(
            "The keys are included. Protect the file like a password."
            if with_keys
            else (
                "The keys are not included. Keep CONSOLE_ENCRYPTION_KEYS in another place. "
                "Without the keys, no secret in the backup can be read."
            )
        )
        self.stdout.write(f"Written to {file}")
