"""The code of an old version, from the history of the repository."""

import io
import shutil
import subprocess
import tarfile

import pytest

from tests.faults.installation import ROOT

# The last revision of version 0.1.0, and the last one before the modules were renamed.
VERSION_0_1_0 = "6df2aca6205fb24141935b6b8875f776be3fa6d4"
BEFORE_THE_NAMES = "656e358c0104a7894bc0a6724bd427931dd2e722"


def git(*arguments):
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, check=False
    )


def unpacked(revision, directory):
    """Unpack the code of a revision; it runs with the packages that are installed now.

    What the product depends on has not changed since version 0.1.0.
    """
    if not shutil.which("git") or git("cat-file", "-e", revision).returncode:
        pytest.skip(
            f"the history has no revision {revision[:8]}: this clone is shallow"
        )
    archive = git("archive", revision)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as opened:
        opened.extractall(directory, filter="data")
    return directory
