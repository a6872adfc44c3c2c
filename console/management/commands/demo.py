"""`manage.py demo`: create the demo users and the demo catalog."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from console.demo import PASSWORD, PEOPLE, DemoRefusedError, seed


class Command(BaseCommand):
    help = (
        "Create the demonstration catalog and users. Running the command again "
        "changes nothing."
    )

    def handle(self, **options: object) -> None:
        try:
            made = seed(debug=settings.DEBUG)
        except DemoRefusedError as refusal:
            raise CommandError(str(refusal)) from refusal
        if not made:
            self.stdout.write(
                "The demonstration data already exists. Nothing was changed."
            )
        self.stdout.write(f"Sign in as {', '.join(PEOPLE)} with password {PASSWORD}.")
