"""Make the data of an old version anew: what a user of that version would have today.

    python -m tests.upgrade.make 6df2aca 0.1.0

takes the code of that revision out of the git history, starts `serve --demo` of it, leads
the life of `story.py` by pages and signed calls, and keeps what the data directory holds then
in `data/0.1.0.tar.gz`. It needs Terraform. Sessions and plans of that installation last a
hundred years, by its settings, so that the data do not expire.
"""

import os
import sys
import tempfile
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
django.setup()

from tests.faults.installation import Installation  # noqa: E402
from tests.upgrade.old_version import unpacked  # noqa: E402
from tests.upgrade.stored import CENTURY, DATA, pack  # noqa: E402
from tests.upgrade.story import Story  # noqa: E402


def make(revision, name):
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory, "data")
        data.mkdir(mode=0o700)
        # Else it would be the name of this machine.
        (data / "host").write_text("example-host")
        site = Installation(data, **CENTURY)
        site.root = unpacked(revision, Path(directory, "code"))
        site.serve()
        try:
            facts = Story(site.address).tell()
        finally:
            site.stop()
        pack(data, facts, DATA / f"{name}.tar.gz")


if __name__ == "__main__":
    make(*sys.argv[1:])
