"""What is encrypted in this database, and whether the keys at hand open it."""

from collections.abc import Iterator

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from console.lib.encryption import DecryptionError, EncryptedField, unseal


def encrypted_columns() -> list[EncryptedField]:
    """Every encrypted column of every table."""
    return [
        column
        for model in apps.get_models(include_auto_created=True)
        for column in model._meta.local_fields
        if isinstance(column, EncryptedField)
    ]


def some_sealed(most: int) -> Iterator[tuple[str, bytes]]:
    """Up to so many values of each encrypted column, with the context that opens them."""
    for column in encrypted_columns():
        rows = column.model._base_manager.exclude(**{column.attname: None})
        for row in rows.only("pk", column.attname).order_by("-pk")[:most]:
            yield column.context(row), row.__dict__[column.attname]


def opens(context: str, sealed: bytes) -> bool:
    """Whether a key of the ring opens a value."""
    try:
        unseal(sealed, context)
    except DecryptionError:
        return False
    return True


def check_ring() -> None:
    """Refuse to work with keys that open nothing of what is here.

    Raises ImproperlyConfigured. What new keys write could not be read with the old ones.
    """
    found = list(some_sealed(1))
    if found and not any(opens(*each) for each in found):
        raise ImproperlyConfigured(
            "CONSOLE_ENCRYPTION_KEYS opens nothing in this database: set it to the keys "
            "its data was encrypted with."
        )
