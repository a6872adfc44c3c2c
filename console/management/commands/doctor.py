"""`manage.py doctor`: check the installation and say how to solve problems."""

import subprocess
from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from console.doctor import data, host
from console.doctor.result import OK, PROBLEM, DoctorCheck, DoctorResult

CHECKS: tuple[DoctorCheck, ...] = (
    host.confinement,
    data.keys,
    host.disk,
    data.clock,
    data.database,
    host.terraform,
    host.providers,
    data.workers,
)


def completed(check: DoctorCheck) -> Iterator[DoctorResult]:
    """Yield the results of a check. An exception becomes a result."""
    try:
        yield from check()
    except (OSError, Error, subprocess.SubprocessError) as error:
        remedy = "Correct this problem, and then run the command again."
        yield DoctorResult(PROBLEM, check.__name__[:10], str(error).strip(), remedy)


class Command(BaseCommand):
    help = (
        "Check the requirements of the installation, and suggest a solution for "
        "each problem. Exit with 1 if a problem is found."
    )
    # This command reports problems itself, and must continue after them.
    requires_system_checks = ()

    def handle(self, **options: object) -> None:
        problems = 0
        for check in CHECKS:
            for found in completed(check):
                self.stdout.write(f"{found.level:8} {found.subject:10} {found.message}")
                if found.level != OK and found.remedy:
                    self.stdout.write(f"{'':19} → {found.remedy}")
                problems += found.level == PROBLEM
        if problems:
            counted = "1 problem" if problems == 1 else f"{problems} problems"
            raise CommandError(f"{counted} found.")
        self.stdout.write("All checks passed.")
