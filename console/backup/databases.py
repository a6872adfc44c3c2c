"""The two databases: how each is copied whole, and put back in one transaction."""

import glob
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from django.db import connection

from console.backup.archive import BackupError
from instances.engines import processes

BUSY_SECONDS = 60.0
# What libpq calls in the environment what DATABASE_URL says about TLS.
TLS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "channel_binding": "PGCHANNELBINDING",
}


class Store(Protocol):
    """One kind of database."""

    def dump(self, target: Path) -> None:
        """Write a consistent copy while others go on working."""

    def load(self, source: Path, statements: Iterable[str]) -> None:
        """Replace all there is by a copy and carry out the statements: all of it or nothing."""


class SQLite:
    """By SQLite's backup API: measured, a plain copy of a live file was broken in 4 of 40."""

    def __init__(self) -> None:
        self.path = Path(connection.settings_dict["NAME"])

    def dump(self, target: Path) -> None:
        with (
            closing(_open(self.path, "?mode=ro")) as live,
            closing(_open(target)) as copy,
        ):
            live.backup(copy)
            # One file: without this it would want a -wal beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
            _check(copy)

    def load(self, source: Path, statements: Iterable[str]) -> None:
        with closing(_open(source)) as copy:
            _check(copy)
            with copy:
                for statement in statements:
                    copy.execute(statement)
            connection.close()
            with closing(_open(self.path)) as live:
                # One transaction of the target: killed in between, the old data is there.
                copy.backup(live)


def _open(path: Path, options: str = "") -> sqlite3.Connection:
    # As an address: a ? or % in a path would be taken for a part of it.
    address = f"{path.absolute().as_uri()}{options}"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)


def _check(opened: sqlite3.Connection) -> None:
    found = opened.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise BackupError(f"The database file is damaged: {found}.")


class PostgreSQL:
    """By pg_dump, pg_restore and psql, which must be as new as the server."""

    def dump(self, target: Path) -> None:
        options = ["--format=custom", "--no-owner", "--no-privileges"]
        with target.open("wb") as stream:
            _call(["pg_dump", *options], stdout=stream)

    def load(self, source: Path, statements: Iterable[str]) -> None:
        # A script in one transaction: the old tables go and the new ones come at once.
        options = ["--no-owner", "--no-privileges", "--file=-"]
        script = source.with_suffix(".sql")
        with script.open("wb") as stream:
            stream.write(b"DROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n")
            stream.flush()
            _call(["pg_restore", *options, str(source)], stdout=stream)
            stream.write(b"SET search_path = public;\n")
            for statement in statements:
                stream.write(f"{statement};\n".encode())
        connection.close()
        strict = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
        output = ["--output=/dev/null"]
        with script.open("rb") as stream:
            command = ["psql", *strict, *output, "--single-transaction"]
            _call(command, stdin=stream)


def _call(command: list[str], **streams: Any) -> None:
    """Run a tool on the database; the password goes by the environment, which nobody sees."""
    program, *options = command
    values = connection.settings_dict
    told = {
        "PGHOST": values["HOST"],
        "PGPORT": values["PORT"],
        "PGUSER": values["USER"],
        "PGPASSWORD": values["PASSWORD"],
        "PGDATABASE": values["NAME"],
        **{name: values["OPTIONS"].get(key) for key, name in TLS.items()},
    }
    environment = os.environ | {k: str(v) for k, v in told.items() if v}
    done = processes.run(
        [tool(program), *options],
        env=environment,
        stderr=subprocess.PIPE,
        check=False,
        **streams,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise BackupError(f"{program} failed: {said}")


def tool(program: str) -> str:
    """Where a tool of PostgreSQL is: the newest of Debian's, else the one on the PATH.

    Raises BackupError.
    """
    debian = glob.glob(f"/usr/lib/postgresql/*/bin/{program}")
    newest = max(debian, default="", key=lambda path: float(path.split("/")[4]))
    found = newest or shutil.which(program) or ""
    if not found:
        raise BackupError(
            f"{program} is not here. Install the client tools of PostgreSQL, as new as "
            "the server (Debian: postgresql-client)."
        )
    return found


def store() -> Store:
    """The kind of database this installation has."""
    return PostgreSQL() if connection.vendor == "postgresql" else SQLite()
