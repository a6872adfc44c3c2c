"""Short runs of the campaigns in this folder, with the commands of the README."""

import os
import subprocess
import sys

import pytest
from django.conf import settings


def run_campaign(tmp_path, module, *arguments):
    """Run a campaign in its own process with its own settings and data."""
    kept = ("PATH", "HOME", "LANG")
    told = subprocess.run(
        [sys.executable, "-m", f"tests.security.{module}", *arguments],
        cwd=settings.BASE_DIR,
        env={name: os.environ[name] for name in kept if name in os.environ},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    return told, f"{told.stdout}\n{told.stderr[-4000:]}"


@pytest.mark.engine
def test_a_short_campaign_finds_no_problem(tmp_path, terraform):
    # However slow a busy machine answers: only a long run judges that.
    short = ("--requests", "400", "--seed", "11", "--p99", "inf")
    told, shown = run_campaign(tmp_path, "fuzz", *short)
    assert told.returncode == 0, shown
    assert "400 requests" in told.stdout
