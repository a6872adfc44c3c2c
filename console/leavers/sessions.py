"""The sessions of one person. A session does not know its person but by being opened."""

from collections.abc import Iterator

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils.timezone import now

from console.lib.people import User

BATCH = 500


def _keys(person: User) -> Iterator[str]:
    """The keys of the living sessions in which this person is signed in."""
    me = str(person.pk)
    living = Session.objects.filter(expire_date__gt=now()).order_by()
    for session in living.iterator(chunk_size=BATCH):
        if session.get_decoded().get(SESSION_KEY) == me:
            yield session.session_key


def count_sessions(person: User) -> int:
    """Count the browsers in which somebody is signed in."""
    return sum(1 for _ in _keys(person))


def end_sessions(person: User) -> int:
    """Sign somebody out of every browser; return of how many."""
    keys = list(_keys(person))
    for start in range(0, len(keys), BATCH):
        Session.objects.filter(pk__in=keys[start : start + BATCH]).delete()
    return len(keys)
