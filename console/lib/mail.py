"""Mail about what happened: sent after the fact, and never a reason why the fact fails."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Letter:
    """One mail to one person."""

    to: str
    subject: str
    body: str


def send(letters: Sequence[Letter]) -> None:
    """Send them over one connection. A mail server that fails is logged; nothing is raised."""
    messages = [
        EmailMessage(
            # A name with a line break in it must not become a header.
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
