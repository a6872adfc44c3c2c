"""A SQLite file shared by all processes of the host: used nonces and rate limits.

It survives a restart of the server. A power failure can lose the last seconds of replay
protection, so writes are not synced to disk: measured, a synced write takes twenty
times as long as the rest of the check.
"""

import os
import sqlite3
import threading
from pathlib import Path

from django.conf import settings

BUSY_SECONDS = 5.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS nonce (
    digest BLOB PRIMARY KEY, expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nonce_expires ON nonce (expires);
CREATE TABLE IF NOT EXISTS bucket (
    access_key TEXT PRIMARY KEY, tokens REAL NOT NULL, filled REAL NOT NULL
) WITHOUT ROWID;
"""
_local = threading.local()


def connection() -> sqlite3.Connection:
    """Return the connection of this thread and process.

    Raises sqlite3.Error if the file cannot be used.
    """
    identity = (os.getpid(), str(settings.DATA_DIR))
    if getattr(_local, "identity", None) != identity:
        _local.connection = _open(Path(settings.DATA_DIR) / "api.sqlite3")
        _local.identity = identity
    opened: sqlite3.Connection = _local.connection
    return opened


def _open(path: Path) -> sqlite3.Connection:
    opened = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    path.chmod(0o600)
    opened.execute("PRAGMA journal_mode=WAL")
    opened.execute("PRAGMA synchronous=OFF")
    opened.executescript(SCHEMA)
    return opened
