"""What the installation keeps: keys, database, clock, and who works on it."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.timezone import now

from console.doctor.result import OK, PROBLEM, WARNING, Finding
from console.lib.encryption import can_unseal, key_ids, sealed_values
from instances.models import Heartbeat

SAMPLE = 20
CLOCK_SECONDS = 2.0
# What SQLite must answer: less loses what was acknowledged, or locks people out.
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
# PostgreSQL's, with what another value would cost.
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


def keys() -> Iterator[Finding]:
    """Whether the keys are keys, are private, and open what is here."""
    try:
        ring = key_ids()
    except ImproperlyConfigured as error:
        remedy = "Set CONSOLE_ENCRYPTION_KEYS to the keys of this installation."
        yield Finding(PROBLEM, "keys", str(error), remedy)
        return
    for name in ("encryption_keys", "secret_key"):
        path = Path(settings.DATA_DIR) / name
        if path.exists() and path.stat().st_mode & 0o077:
            remedy = f"chmod 600 {path}"
            yield Finding(PROBLEM, "keys", f"{path} is open to others", remedy)
    try:
        found = {
            context: can_unseal(context, value)
            for context, value in sealed_values(SAMPLE)
        }
    except Error:
        return  # the database says more about itself below
    closed = [context for context, opened in found.items() if not opened]
    if closed:
        said = f"{len(closed)} of {len(found)} values cannot be opened, for example {closed[0]}"
        remedy = "Add the key that they were encrypted with to CONSOLE_ENCRYPTION_KEYS."
        yield Finding(PROBLEM, "keys", said, remedy)
    else:
        said = f"{len(ring)} keys in the ring; {len(found)} values checked, all can be opened"
        yield Finding(OK, "keys", said)


def database() -> Iterator[Finding]:
    """Whether it answers, keeps what it acknowledges, and has every migration."""
    try:
        connection.ensure_connection()
        postgresql = connection.vendor == "postgresql"
        yield from _postgresql() if postgresql else _sqlite()
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        tables = connection.introspection.table_names()
    except Error as error:
        remedy = "Check that the database is running and that DATABASE_URL is correct."
        yield Finding(PROBLEM, "database", str(error).strip(), remedy)
        return
    if not tables:
        remedy = (
            "Run `manage.py serve`, or `manage.py migrate` and `manage.py "
            "createcachetable`, to create the tables."
        )
        yield Finding(
            PROBLEM, "database", f"{connection.vendor}, no tables yet", remedy
        )
        return
    if settings.CACHES["default"]["LOCATION"] not in tables:
        said = (
            "sign-in is unavailable because the table that counts failed attempts is "
            "missing"
        )
        yield Finding(PROBLEM, "database", said, "manage.py createcachetable")
    if missing:
        said = f"{len(missing)} migrations are missing"
        yield Finding(PROBLEM, "database", said, "manage.py migrate")
    else:
        yield Finding(OK, "database", f"{connection.vendor}, all migrations are there")


def _sqlite() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        for name, wanted in PRAGMAS.items():
            cursor.execute(f"PRAGMA {name}")
            found = cursor.fetchone()[0]
            if found != wanted:
                said = f"SQLite's {name} is {found}, not {wanted}"
                remedy = (
                    "Put the database on a local disk. Network shares do not support this "
                    "setting."
                )
                yield Finding(PROBLEM, "database", said, remedy)


def _postgresql() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        for name, wanted in DURABLE.items():
            cursor.execute("SELECT current_setting(%s)", [name])
            found = cursor.fetchone()[0]
            if found == "off":
                said = f"PostgreSQL's {name} is off, so a power failure can lose committed changes"
                yield Finding(WARNING, "database", said, f"Set {name} = {wanted}.")


def clock() -> Iterator[Finding]:
    """Whether this host and the database agree on the time."""
    if connection.vendor != "postgresql":
        yield Finding(OK, "clock", "one host, one clock")
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            apart = abs((now() - cursor.fetchone()[0]).total_seconds())
    except Error:
        return
    said = f"{apart:.1f} s difference from the clock of the database"
    remedy = (
        "Synchronize the clocks of all hosts with NTP. Request signatures and "
        "recorded times depend on the clocks."
    )
    yield Finding(OK if apart < CLOCK_SECONDS else PROBLEM, "clock", said, remedy)


def workers() -> Iterator[Finding]:
    """Whether anybody does the work."""
    try:
        found = list(Heartbeat.objects.alive().values_list("name", "host", "room"))
    except Error:
        return
    if not found:
        remedy = "Run `manage.py serve`, which starts a worker, or `manage.py work`."
        yield Finding(WARNING, "workers", "none is running", remedy)
        return
    names = sorted(name for name, _host, _room in found)
    yield Finding(OK, "workers", f"{len(names)} alive: {', '.join(names)}")
    full = sorted({host for _name, host, room in found if not room})
    if full:
        rest = any(room for _name, _host, room in found)
        said = f"no task starts on {', '.join(full)}: the free disk space is below the minimum"
        said += "; other hosts run the tasks" if rest else ", so all tasks wait"
        remedy = "Free disk space on this host, or lower CONSOLE_FREE_BYTES."
        yield Finding(WARNING if rest else PROBLEM, "workers", said, remedy)
