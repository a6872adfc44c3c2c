"""Where failed sign-ins are counted: a table that all processes share, and what if it is gone.

Without the count nobody is let in, for then passwords could be guessed. What people and their
administrator are told is how to get the count back.
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
    """Failed sign-ins cannot be counted, so none can be tried."""

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
    """Django's cache in the database, which says what to do when its table is away."""

    def get_many(self, *args: Any, **options: Any) -> Any:
        with _told():
            return super().get_many(*args, **options)

    def has_key(self, *args: Any, **options: Any) -> Any:
        with _told():
            return super().has_key(*args, **options)

    def _base_set(self, *args: Any, **options: Any) -> Any:
        with _told():
            return super()._base_set(*args, **options)  # type: ignore[misc]

    def _base_delete_many(self, *args: Any, **options: Any) -> Any:
        with _told():
            return super()._base_delete_many(*args, **options)  # type: ignore[misc]


@contextmanager
def _told() -> Iterator[None]:
    """Turn what a missing table raises into a refusal; a locked database is another matter."""
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        # SQLite calls it an operational error, as it does a lock that will pass.
        if isinstance(error, OperationalError) and "no such table" not in str(error):
            raise
        log.error("failed sign-ins cannot be counted: %s", error)
        raise ThrottleUnavailableError from error
