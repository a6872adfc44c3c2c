"""`manage.py remove_second_factors USERNAME`: for an administrator who lost the MFA device."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from console.accounts.second_factor import remove_factors
from console.lib.errors import NotFoundError
from console.lib.users import User


class Command(BaseCommand):
    help = "Remove the MFA methods of a user. The password is then enough to sign in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *, username: str, **options: object) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"User not found: {username}.")
        try:
            remove_factors(user, by=None)
        except NotFoundError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"MFA has been removed for {username}.")
