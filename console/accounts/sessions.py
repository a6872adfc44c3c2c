"""Sessions in the database: browser, client address, sign-in time and last use.

The cookie gives access to an account, so it is not stored: a row is found by the hash
of the key, and its content is encrypted. A stolen database opens no session.
"""

import contextlib
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.middleware import (
    SessionMiddleware as DjangoSessionMiddleware,
)
from django.db import OperationalError, models
from django.http import HttpRequest
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from console.lib.encryption import DecryptionError, seal_text, unseal_text
from console.lib.users import User

CONTEXT = "console.session"
# An update for each request would turn every read into a write.
SEEN_RESOLUTION = timedelta(minutes=1)
# Set by tick.js on requests that a page sends without a user action.
AUTOMATIC = "X-Automatic"
# Sessions before sign-in.
ANONYMOUS_SECONDS = 3600
AGENT, ADDRESS = "agent", "address"
AGENT_LENGTH = 200


def seen_resolution() -> timedelta:
    """Return the time between two updates of `seen_at`."""
    return min(SEEN_RESOLUTION, timedelta(minutes=settings.SESSION_IDLE_MINUTES) / 10)


def row_key(session_key: str | None) -> str:
    """Return the primary key of the session of a cookie."""
    return hashlib.sha256((session_key or "").encode()).hexdigest()


class SessionQuerySet(models.QuerySet["Session"]):
    def living(self) -> Self:
        """Return the sessions that have not expired and are not idle."""
        moment = now()
        # The last use can be up to one interval later than `seen_at`.
        idle = timedelta(minutes=settings.SESSION_IDLE_MINUTES) + seen_resolution()
        return self.filter(expire_date__gt=moment, seen_at__gt=moment - idle)

    def of(self, person: User) -> Self:
        """Return the active sessions of a user, the most recently used first."""
        return self.living().filter(user=person).order_by("-seen_at", "pk")

    def end(self) -> int:
        """Delete the sessions, which signs the browsers out; return their number."""
        return self.order_by().delete()[0]


class Session(models.Model):
    """The session of a browser. `user` is null until someone signs in."""

    session_key = models.CharField(_("key"), max_length=64, primary_key=True)
    session_data = models.TextField(_("session data"))
    expire_date = models.DateTimeField(_("expiration date"), db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        related_name="sessions",
        verbose_name=_("user"),
    )
    started_at = models.DateTimeField(_("signed in"), default=now, editable=False)
    seen_at = models.DateTimeField(_("last seen"), default=now, editable=False)
    address = models.CharField(_("from address"), max_length=45, blank=True)
    agent = models.CharField(_("browser"), max_length=AGENT_LENGTH, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        app_label = "console"
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        return f"{self.agent} ({self.address})"


class SessionStore(DatabaseStore):
    """The session store of Django for the table above."""

    row: Session | None = None
    # True for a request that a page sent without a user action.
    automatic = False

    @classmethod
    def get_model_class(cls) -> type[Session]:  # type: ignore[override]
        return Session

    @property
    def started_at(self) -> datetime:
        """The time at which the user signed in."""
        self._get_session()  # type: ignore[attr-defined]
        return self.row.started_at if self.row else now()

    def _get_session_from_db(self) -> Session | None:
        found = Session.objects.living().filter(pk=row_key(self.session_key))
        self.row = found.first()
        if self.row is None:
            self._session_key = None
        elif not self.automatic and now() - self.row.seen_at > seen_resolution():
            # Reading must work with a locked database; the session ends a little earlier.
            with contextlib.suppress(OperationalError):
                found.update(seen_at=now())
        return self.row

    def create(self) -> None:
        # Also called for the new key after sign-in: the age starts again.
        self.row = None
        super().create()

    def exists(self, session_key: str) -> bool:
        return bool(Session.objects.filter(pk=row_key(session_key)).exists())

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(pk=row_key(key)).delete()

    def create_model_instance(  # type: ignore[override]
        self, data: dict[str, Any]
    ) -> Session:
        started_at = self.row.started_at if self.row else now()
        signed_in = SESSION_KEY in data
        lasts = settings.SESSION_COOKIE_AGE if signed_in else ANONYMOUS_SECONDS
        return Session(
            session_key=row_key(self._get_or_create_session_key()),  # type: ignore[attr-defined]
            session_data=self.encode(data),
            expire_date=started_at + timedelta(seconds=lasts),
            user_id=data.get(SESSION_KEY),
            started_at=started_at,
            seen_at=self.row.seen_at if self.row and self.automatic else now(),
            address=data.get(ADDRESS, ""),
            agent=data.get(AGENT, ""),
        )

    def encode(self, session_dict: dict[str, Any]) -> str:
        return seal_text(json.dumps(session_dict), CONTEXT)

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        try:
            return json.loads(unseal_text(str(session_data), CONTEXT))
        except DecryptionError:
            # The encryption key was removed: the user has to sign in again.
            return {}


class SessionMiddleware(DjangoSessionMiddleware):
    """Marks requests that a page sends by itself, which do not extend the session."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.session.automatic = AUTOMATIC in request.headers  # type: ignore[attr-defined]
