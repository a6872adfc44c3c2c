"""The cache that counts failed sign-ins, shared by all processes, and its failure.

Without the counters sign-in is refused, because passwords could be guessed otherwise.
The error tells the user and the administrator how to repair the table.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache.backends.db import DatabaseCache
from django.db import OperationalError, ProgrammingError
from django.utils.translation import gettext_lazy as _

from console.lib.errors import DomainError

log = logging.getLogger(__name__)


class ThrottleUnavailableError(DomainError):
    """Failed sign-ins cannot be counted, so no sign-in is possible."""

    code = "ServiceUnavailable"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            _("Sign-in is unavailable because failed attempts cannot be counted."),
            hint=_(
                "Try again in a minute. If the problem persists, contact your "
                "administrator. The table console_cache is missing, or the console cannot "
                "access it. The administrator can run manage.py createcachetable to create "
                "the table, and manage.py doctor to check for other problems. Users who are "
                "signed in can continue to work."
            ),
        )


class SharedCount(DatabaseCache):
    """The database cache of Django, which reports a missing table."""

    def get_many(self, *args: Any, **options: Any) -> Any:
        with _missing_table_reported():
            return super().get_many(*args, **options)

    def has_key(self, *args: Any, **options: Any) -> Any:
        with _missing_table_reported():
            return super().has_key(*args, **options)

    def _base_set(self, *args: Any, **options: Any) -> Any:
        with _missing_table_reported():
            return super()._base_set(*args, **options)  # type: ignore[misc]

    def _base_delete_many(self, *args: Any, **options: Any) -> Any:
        with _missing_table_reported():
            return super()._base_delete_many(*args, **options)  # type: ignore[misc]


@contextmanager
def _missing_table_reported() -> Iterator[None]:
    """Raise ThrottleUnavailableError for a missing table, but not for a locked database."""
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        # SQLite raises OperationalError for a missing table and for a lock.
        if isinstance(error, OperationalError) and "no such table" not in str(error):
            raise
        log.error("failed sign-ins cannot be counted: %s", error)
        raise ThrottleUnavailableError from error
