"""A signed call is answered once: its nonce is remembered until its date has passed.

The file of the host serves the embedded database. With PostgreSQL several hosts may answer
the same key, so the nonces are in a table there.
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

# A call may be signed 15 minutes ahead and replayed until 15 minutes after that.
KEPT = 4 * WINDOW
SWEEP_ONE_IN = 500
SWEEP_MOST = 5000


class UsedNonce(models.Model):
    """A nonce some key has used; only written where several hosts share a database."""

    digest = models.CharField(primary_key=True, max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "console"

    def __str__(self) -> str:
        return self.digest


def first_use(key_id: str, nonce: str) -> bool:
    """Remember a nonce of a key; False when it was used before, by whichever process."""
    digest = hashlib.sha256(f"{key_id}\n{nonce}".encode())
    if database.vendor == "postgresql":
        return _first_in_table(digest.hexdigest())
    return _first_in_file(digest.digest()[:16])


def _first_in_file(digest: bytes) -> bool:
    file, moment = connection(), int(time.time())
    added = file.execute(
        "INSERT OR IGNORE INTO nonce VALUES (?, ?)",
        (digest, moment + int(KEPT.total_seconds())),
    ).rowcount
    if random.randrange(SWEEP_ONE_IN) == 0:
        file.execute(
            "DELETE FROM nonce WHERE digest IN "
            "(SELECT digest FROM nonce WHERE expires < ? LIMIT ?)",
            (moment, SWEEP_MOST),
        )
    return added == 1


def _first_in_table(digest: str) -> bool:
    expires_at = datetime.now(UTC) + KEPT
    with database.cursor() as cursor:
        # One statement, one round trip; its commit does not wait for the disk.
        cursor.execute(
            "INSERT INTO console_usednonce (digest, expires_at) SELECT %s, %s "
            "WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL "
            "ON CONFLICT DO NOTHING",
            [digest, expires_at],
        )
        added = cursor.rowcount
    if random.randrange(SWEEP_ONE_IN) == 0:
        old = UsedNonce.objects.filter(expires_at__lt=now() - timedelta(seconds=1))
        old.filter(pk__in=list(old.values_list("pk", flat=True)[:SWEEP_MOST])).delete()
    return added == 1
