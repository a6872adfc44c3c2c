"""What a restored database says of the work that was going on when its backup was made.

None of it is carried out: what had been running may have changed the cloud since, and what
was waiting may have run. SQL, because it belongs to the transaction that puts the data back:
no worker ever sees a task it could take. It names only columns that were there from the first
version on.
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
    """SQL for SQLite and PostgreSQL that ends all work, and tells the truth about it."""
    # As Django writes it: SQLite keeps the text.
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


def farewells(migrations: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """SQL that signs everybody out and forgets the workers, in that same transaction.

    Who was signed in when the backup was made is not signed in now. Of the tables only those
    are named that the backup's version had.
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
    # What was previewed then is not what is there now: no approval outlives a restore.
    yield (
        f"UPDATE instances_plan SET expires_at = '{at}' WHERE status IN"
        " ('PreviewSuccess', 'ApplicationInProgress', 'ApplicationApproved')"
    )


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
