"""Who looks after a task: the worker that holds it, the queue before it, or nobody.

A lease that has run out says that nobody watches the run, and nothing about the run: it is
detached and may well go on. Such a task is told as unknown, never as failed or done.

Leases are in the database's time, so what is said of them is judged by that time too (`at`):
the clock of a web host may be another one.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.lib.pagination import COUNT_CAP, capped_count
from instances.models import Heartbeat, Task

MINUTE = 60
# What is said of a silent worker is out of date after so many seconds.
FRESH_SECONDS = 5


def is_lost(state: str | None, lease_until: datetime | None, at: datetime) -> bool:
    """Whether a run has nobody who watches it: its lease is over and nobody took it up."""
    running = state == Task.State.RUNNING
    return running and lease_until is not None and lease_until < at


def heard_text(heartbeat_at: datetime | None, at: datetime) -> str:
    """When the worker was last heard, for people: "worker last heard 4 s ago"."""
    if heartbeat_at is None:
        return _("no worker heartbeat yet")
    seconds = max(0, int((at - heartbeat_at).total_seconds()))
    if seconds < 2 * MINUTE:
        return _("last worker heartbeat %(seconds)d s ago") % {"seconds": seconds}
    return _("last worker heartbeat %(minutes)d min ago") % {
        "minutes": seconds // MINUTE
    }


def heard_mark(heartbeat_at: datetime | None, at: datetime) -> str:
    """Changes whenever the sentence about the worker has become too old to stand."""
    if heartbeat_at is None:
        return ""
    age = (at - heartbeat_at).total_seconds()
    return f"{int(age // FRESH_SECONDS)}"


@dataclass(frozen=True)
class Queued:
    """A task that waits: since when, behind how many, and whether anybody will come.

    It is `held` while as many changes run in its region as may; without `room` every worker
    that lives is on a host whose disk is too full to begin anything.
    """

    since: datetime
    before: int
    held: bool
    attended: bool
    room: bool

    @classmethod
    def of(cls, task: Task) -> "Queued":
        # As `WorkQuerySet.in_turn` has them: fair between people.
        level = Q(turn=task.turn)
        sooner = Q(turn__lt=task.turn) | level & Q(queued_at__lt=task.queued_at)
        tie = level & Q(queued_at=task.queued_at, pk__lt=task.pk)
        before = capped_count(Task.objects.queued().filter(sooner | tie))
        held = bool(settings.REGION_CONCURRENCY) and not (
            Task.objects.startable().filter(pk=task.pk).exists()
        )
        rooms = Heartbeat.objects.rooms()
        return cls(task.queued_at, before, held, bool(rooms), rooms != {False})

    @property
    def text(self) -> str:
        """Since when it waits, and what is before it."""
        since = _("Waiting for a worker since %(time)s.") % {
            "time": f"{localtime(self.since):%H:%M:%S}"
        }
        if self.held:
            full = _("The region runs the maximum number of tasks at the same time.")
            return f"{since} {full}"
        if not self.before:
            following = _("This task is the next in the queue.")
            return f"{since} {following}"
        shown = f"{COUNT_CAP}+" if self.before > COUNT_CAP else str(self.before)
        place = ngettext(
            "%(count)s task is ahead in the queue.",
            "%(count)s tasks are ahead in the queue.",
            self.before,
        )
        return f"{since} {place % {'count': shown}}"

    @property
    def mark(self) -> str:
        """Changes whenever the page has something new to say."""
        missing = "" if self.attended else "!"
        return f"{self.before}{'h' * self.held}{missing}{'' if self.room else 'f'}"
