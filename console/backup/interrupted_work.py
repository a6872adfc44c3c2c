"""SQL for a restored database that ends all work which was in progress at the backup.

Nothing is executed again: running work may have changed the cloud since, and waiting
work may have run. It is SQL because it belongs to the transaction that restores the
data, so that no worker can claim a task. It uses only columns that exist since the
first version.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

RAN = (
    "Restored from a backup. The task was running when the backup was created "
    "and is not executed again. Changes after the backup are not recorded. "
    "Check the existing resources, and then update the instance again or "
    "terminate it."
)
WAITED = (
    "Restored from a backup. The task was waiting when the backup was created "
    "and is not executed. The task might have run after the backup. Check the "
    "existing resources, and then update the instance again or terminate it."
)
PREVIEW = "Restored from a backup. The preview had not finished. Preview again."
CHECK = "Restored from a backup. The check had not finished. Check again."


def statements(moment: datetime, vendor: str) -> Iterator[str]:
    """Yield the SQL, for SQLite and PostgreSQL, that ends all unfinished work."""
    # The format of Django, because SQLite stores text.
    zone = "+00:00" if vendor == "postgresql" else ""
    at = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") + zone
    ended = (
        f"state = 'ended', ended_at = '{at}', updated_at = '{at}', lease_until = NULL"
    )
    yield from _instances()
    yield from _plans(at)
    for state, message in (("running", RAN), ("queued", WAITED)):
        yield (
            f"UPDATE instances_task SET status_message = {_text(message)},"
            f" status = 'Failed', {ended} WHERE state = '{state}'"
        )
    yield (
        f"UPDATE instances_check SET status_message = {_text(CHECK)},"
        f" status = 'Failed', {ended} WHERE state <> 'ended'"
    )
    yield (f"UPDATE instances_plan SET {ended} WHERE state <> 'ended'")


def session_statements(migrations: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the SQL that deletes sessions and worker heartbeats.

    Users who were signed in at the backup must not be signed in now. Only tables that
    the version of the backup had are named.
    """
    for app, migration, table in (
        ("console", "0004_sessions", "console_session"),
        ("sessions", "0001_initial", "django_session"),
        ("instances", "0005_heartbeat", "instances_heartbeat"),
    ):
        if migration in migrations.get(app, ()):
            yield f"DELETE FROM {table}"


def _instances() -> Iterator[str]:
    for state, message in (("running", RAN), ("queued", WAITED)):
        yield (
            f"UPDATE instances_instance SET status = 'Error',"
            f" status_message = {_text(message)} WHERE id IN"
            f" (SELECT instance_id FROM instances_task WHERE state = '{state}')"
        )


def _plans(at: str) -> Iterator[str]:
    yield (
        "UPDATE instances_plan SET status = 'ExecuteFailed',"
        f" status_message = {_text(RAN)}, updated_at = '{at}' WHERE id IN"
        " (SELECT plan_id FROM instances_task WHERE state <> 'ended')"
    )
    yield (
        "UPDATE instances_plan SET status = 'PreviewFailed',"
        f" status_message = {_text(PREVIEW)}"
        " WHERE status = 'PreviewInProgress' AND state <> 'ended'"
    )
    # Previews are out of date after a restore, so approvals expire.
    yield (
        f"UPDATE instances_plan SET expires_at = '{at}' WHERE status IN"
        " ('PreviewSuccess', 'ApplicationInProgress', 'ApplicationApproved')"
    )


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
