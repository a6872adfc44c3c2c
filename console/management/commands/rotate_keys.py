"""`manage.py rotate_keys`: encrypt all secrets with the first of CONSOLE_ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from console.keys.rotation import BATCH, Rotation


class Command(BaseCommand):
    help = (
        "Encrypt every secret again with the first key. Put the new key first, "
        "restart, run this command, and then remove the old key. The command can be "
        "interrupted and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--batch", type=int, default=BATCH, help="rows per transaction"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rotation = Rotation()
        for line in rotation.run(max(1, options["batch"])):
            self.stdout.write(line)
        if rotation.broken:
            raise CommandError(
                f"{len(rotation.broken)} values cannot be decrypted with any key: "
                f"{', '.join(rotation.broken[:10])}. Keep the old keys."
            )
        self.stdout.write(
            f"{rotation.resealed} encrypted again, {rotation.current} had the first key."
        )
