"""Creation of a backup."""

import tempfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils.timezone import now

from console.backup.archive import (
    DATABASE,
    Manifest,
    copy,
    private_file,
    write_parts,
)
from console.backup.databases import store
from console.lib.encryption import key_ids


def backup(path: Path, *, with_keys: bool) -> Manifest:
    """Write a backup of the running system to `path`; return its manifest.

    An existing file is replaced only when the new one is complete. Raises BackupError.
    """
    keys = own_keys() if with_keys else None
    with (
        private_file(path) as draft,
        # In the same directory: another file system could be full or readable by others.
        tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as name,
    ):
        copied = Path(name) / DATABASE
        store().dump(copied)
        return _pack(copied, draft, keys)


def own_keys() -> dict[str, str]:
    """Return the secrets of this installation."""
    return {
        "CONSOLE_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
        "CONSOLE_SECRET_KEY": settings.SECRET_KEY,
    }


def _pack(database: Path, target: Path, keys: dict[str, str] | None) -> Manifest:
    # The dump of PostgreSQL is already compressed.
    postgresql = connection.vendor == "postgresql"
    method = zipfile.ZIP_STORED if postgresql else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(target, "w", method, compresslevel=3) as archive:
        with (
            database.open("rb") as source,
            archive.open(DATABASE, "w", force_zip64=True) as stream,
        ):
            size, digest = copy(source, stream)
        manifest = Manifest(
            made_at=now().isoformat(timespec="seconds"),
            version=_version(),
            engine=connection.vendor,
            migrations=migrations(),
            key_ids=key_ids(),
            bytes=size,
            sha256=digest,
            keys_inside=keys is not None,
        )
        write_parts(archive, manifest, keys)
    return manifest


def migrations() -> dict[str, list[str]]:
    """Return the applied migrations by app."""
    found: dict[str, list[str]] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        found.setdefault(app, []).append(name)
    return found


def described(manifest: Manifest) -> Iterator[str]:
    """Yield lines that describe a backup."""
    yield f"{manifest.engine}, version {manifest.version}, made {manifest.made_at}"
    yield f"{manifest.bytes} bytes, SHA-256 {manifest.sha256}"


def _version() -> str:
    try:
        return version_of("service-catalog-console")
    except PackageNotFoundError:
        return "unknown"
