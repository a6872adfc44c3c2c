"""Changing the encryption key: everything sealed is sealed anew with the ring's first key.

A row is read and written by its old ciphertext, so a change by somebody else in between wins.
Rows done already are recognised by their key's ID: the rotation goes on where it was stopped.
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
    """What a rotation found. `broken` lists columns of rows no key of the ring opens."""

    resealed: int = 0
    current: int = 0
    broken: list[str] = field(default_factory=list)

    def run(self, batch: int = BATCH) -> Iterator[str]:
        """Go through every table, a transaction per batch; yield a line after each column."""
        for column in encrypted_columns():
            before = self.resealed
            last = None
            while pks := _next(column.model, last, batch):
                with transaction.atomic():
                    self._batch(column, pks)
                last = pks[-1]
            yield f"{column.model._meta.label}.{column.name}: {self.resealed - before}"
        for text in TEXTS:
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

    def _text(self, text: "Text", row: Any) -> None:
        old = getattr(row, text.name)
        try:
            new = text.anew(old)
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
        # Somebody wrote a newer value meanwhile: with the first key, like all that is new.
        self.resealed += rows.update(**{column.attname: new})


@dataclass(frozen=True)
class Text:
    """A column of a table that is not ours alone, with ciphertext in it."""

    model: type[models.Model]
    name: str
    # The column's value sealed anew; None when it has the first key already.
    anew: Callable[[Any], Any]


def _session_anew(data: str) -> str | None:
    return reseal_text(data, sessions.CONTEXT)


def _factor_anew(data: dict[str, Any]) -> dict[str, Any] | None:
    found = {name: data[name] for name in ("secret", "seed") if name in data}
    new = {n: reseal_text(text, second_factor.CONTEXT) for n, text in found.items()}
    return data | new if any(new.values()) else None


TEXTS = (
    Text(sessions.Session, "session_data", _session_anew),
    Text(Authenticator, "data", _factor_anew),
)


def _next(model: type[models.Model], last: object, batch: int) -> list[object]:
    rows = model._base_manager.order_by("pk")
    if last is not None:
        rows = rows.filter(pk__gt=last)
    return list(rows.values_list("pk", flat=True)[:batch])
