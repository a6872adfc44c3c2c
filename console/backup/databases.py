"""Dump and load for the two supported databases."""

import glob
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import IO, Protocol

from django.db import connection

from console.backup.archive import BackupError
from instances.engines import processes

BUSY_SECONDS = 60.0
# Environment variables of libpq for the TLS options of DATABASE_URL.
TLS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "channel_binding": "PGCHANNELBINDING",
}


class Store(Protocol):
    """A database that can be dumped and loaded."""

    def dump(self, target: Path) -> None:
        """Write a consistent copy without stopping other processes."""

    def load(self, source: Path, statements: Iterable[str]) -> None:
        """Replace all data by a copy and execute the statements, atomically."""


class SQLite:
    """SQLite through its backup API.

    Measured: 4 of 40 plain copies of a live file were damaged.
    """

    def __init__(self) -> None:
        self.path = Path(connection.settings_dict["NAME"])

    def dump(self, target: Path) -> None:
        with (
            closing(_open(self.path, "?mode=ro")) as live,
            closing(_open(target)) as copy,
        ):
            live.backup(copy)
            # Otherwise the copy would need a -wal file.
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
                # One transaction: if the process is killed, the old data remains.
                copy.backup(live)


def _open(path: Path, options: str = "") -> sqlite3.Connection:
    # A URI, because ? and % in the path must be escaped.
    address = f"{path.absolute().as_uri()}{options}"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)


def _check(opened: sqlite3.Connection) -> None:
    found = opened.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise BackupError(f"The database file is damaged: {found}.")


class PostgreSQL:
    """PostgreSQL through pg_dump, pg_restore and psql, which must be as new as the server."""

    def dump(self, target: Path) -> None:
        options = ["--format=custom", "--no-owner", "--no-privileges"]
        with target.open("wb") as stream:
            _call(["pg_dump", *options], stdout=stream)

    def load(self, source: Path, statements: Iterable[str]) -> None:
        # One script is one transaction, which replaces all tables.
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


def _call(command: list[str], **streams: IO[bytes]) -> None:
    """Run a PostgreSQL tool with the connection parameters in its environment."""
    program, *options = command
    values = connection.settings_dict
    variables = {
        "PGHOST": values["HOST"],
        "PGPORT": values["PORT"],
        "PGUSER": values["USER"],
        "PGPASSWORD": values["PASSWORD"],
        "PGDATABASE": values["NAME"],
        **{name: values["OPTIONS"].get(key) for key, name in TLS.items()},
    }
    environment = os.environ | {k: str(v) for k, v in variables.items() if v}
    done = processes.run(
        [tool(program), *options],
        env=environment,
        stderr=subprocess.PIPE,
        check=False,
        **streams,
    )
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip()
        raise BackupError(f"{program} failed: {message}")


def tool(program: str) -> str:
    """Return the path of a PostgreSQL tool: Debian's newest version, or the one on the PATH.

    Raises BackupError.
    """
    debian = glob.glob(f"/usr/lib/postgresql/*/bin/{program}")
    newest = max(debian, default="", key=lambda path: float(path.split("/")[4]))
    found = newest or shutil.which(program) or ""
    if not found:
        raise BackupError(
            f"{program} is not installed. Install the client tools of PostgreSQL, as new as "
            "the server (Debian: postgresql-client)."
        )
    return found


def store() -> Store:
    """Return the database of this installation."""
    return PostgreSQL() if connection.vendor == "postgresql" else SQLite()
