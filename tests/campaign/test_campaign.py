"""A short campaign, and the proof that its oracle sees what it is there to see.

The long one: `python -m tests.campaign --kills 1000`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from instances.engines import sandbox
from tests.faults.conftest import database_url

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]


def campaign(tmp_path, *options):
    """Run one on a database of its own; what it printed and whether all was well."""
    if not sandbox.available():
        pytest.skip("no landlock")
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    if database_url().startswith("postgres"):
        environment["DATABASE_URL"] = database_url()
    else:
        environment.pop("DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaign", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr


def test_no_work_is_lost_repeated_or_misreported(tmp_path):
    well, said = campaign(tmp_path, "--kills=12", "--every=0.8", "--seed=7")
    assert well, said
    assert re.search(r"12 kills .* 0 violations", said)


def test_without_fencing_the_oracle_finds_a_false_status(tmp_path):
    """Workers are put to sleep and woken up while others hold their runs."""
    if connection.vendor != "sqlite":
        pytest.skip("the oracle is the same for every database")
    options = ("--kills=16", "--every=0.8", "--seed=7", "--victims=pause")
    well, said = campaign(tmp_path, *options, "--plant=fencing")
    assert not well
    assert re.search("VIOLATION .*I[2345] ", said), said
