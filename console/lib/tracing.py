"""What ties a request to its log lines and audit entries: its ID, and where it came from."""

import logging
import uuid
from contextvars import ContextVar

current_request_id: ContextVar[str] = ContextVar("request_id", default="")
# The client's address; empty for a command or a worker.
current_source: ContextVar[str] = ContextVar("source", default="")


def new_request_id() -> str:
    """Return an upper-case UUID, the form of the vendor's request IDs."""
    return str(uuid.uuid4()).upper()


class RequestFormatter(logging.Formatter):
    """Adds the request's ID to every log line."""

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = current_request_id.get() or "-"
        return super().format(record)
