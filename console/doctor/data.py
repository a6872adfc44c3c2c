"""Checks of the data: keys, database, clock and workers."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.timezone import now

from console.doctor.result import OK, PROBLEM, WARNING, DoctorResult
from console.lib.encryption import can_unseal, key_ids, sealed_values
from instances.models import Heartbeat

SAMPLE = 20
CLOCK_SECONDS = 2.0
# Required values of SQLite: others lose committed data or cause lock errors.
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
# Settings of PostgreSQL without which a power failure loses committed data.
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


def keys() -> Iterator[DoctorResult]:
    """Check that the keys are valid, private, and decrypt the stored values."""
    try:
        ring = key_ids()
    except ImproperlyConfigured as error:
        remedy = "Set CONSOLE_ENCRYPTION_KEYS to the keys of this installation."
        yield DoctorResult(PROBLEM, "keys", str(error), remedy)
        return
    for name in ("encryption_keys", "secret_key"):
        path = Path(settings.DATA_DIR) / name
        if path.exists() and path.stat().st_mode & 0o077:
            remedy = f"chmod 600 {path}"
            yield DoctorResult(
                PROBLEM, "keys", f"{path} can be read by other users", remedy
            )
    try:
        found = {
            context: can_unseal(context, value)
            for context, value in sealed_values(SAMPLE)
        }
    except Error:
        return  # the database says more about itself below
    unreadable = [context for context, opened in found.items() if not opened]
    if unreadable:
        message = f"{len(unreadable)} of {len(found)} values cannot be opened, for example {unreadable[0]}"
        remedy = "Add the key that they were encrypted with to CONSOLE_ENCRYPTION_KEYS."
        yield DoctorResult(PROBLEM, "keys", message, remedy)
    else:
        message = f"{len(ring)} keys in the ring; {len(found)} values checked, all can be opened"
        yield DoctorResult(OK, "keys", message)


def database() -> Iterator[DoctorResult]:
    """Check the connection, durability settings and migrations."""
    try:
        connection.ensure_connection()
        postgresql = connection.vendor == "postgresql"
        yield from _postgresql() if postgresql else _sqlite()
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        tables = connection.introspection.table_names()
    except Error as error:
        remedy = "Check that the database is running and that DATABASE_URL is correct."
        yield DoctorResult(PROBLEM, "database", str(error).strip(), remedy)
        return
    if not tables:
        remedy = (
            "Run `manage.py serve`, or `manage.py migrate` and `manage.py "
            "createcachetable`, to create the tables."
        )
        yield DoctorResult(
            PROBLEM, "database", f"{connection.vendor}, no tables yet", remedy
        )
        return
    if settings.CACHES["default"]["LOCATION"] not in tables:
        message = (
            "sign-in is unavailable because the table that counts failed attempts is "
            "missing"
        )
        yield DoctorResult(PROBLEM, "database", message, "manage.py createcachetable")
    if missing:
        message = f"{len(missing)} migrations are missing"
        yield DoctorResult(PROBLEM, "database", message, "manage.py migrate")
    else:
        yield DoctorResult(
            OK, "database", f"{connection.vendor}, all migrations are there"
        )


def _sqlite() -> Iterator[DoctorResult]:
    with connection.cursor() as cursor:
        for name, required in PRAGMAS.items():
            cursor.execute(f"PRAGMA {name}")
            found = cursor.fetchone()[0]
            if found != required:
                message = f"SQLite's {name} is {found}, not {required}"
                remedy = (
                    "Put the database on a local disk. Network shares do not support this "
                    "setting."
                )
                yield DoctorResult(PROBLEM, "database", message, remedy)


def _postgresql() -> Iterator[DoctorResult]:
    with connection.cursor() as cursor:
        for name, required in DURABLE.items():
            cursor.execute("SELECT current_setting(%s)", [name])
            found = cursor.fetchone()[0]
            if found == "off":
                message = f"PostgreSQL's {name} is off, so a power failure can lose committed changes"
                yield DoctorResult(
                    WARNING, "database", message, f"Set {name} = {required}."
                )


def clock() -> Iterator[DoctorResult]:
    """Check that the clocks of this host and the database agree."""
    if connection.vendor != "postgresql":
        yield DoctorResult(OK, "clock", "the database uses the clock of this host")
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            difference = abs((now() - cursor.fetchone()[0]).total_seconds())
    except Error:
        return
    message = f"{difference:.1f} s difference from the clock of the database"
    remedy = (
        "Synchronize the clocks of all hosts with NTP. Request signatures and "
        "recorded times depend on the clocks."
    )
    yield DoctorResult(
        OK if difference < CLOCK_SECONDS else PROBLEM, "clock", message, remedy
    )


def workers() -> Iterator[DoctorResult]:
    """Check that a worker is running and has free disk space."""
    try:
        found = list(Heartbeat.objects.alive().values_list("name", "host", "room"))
    except Error:
        return
    if not found:
        remedy = "Run `manage.py serve`, which starts a worker, or `manage.py work`."
        yield DoctorResult(WARNING, "workers", "none is running", remedy)
        return
    names = sorted(name for name, _host, _room in found)
    yield DoctorResult(OK, "workers", f"{len(names)} running: {', '.join(names)}")
    full = sorted({host for _name, host, room in found if not room})
    if full:
        rest = any(room for _name, _host, room in found)
        message = f"no task starts on {', '.join(full)}: the free disk space is below the minimum"
        message += "; other hosts run the tasks" if rest else ", so all tasks wait"
        remedy = "Free disk space on this host, or lower CONSOLE_FREE_BYTES."
        yield DoctorResult(WARNING if rest else PROBLEM, "workers", message, remedy)
