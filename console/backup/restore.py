"""Restoration of a backup."""

import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils.timezone import now

from console.audit_log.chain import BrokenChainError, verify
from console.backup import interrupted_work
from console.backup.archive import (
    DATABASE,
    KEYS,
    BackupError,
    Manifest,
    extract_database,
    private_file,
    read_manifest,
)
from console.backup.create import described
from console.backup.databases import store
from console.lib.audit import AuditEntry
from console.lib.encryption import can_unseal, key_id_of, key_ids, sealed_values
from console.lib.users import User
from instances.models import Heartbeat, Task

SAMPLE = 1000


def restore(path: Path, *, force: bool) -> Iterator[str]:
    """Replace the database by a backup; yield lines that describe the progress.

    Raises BackupError before any data is changed; at most the keys of the backup were
    written, which decrypt both. Can be interrupted and run again.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise BackupError(f"{path} cannot be read as a backup: {error}.") from error
    with archive:
        manifest = read_manifest(archive)
        yield from described(manifest)
        _check_target(manifest, force=force)
        yield from _prepare_keys(archive, manifest, force=force)
        # In the data directory, which has the space and the permissions.
        with tempfile.TemporaryDirectory(dir=settings.DATA_DIR) as name:
            extracted = Path(name) / DATABASE
            extract_database(archive, manifest, extracted)
            statements = [
                *interrupted_work.statements(now(), connection.vendor),
                *interrupted_work.session_statements(manifest.migrations),
            ]
            store().load(extracted, statements)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    yield from _report(manifest)


def _check_target(manifest: Manifest, *, force: bool) -> None:
    if manifest.engine != connection.vendor:
        raise BackupError(
            f"The backup is of {manifest.engine}, DATABASE_URL names {connection.vendor}: "
            "restore it into the same kind of database."
        )
    known = set(MigrationLoader(connection=None).disk_migrations)
    unknown = [
        f"{app}.{name}"
        for app, names in manifest.migrations.items()
        for name in names
        if (app, name) not in known
    ]
    if unknown:
        raise BackupError(
            f"The backup was made by a newer version ({', '.join(unknown[:3])}): install "
            "that version first."
        )
    tables = connection.introspection.table_names()
    if "instances_heartbeat" in tables and Heartbeat.objects.alive().exists():
        raise BackupError("A worker is running on this database. Stop it first.")
    if "console_user" in tables and User.objects.exists() and not force:
        raise BackupError(
            "The database already contains users. To replace all data, use --force."
        )


def _prepare_keys(
    archive: zipfile.ZipFile, manifest: Manifest, *, force: bool
) -> Iterator[str]:
    """Make the encryption keys available. Raises BackupError if they are missing."""
    if set(manifest.key_ids) <= set(key_ids()):
        yield "The keys of this installation match the backup."
        return
    if not manifest.keys_inside:
        raise BackupError(
            "The backup was encrypted with other keys, which it does not contain. Set "
            "CONSOLE_ENCRYPTION_KEYS to those of the installation it was made on."
        )
    inside = json.loads(archive.read(KEYS))
    ring = inside["CONSOLE_ENCRYPTION_KEYS"]
    if not {key_id_of(key) for key in ring.split(",")} >= set(manifest.key_ids):
        raise BackupError("The keys in the backup do not match its data.")
    path = Path(settings.DATA_DIR)
    if os.environ.get("CONSOLE_ENCRYPTION_KEYS"):
        raise BackupError(
            "CONSOLE_ENCRYPTION_KEYS is set to other keys than those inside the backup: "
            "unset it, so that the keys of the backup are written to the data directory."
        )
    if force:
        # If the restore is interrupted, the old data still needs the old keys.
        ring = ",".join([ring, *settings.ENCRYPTION_KEYS])
    files = {"encryption_keys": ring, "secret_key": inside["CONSOLE_SECRET_KEY"]}
    for name, text in files.items():
        with private_file(path / name) as draft:
            draft.write_text(text)
    settings.ENCRYPTION_KEYS = ring.split(",")
    yield f"The keys from the backup have been written to {path}."


def _report(manifest: Manifest) -> Iterator[str]:
    """Check the restored data and write an audit entry."""
    ended = list(
        Task.objects.filter(
            status_message__in=[interrupted_work.RAN, interrupted_work.WAITED]
        ).values_list("pk", flat=True)
    )
    found = [can_unseal(*each) for each in sealed_values(SAMPLE)]
    yield f"{sum(found)} of {len(found)} checked encrypted values can be decrypted."
    try:
        length, _last = verify()
        yield f"The audit chain of {length} entries is intact."
    except BrokenChainError as broken:
        yield f"The audit chain is broken, as it was in the backup: {broken}"
    AuditEntry.objects.record(
        "RestoreBackup",
        None,
        by=None,
        after={"made_at": manifest.made_at, "sha256": manifest.sha256},
    )
    yield f"{len(ended)} waiting or running tasks are not executed again."
    yield (
        "Access keys and users are restored from the backup. Deactivate users who "
        "have left since the backup."
    )
    if not all(found):
        raise BackupError(
            "Not all secrets can be decrypted: an older key is missing from "
            "CONSOLE_ENCRYPTION_KEYS. Add it; the data is restored."
        )
