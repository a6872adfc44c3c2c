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
    """Adds the request's ID to every log line, and to one about a request whose it was."""

    def format(self, record: logging.LogRecord) -> str:
        # Django logs a refusal when the request is over already, but names it.
        request = getattr(record, "request", None)
        known = current_request_id.get() or getattr(request, "id", "")
        record.request_id = known or "-"
        # As far as somebody has asked already: a log line is no reason for a query.
        person = getattr(request, "_cached_user", None)
        name = person.get_username() if person is not None else ""
        record.by = f" by {name}" if name else ""
        return super().format(record)
