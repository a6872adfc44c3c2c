"""Verification of the audit log: no entry was changed or removed."""

from console.lib.audit import AuditEntry, AuditHead

BATCH = 1000


class BrokenChainError(Exception):
    """The first inconsistency of the chain."""


def verify() -> tuple[int, str]:
    """Verify the whole chain; return its length and the hash of its last entry.

    Raises BrokenChainError. A chain that was rewritten as a whole is consistent: to
    detect that, keep the last hash elsewhere.
    """
    length, previous = 0, ""
    chained = AuditEntry.objects.filter(sequence__isnull=False).order_by("sequence")
    for entry in chained.iterator(chunk_size=BATCH):
        length += 1
        if entry.sequence != length:
            raise BrokenChainError(f"Entry {length} is missing.")
        if entry.previous_hash != previous:
            raise BrokenChainError(
                f"Entry {length} does not follow the one before it: {_label(entry)}."
            )
        if entry.hash != entry.digest():
            raise BrokenChainError(f"Entry {length} was changed: {_label(entry)}.")
        previous = entry.hash
    _check_head(length)
    _check_strays()
    return length, previous


def _label(entry: AuditEntry) -> str:
    when = f"{entry.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"row {entry.pk}, {entry.action}, {when}"


def _check_head(length: int) -> None:
    head = AuditHead.objects.filter(pk=AuditHead.ONLY).first()
    expected = head.sequence if head else 0
    if expected != length:
        raise BrokenChainError(
            f"The chain ends at entry {length}, but {expected} were written."
        )


def _check_strays() -> None:
    """Check that all unchained entries are older than the chain."""
    chained = AuditEntry.objects.filter(sequence__isnull=False)
    first = chained.order_by("pk").first()
    strays = AuditEntry.objects.filter(sequence=None)
    stray = strays.filter(pk__gt=first.pk).first() if first else None
    if stray is not None:
        raise BrokenChainError(
            f"Row {stray.pk} ({stray.action}) is not part of the chain."
        )
