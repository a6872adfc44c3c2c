"""Rate limit per access key: a token bucket shared by all processes of the host."""

import math
import time

from django.conf import settings
from django.utils.translation import gettext as _

from console.api.host_store import connection
from console.lib.errors import DomainError

# A full bucket lets a client make two seconds' worth of calls at once.
BURST_SECONDS = 2
TAKE = """
INSERT INTO bucket VALUES (:key, :burst - 1, :now)
ON CONFLICT (access_key) DO UPDATE SET
    tokens = min(:burst, tokens + max(0, :now - filled) * :rate) - 1,
    filled = :now
WHERE min(:burst, tokens + max(0, :now - filled) * :rate) >= 1
"""


class ThrottledError(DomainError):
    """The rate limit of the key is exceeded; `retry_after` is in milliseconds."""

    code = "Throttling.User"

    def __init__(self, rate: int) -> None:
        super().__init__(
            _(
                "This access key can make up to %(rate)d requests per second. Wait and try "
                "again."
            )
            % {"rate": rate}
        )
        self.retry_after = math.ceil(1000 / rate)


def take_token(key_id: str) -> None:
    """Take a token from the bucket of a key. Raises ThrottledError if it is empty."""
    rate = settings.API_RATE
    if rate <= 0:
        return
    values = {
        "key": key_id,
        "burst": float(rate * BURST_SECONDS),
        "rate": float(rate),
        "now": time.time(),
    }
    if not connection().execute(TAKE, values).rowcount:
        raise ThrottledError(rate)
