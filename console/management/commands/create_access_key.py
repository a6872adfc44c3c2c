"""`manage.py create_access_key USERNAME`: create a key and print it as JSON."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from console.api.access_keys import AccessKey
from console.lib.errors import ConflictError
from console.lib.users import User


class Command(BaseCommand):
    help = "Create an access key for a user and print it once, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *, username: str, **options: object) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"User not found: {username}.")
        try:
            key = AccessKey.objects.issue(user, by=None)
        except ConflictError as refusal:
            raise CommandError(
                f"{refusal} Existing keys are listed on the page /access-keys/."
            ) from refusal
        self.stdout.write(key.credentials())
