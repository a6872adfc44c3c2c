"""What an installation of an old version left in its data directory, kept as a test's data."""

import io
import json
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

DATA = Path(__file__).with_name("data")
# The rest of the directory is made anew by the next start.
FILES = ("console.sqlite3", "encryption_keys", "secret_key", "host")
FACTS = "facts.json"
# Settings with which sessions and plans do not expire, however old the data are.
CENTURY = {
    "CONSOLE_SESSION_HOURS": "876000",
    "CONSOLE_SESSION_IDLE_MINUTES": "52560000",
    "CONSOLE_PLAN_HOURS": "876000",
}


def pack(data, facts, archive):
    """Keep a data directory nobody works in, and the facts about it."""
    (data / FACTS).write_text(json.dumps(facts, indent=1))
    with closing(sqlite3.connect(data / "console.sqlite3")) as database:
        # One file, without what was deleted from it.
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute("VACUUM")
    with tarfile.open(archive, "w:gz") as opened:
        for name in (*FILES, FACTS):
            content = (data / name).read_bytes()
            # Without the names and times of whoever made it.
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            opened.addfile(entry, io.BytesIO(content))


def unpack(archive, directory):
    """Put the data where a new version finds it; return the facts about it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tarfile.open(archive) as opened:
        opened.extractall(directory, filter="data")
    return json.loads((directory / FACTS).read_text())
