"""Rotation of the encryption keys: all ciphertexts are encrypted again with the first key.

A row is updated only if its ciphertext is unchanged, so concurrent changes are kept.
Rows that have the first key already are skipped, so an interrupted rotation can be run
again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import models, transaction

from console.accounts import second_factor, sessions
from console.lib.audit import AuditEntry
from console.lib.encryption import (
    DecryptionError,
    EncryptedField,
    encrypted_columns,
    reseal,
    reseal_text,
)

BATCH = 50


@dataclass
class Rotation:
    """Counts of a rotation. `broken` lists the values that no key of the ring decrypts."""

    resealed: int = 0
    current: int = 0
    broken: list[str] = field(default_factory=list)

    def run(self, batch: int = BATCH) -> Iterator[str]:
        """Process every table with one transaction per batch; yield a line for each column."""
        for column in encrypted_columns():
            before = self.resealed
            last = None
            while pks := _next(column.model, last, batch):
                with transaction.atomic():
                    self._batch(column, pks)
                last = pks[-1]
            yield f"{column.model._meta.label}.{column.name}: {self.resealed - before}"
        for text in TEXT_COLUMNS:
            before = self.resealed
            for row in text.model._base_manager.only("pk", text.name).iterator():
                self._text(text, row)
            yield f"{text.model._meta.label}.{text.name}: {self.resealed - before}"
        self._record()

    def _record(self) -> None:
        facts = {
            "resealed": self.resealed,
            "current": self.current,
            "unreadable": len(self.broken),
        }
        AuditEntry.objects.record("RotateKeys", None, by=None, after=facts)

    def _batch(self, column: EncryptedField, pks: list[object]) -> None:
        rows = column.model._base_manager.filter(pk__in=pks).only("pk", column.name)
        for row in rows:
            self._row(column, row)

    def _text(self, text: "TextColumn", row: models.Model) -> None:
        old = getattr(row, text.name)
        try:
            new = text.resealed_value(old)
        except DecryptionError:
            self.broken.append(f"{text.model._meta.label}:{row.pk}:{text.name}")
            return
        if new is None:
            self.current += 1
            return
        same = text.model._base_manager.filter(**{"pk": row.pk, text.name: old})
        self.resealed += same.update(**{text.name: new})

    def _row(self, column: EncryptedField, row: models.Model) -> None:
        old = row.__dict__.get(column.attname)
        if old is None:
            return
        try:
            new = reseal(old, column.context(row))
        except DecryptionError:
            self.broken.append(column.context(row))
            return
        if new is None:
            self.current += 1
            return
        same = {"pk": row.pk, column.attname: old}
        rows = column.model._base_manager.filter(**same)
        # A value that was changed concurrently already has the first key.
        self.resealed += rows.update(**{column.attname: new})


@dataclass(frozen=True)
class TextColumn:
    """A text column with ciphertext, also in tables of other packages."""

    model: type[models.Model]
    name: str
    # Returns the value encrypted with the first key, or None if it is already.
    resealed_value: Callable[[Any], object]


def _reseal_session(data: str) -> str | None:
    return reseal_text(data, sessions.CONTEXT)


def _reseal_factor(data: dict[str, str]) -> dict[str, str] | None:
    resealed = {
        name: new
        for name in ("secret", "seed")
        if name in data
        and (new := reseal_text(data[name], second_factor.CONTEXT)) is not None
    }
    return data | resealed if resealed else None


TEXT_COLUMNS = (
    TextColumn(sessions.Session, "session_data", _reseal_session),
    TextColumn(Authenticator, "data", _reseal_factor),
)


def _next(model: type[models.Model], last: object, batch: int) -> list[object]:
    rows = model._base_manager.order_by("pk")
    if last is not None:
        rows = rows.filter(pk__gt=last)
    return list(rows.values_list("pk", flat=True)[:batch])
