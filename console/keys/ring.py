"""Secrets of the deployment that are made on the very first start, and never again.

Read by the settings, so nothing here may need them.
"""

import base64
import os
import secrets
from importlib import import_module
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

CONNECT_SECONDS = 5


def kept_secret(path: Path, size: int) -> str:
    """Return the secret in a file, made when there is none: mode 0600, all of it or nothing."""
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
            pass  # another process that starts at this moment was faster
        finally:
            draft.unlink()
    return path.read_text().strip()


def kept_keys(path: Path, database: dict[str, Any]) -> str:
    """Return the encryption keys in a file, made when there is none and no data either.

    Raises ImproperlyConfigured: beside data that was encrypted with another key, a new one
    would only hide that the old one is missing.
    """
    if not path.exists() and holds_data(database):
        raise ImproperlyConfigured(
            "CONSOLE_ENCRYPTION_KEYS is not set, and the database already holds data that "
            "was encrypted with a key. Set it to that key, or put the key's file back: "
            f"{path}"
        )
    return kept_secret(path, 32)


def holds_data(database: dict[str, Any]) -> bool:
    """Whether the database has been used before.

    Raises ImproperlyConfigured when it does not answer: it may have been.
    """
    if "sqlite3" in database["ENGINE"]:
        path = Path(database["NAME"])
        return path.is_file() and path.stat().st_size > 0
    try:
        driver = import_module("psycopg")
    except ImportError:
        return False  # without the driver nothing is going to start
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
            asked = "SELECT to_regclass('console_user') IS NOT NULL"
            return bool(connection.execute(asked).fetchone()[0])
    except driver.Error as error:
        raise ImproperlyConfigured(
            "CONSOLE_ENCRYPTION_KEYS is not set, and the database cannot be asked whether "
            f"it is new: {error}"
        ) from error
