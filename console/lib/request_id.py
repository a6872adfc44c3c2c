"""The request ID and the client address, for log lines and audit entries."""

import logging
import uuid
from contextvars import ContextVar

current_request_id: ContextVar[str] = ContextVar("request_id", default="")
# The client address; empty in commands and workers.
current_source: ContextVar[str] = ContextVar("source", default="")


def new_request_id() -> str:
    """Return an upper-case UUID, the format of the vendor's request IDs."""
    return str(uuid.uuid4()).upper()


class RequestFormatter(logging.Formatter):
    """Log formatter that adds the request ID, and the user of the logged request."""

    def format(self, record: logging.LogRecord) -> str:
        # Django logs a failed request after its end, but passes it along.
        request = getattr(record, "request", None)
        known = current_request_id.get() or getattr(request, "id", "")
        record.request_id = known or "-"
        # Only if already loaded: a log line must not cause a query.
        user = getattr(request, "_cached_user", None)
        name = user.get_username() if user is not None else ""
        record.by = f" by {name}" if name else ""
        return super().format(record)
