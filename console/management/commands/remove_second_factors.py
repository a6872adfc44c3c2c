"""`manage.py remove_second_factors USERNAME`: for the administrator who has lost theirs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from console.accounts.second_factor import remove_factors
from console.lib.errors import NotFoundError
from console.lib.users import User


class Command(BaseCommand):
    help = "Remove the MFA methods of a user. The password is then enough to sign in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *, username: str, **options: Any) -> None:
        person = User.objects.filter(username=username).first()
        if person is None:
            raise CommandError(f"User not found: {username}.")
        try:
            remove_factors(person, by=None)
        except NotFoundError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"MFA has been removed for {username}.")
