"""Mail notifications. A failure to send is logged and never fails the action itself."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Letter:
    """A mail to one recipient."""

    to: str
    subject: str
    body: str


def send(letters: Sequence[Letter]) -> None:
    """Send mails over one connection. Errors of the mail server are logged, not raised."""
    messages = [
        EmailMessage(
            # A line break in a name must not start another header.
            subject=" ".join(letter.subject.split()),
            body=letter.body,
            from_email=settings.DEFAULT_FROM_EMAIL,
            to=[letter.to],
        )
        for letter in letters
    ]
    try:
        get_connection().send_messages(messages)
    except Exception:
        logger.exception("%d mails could not be sent", len(messages))
