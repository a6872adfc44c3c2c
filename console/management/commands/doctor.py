"""`manage.py doctor`: what is well, what is not, and what to do about it."""

import subprocess
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from console.doctor import data, host
from console.doctor.result import OK, PROBLEM, Examination, Finding

EXAMINATIONS: tuple[Examination, ...] = (
    host.confinement,
    data.keys,
    host.disk,
    data.clock,
    data.database,
    host.terraform,
    host.providers,
    data.workers,
)


def completed(examine: Examination) -> Iterator[Finding]:
    """Yield the findings; one that cannot be made does not stop the next examination."""
    try:
        yield from examine()
    except (OSError, Error, subprocess.SubprocessError) as error:
        remedy = "Correct this problem, and then run the command again."
        yield Finding(PROBLEM, examine.__name__[:10], str(error).strip(), remedy)


class Command(BaseCommand):
    help = (
        "Check the requirements of the installation, and suggest a solution for "
        "each problem. Exit with 1 if a problem is found."
    )
    # What is wrong is said here, and must not keep us from looking further.
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        problems = 0
        for examine in EXAMINATIONS:
            for found in completed(examine):
                self.stdout.write(f"{found.level:8} {found.about:10} {found.said}")
                if found.level != OK and found.remedy:
                    self.stdout.write(f"{'':19} → {found.remedy}")
                problems += found.level == PROBLEM
        if problems:
            counted = "1 problem" if problems == 1 else f"{problems} problems"
            raise CommandError(f"{counted} found.")
        self.stdout.write("All checks passed.")
