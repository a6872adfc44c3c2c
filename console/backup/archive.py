"""The backup file: a ZIP archive with the database and a manifest."""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database"
KEYS = "keys.json"
CHUNK = 1 << 20


class BackupError(Exception):
    """A backup cannot be created, read or restored; the message says what to do."""


@dataclass(frozen=True)
class Manifest:
    """The description of a backup. `key_ids` identify the encryption keys by digest."""

    made_at: str
    version: str
    engine: str
    migrations: dict[str, list[str]]
    key_ids: list[str]
    bytes: int
    sha256: str
    keys_inside: bool = False
    format: int = FORMAT
    facts: dict[str, object] = field(default_factory=dict)


@contextmanager
def private_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file with mode 0600 that replaces `path` on success."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.close(descriptor)
    try:
        yield draft
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        draft.replace(path)
        # The new name is durable only after a sync of the directory.
        directory = os.open(path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
    finally:
        draft.unlink(missing_ok=True)


def copy(source: IO[bytes], target: IO[bytes]) -> tuple[int, str]:
    """Copy a stream; return the number of bytes and their SHA-256."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
        target.write(chunk)
    return size, digest.hexdigest()


def write_parts(
    archive: zipfile.ZipFile, manifest: Manifest, keys: dict[str, str] | None
) -> None:
    """Write the manifest and the keys into a backup."""
    archive.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
    if keys is not None:
        archive.writestr(KEYS, json.dumps(keys))


def read_manifest(archive: zipfile.ZipFile) -> Manifest:
    """Return the manifest of a backup. Raises BackupError for any other file."""
    try:
        known = set(archive.namelist()) <= {MANIFEST, DATABASE, KEYS}
        manifest = Manifest(**json.loads(archive.read(MANIFEST)))
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise BackupError("This is not a backup of the service catalog.") from error
    if not known or manifest.format != FORMAT:
        raise BackupError(
            f"This backup has format {manifest.format}; this version reads {FORMAT}."
        )
    return manifest


def extract_database(
    archive: zipfile.ZipFile, manifest: Manifest, target: Path
) -> None:
    """Write the database of a backup to a file. Raises BackupError if it is damaged."""
    try:
        with archive.open(DATABASE) as source, target.open("wb") as stream:
            found = copy(source, stream)
    except (KeyError, zipfile.BadZipFile, EOFError) as error:
        raise BackupError(f"The backup is damaged: {error}.") from error
    if found != (manifest.bytes, manifest.sha256):
        raise BackupError(
            "The backup is damaged: the digest of the database does not match."
        )
