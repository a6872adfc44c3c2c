"""The check of the audit audit_log: every entry is what it was, and none is missing."""

from console.lib.audit import AuditEntry, AuditHead

BATCH = 1000


class BrokenChainError(Exception):
    """The first place at which the chain does not hold, in words."""


def verify() -> tuple[int, str]:
    """Read the whole chain; return its length and the hash of its last entry.

    Raises BrokenChainError. Whoever can rewrite every entry can also make a new chain: to notice
    that, keep the last hash somewhere else.
    """
    length, previous = 0, ""
    chained = AuditEntry.objects.filter(sequence__isnull=False).order_by("sequence")
    for entry in chained.iterator(chunk_size=BATCH):
        length += 1
        if entry.sequence != length:
            raise BrokenChainError(f"Entry {length} is missing.")
        if entry.previous_hash != previous:
            raise BrokenChainError(
                f"Entry {length} does not follow the one before it: {_named(entry)}."
            )
        if entry.hash != entry.digest():
            raise BrokenChainError(f"Entry {length} was changed: {_named(entry)}.")
        previous = entry.hash
    _check_head(length)
    _check_strays()
    return length, previous


def _named(entry: AuditEntry) -> str:
    when = f"{entry.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"row {entry.pk}, {entry.action}, {when}"


def _check_head(length: int) -> None:
    head = AuditHead.objects.filter(pk=AuditHead.ONLY).first()
    told = head.sequence if head else 0
    if told != length:
        raise BrokenChainError(
            f"The chain ends at entry {length}, but {told} were written."
        )


def _check_strays() -> None:
    """Entries from before the chain are older than all of it."""
    chained = AuditEntry.objects.filter(sequence__isnull=False)
    first = chained.order_by("pk").first()
    strays = AuditEntry.objects.filter(sequence=None)
    stray = strays.filter(pk__gt=first.pk).first() if first else None
    if stray is not None:
        raise BrokenChainError(
            f"Row {stray.pk} ({stray.action}) is not part of the chain."
        )
