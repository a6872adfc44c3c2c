"""Replay protection: the nonces of signed requests, kept until their date has expired.

With SQLite they are in the file of the host. With PostgreSQL several hosts can receive
requests of the same key, so they are in a table.
"""

import hashlib
import random
import time
from datetime import UTC, datetime, timedelta

from django.db import connection as database
from django.db import models
from django.utils.timezone import now

from console.api.host_store import connection
from console.api.signature import WINDOW

# A request can be signed up to 15 minutes ahead and is valid for 15 minutes after that.
RETENTION = 4 * WINDOW
CLEANUP_ONE_IN = 500
MAX_CLEANUP_ROWS = 5000


class UsedNonce(models.Model):
    """A nonce of an access key; only used with PostgreSQL."""

    digest = models.CharField(primary_key=True, max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "console"

    def __str__(self) -> str:
        return self.digest


def use_nonce(key_id: str, nonce: str) -> bool:
    """Store a nonce of a key. Return False if any process has stored it before."""
    digest = hashlib.sha256(f"{key_id}\n{nonce}".encode())
    if database.vendor == "postgresql":
        return _store_in_table(digest.hexdigest())
    return _store_in_file(digest.digest()[:16])


def _store_in_file(digest: bytes) -> bool:
    file, moment = connection(), int(time.time())
    added = file.execute(
        "INSERT OR IGNORE INTO nonce VALUES (?, ?)",
        (digest, moment + int(RETENTION.total_seconds())),
    ).rowcount
    if random.randrange(CLEANUP_ONE_IN) == 0:
        file.execute(
            "DELETE FROM nonce WHERE digest IN "
            "(SELECT digest FROM nonce WHERE expires < ? LIMIT ?)",
            (moment, MAX_CLEANUP_ROWS),
        )
    return added == 1


def _store_in_table(digest: str) -> bool:
    expires_at = datetime.now(UTC) + RETENTION
    with database.cursor() as cursor:
        # One statement is one round trip; the commit does not wait for the disk.
        cursor.execute(
            "INSERT INTO console_usednonce (digest, expires_at) SELECT %s, %s "
            "WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL "
            "ON CONFLICT DO NOTHING",
            [digest, expires_at],
        )
        added = cursor.rowcount
    if random.randrange(CLEANUP_ONE_IN) == 0:
        old = UsedNonce.objects.filter(expires_at__lt=now() - timedelta(seconds=1))
        old.filter(
            pk__in=list(old.values_list("pk", flat=True)[:MAX_CLEANUP_ROWS])
        ).delete()
    return added == 1
