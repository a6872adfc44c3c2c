"""Secrets that are created at the first start of an installation.

The settings import this module, so it must not use them.
"""

import base64
import os
import secrets
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

CONNECT_SECONDS = 5


def kept_secret(path: Path, size: int) -> str:
    """Return the secret in a file; create the file atomically, with mode 0600."""
    if not path.exists():
        text = base64.urlsafe_b64encode(secrets.token_bytes(size)).decode()
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # created concurrently by another process
        finally:
            draft.unlink()
    return path.read_text().strip()


def kept_keys(path: Path, database: Mapping[str, Any]) -> str:
    """Return the encryption keys in a file; create them only for an empty database.

    Raises ImproperlyConfigured if the database has data: a new key would only conceal
    that the old one is missing.
    """
    if not path.exists() and holds_data(database):
        raise ImproperlyConfigured(
            "CONSOLE_ENCRYPTION_KEYS is not set, and the database already holds data that "
            "was encrypted with a key. Set it to that key, or restore the file of the key: "
            f"{path}"
        )
    return kept_secret(path, 32)


def holds_data(database: Mapping[str, Any]) -> bool:
    """Return True if the database has been used before.

    Raises ImproperlyConfigured if it cannot be reached.
    """
    if "sqlite3" in database["ENGINE"]:
        path = Path(database["NAME"])
        return path.is_file() and path.stat().st_size > 0
    try:
        driver = import_module("psycopg")
    except ImportError:
        return False  # without the driver the server cannot start either
    try:
        with driver.connect(
            dbname=database["NAME"],
            user=database["USER"] or None,
            password=database["PASSWORD"] or None,
            host=database["HOST"] or None,
            port=database["PORT"] or None,
            connect_timeout=CONNECT_SECONDS,
            **database.get("OPTIONS", {}),
        ) as connection:
            query = "SELECT to_regclass('console_user') IS NOT NULL"
            return bool(connection.execute(query).fetchone()[0])
    except driver.Error as error:
        raise ImproperlyConfigured(
            "CONSOLE_ENCRYPTION_KEYS is not set, and the database cannot be "
            f"reached to check that it is new: {error}"
        ) from error
