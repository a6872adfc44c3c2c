"""Field encryption: AES-256-GCM with a key ring, and the row's identity as associated data.

The first key encrypts, all keys decrypt. A ciphertext decrypts only in the row and
column for which it was written, so it cannot be copied to a row with other readers.
"""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Iterator
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from console.lib.exact import dumps, loads

NONCE_SIZE = 12
KEY_ID_SIZE = 4


class DecryptionError(Exception):
    """No key of the ring decrypts the value: a key is missing, or it was changed."""


class Sealed(bytes):
    """A ciphertext: 4 bytes of key ID, 12 bytes of nonce, then AES-GCM."""


def generate_key() -> str:
    """Return a new 256-bit key in the format of CONSOLE_ENCRYPTION_KEYS."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _ring() -> list[tuple[bytes, AESGCM]]:
    ring = []
    for text in settings.ENCRYPTION_KEYS:
        try:
            key = base64.urlsafe_b64decode(text)
            ring.append((hashlib.sha256(key).digest()[:KEY_ID_SIZE], AESGCM(key)))
        except (binascii.Error, ValueError) as error:
            raise ImproperlyConfigured(
                "CONSOLE_ENCRYPTION_KEYS: each key is 32 bytes in URL-safe base64."
            ) from error
    if not ring:
        raise ImproperlyConfigured("CONSOLE_ENCRYPTION_KEYS is empty.")
    return ring


def key_id_of(text: str) -> str:
    """Return the ID of a key in hexadecimal, with which all its ciphertexts begin."""
    key = base64.urlsafe_b64decode(text.strip())
    return hashlib.sha256(key).digest()[:KEY_ID_SIZE].hex()


def key_ids() -> list[str]:
    """Return the IDs of the ring's keys; the first one encrypts."""
    return [key_id.hex() for key_id, _cipher in _ring()]


def seal(plain: bytes, context: str) -> Sealed:
    """Encrypt with the first key; decryption needs the same `context`."""
    key_id, cipher = _ring()[0]
    nonce = secrets.token_bytes(NONCE_SIZE)
    return Sealed(key_id + nonce + cipher.encrypt(nonce, plain, context.encode()))


def unseal(sealed: bytes, context: str) -> bytes:
    """Decrypt with the key that encrypted the value.

    Raises DecryptionError if no key of the ring matches or the context differs.
    """
    key_id, nonce = sealed[:KEY_ID_SIZE], sealed[KEY_ID_SIZE : KEY_ID_SIZE + NONCE_SIZE]
    for known, cipher in _ring():
        if known == key_id:
            try:
                return cipher.decrypt(
                    nonce, sealed[KEY_ID_SIZE + NONCE_SIZE :], context.encode()
                )
            except InvalidTag:
                break
    raise DecryptionError(f"Cannot decrypt {context}: check CONSOLE_ENCRYPTION_KEYS.")


def reseal(sealed: bytes, context: str) -> Sealed | None:
    """Encrypt again with the first key; return None if it is the key already.

    Raises DecryptionError.
    """
    key_id, _cipher = _ring()[0]
    if sealed[:KEY_ID_SIZE] == key_id:
        return None
    return seal(unseal(sealed, context), context)


def seal_text(text: str, context: str) -> str:
    """Encrypt a text as Base64, for columns that hold text."""
    return base64.b64encode(seal(text.encode(), context)).decode()


def unseal_text(sealed: str, context: str) -> str:
    """Decrypt the result of `seal_text`. Raises DecryptionError."""
    return unseal(_sealed(sealed, context), context).decode()


def reseal_text(sealed: str, context: str) -> str | None:
    """Encrypt the result of `seal_text` again; None if not needed. Raises DecryptionError."""
    new = reseal(_sealed(sealed, context), context)
    return None if new is None else base64.b64encode(new).decode()


def _sealed(text: str, context: str) -> Sealed:
    try:
        return Sealed(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise DecryptionError(
            f"Cannot decrypt {context}: it is no ciphertext."
        ) from error


class EncryptedAttribute(DeferredAttribute):
    """Attribute that decrypts when it is read, not when the row is loaded."""

    field: "EncryptedField"

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if not isinstance(value, Sealed):
            return value
        return self.field.loads(unseal(value, self.field.context(instance)))

    def __set__(self, instance: models.Model, value: object) -> None:
        # A data descriptor: otherwise Python would return the ciphertext of __dict__.
        instance.__dict__[self.field.attname] = value


class EncryptedField(models.BinaryField):
    """Bytes, encrypted at rest.

    The primary key is part of the associated data, so a model must set it before it is
    saved. `QuerySet.update()` with a plain value is refused, because it has no row.
    """

    descriptor_class = EncryptedAttribute
    # Types of assignment and access, for the mypy plugin of Django.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def context(self, instance: models.Model) -> str:
        label = instance._meta.label_lower
        return f"{label}:{instance.pk}:{self.attname}"

    def dumps(self, value: Any) -> bytes:
        return bytes(value)

    def loads(self, plain: bytes) -> Any:
        return plain

    def from_db_value(self, value: bytes | None, *args: object) -> Sealed | None:
        return None if value is None else Sealed(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> object:
        value = model_instance.__dict__.get(self.attname)
        if value is None or isinstance(value, Sealed):
            return value
        if model_instance.pk is None:
            raise ValueError(f"{self} needs a primary key before it can encrypt.")
        return seal(self.dumps(value), self.context(model_instance))

    def get_db_prep_value(
        self, value: Any, connection: Any, prepared: bool = False
    ) -> Any:
        if value is not None and not isinstance(value, Sealed):
            raise TypeError(f"{self}: save the object; a plain value has no row yet.")
        return super().get_db_prep_value(value, connection, prepared)


class EncryptedJSONField(EncryptedField):
    """A JSON value, encrypted at rest."""

    def dumps(self, value: object) -> bytes:
        return dumps(value, ensure_ascii=False).encode()

    def loads(self, plain: bytes) -> Any:
        return loads(plain)


def encrypted_columns() -> list[EncryptedField]:
    """Return the encrypted columns of all tables."""
    return [
        column
        for model in apps.get_models(include_auto_created=True)
        for column in model._meta.local_fields
        if isinstance(column, EncryptedField)
    ]


def sealed_values(limit: int) -> Iterator[tuple[str, bytes]]:
    """Yield up to `limit` values of each encrypted column as pairs of context and ciphertext."""
    for column in encrypted_columns():
        rows = column.model._base_manager.exclude(**{column.attname: None})
        for row in rows.only("pk", column.attname).order_by("-pk")[:limit]:
            yield column.context(row), row.__dict__[column.attname]


def can_unseal(context: str, sealed: bytes) -> bool:
    """Return True if a key of the ring decrypts the value."""
    try:
        unseal(sealed, context)
    except DecryptionError:
        return False
    return True


def check_ring() -> None:
    """Raise ImproperlyConfigured if the key ring decrypts nothing in this database.

    Values written with such keys could not be read with the old ones later.
    """
    found = list(sealed_values(1))
    if found and not any(can_unseal(*each) for each in found):
        raise ImproperlyConfigured(
            "CONSOLE_ENCRYPTION_KEYS does not match this database. Set it to the keys "
            "that the data was encrypted with."
        )
