"""How far a task has come, in the words of its page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from console.lib.errors import Text
from console.lib.pagination import COUNT_CAP, capped_count
from instances.models import Heartbeat, Task

MINUTE = 60
# What is said of a silent worker is out of date after so many seconds.
SILENCE_FRESH_SECONDS = 5


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
    return f"{int(age // SILENCE_FRESH_SECONDS)}"


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


STAGES: dict[str, Text] = {
    "init": gettext_lazy("Initialize providers"),
    "plan": gettext_lazy("Calculate changes"),
    "apply": gettext_lazy("Apply changes"),
    "destroy": gettext_lazy("Destroy resources"),
}
# A page that shows elapsed time is out of date after so many seconds.
FRESH_SECONDS = 10


@dataclass(frozen=True)
class Progress:
    """`percent` is None while the number of resources is not known. Times are in seconds.

    `lost` says that nobody watches the run, so that nothing is known of it at the moment.
    """

    task: Task
    text: str
    percent: int | None
    elapsed: float | None
    heard: str
    lost: bool
    queued: Queued | None
    steps: list[dict[str, Any]]
    seen: str

    @property
    def stopping(self) -> Text:
        """How far the run has been urged to stop; empty before the first time."""
        return Task.Stop(self.task.stop_step).label


def task_progress(task: Task) -> Progress:
    """Read a task's progress from its row."""
    elapsed = task.seconds if task.started_at else None
    running = task.state == Task.State.RUNNING
    queued = Queued.of(task) if task.state == Task.State.QUEUED else None
    return Progress(
        task=task,
        text=_text(task),
        percent=task.progress_percent if task.resources_total else None,
        elapsed=elapsed,
        heard=heard_text(task.heartbeat_at, task.told_at) if running else "",
        lost=is_lost(task.state, task.lease_until, task.told_at),
        queued=queued,
        steps=_steps(task),
        seen=_seen(task, elapsed, queued),
    )


def _seen(task: Task, elapsed: float | None, queued: Queued | None) -> str:
    """Changes whenever a page that shows the progress has become out of date."""
    facts: list[Any] = [task.state, task.stage]
    facts += [task.resources_done, task.resources_total]
    facts.append(int((elapsed or 0) // FRESH_SECONDS))
    facts.append(heard_mark(task.heartbeat_at, task.told_at))
    facts.append(task.stop_step)
    facts.append("lost" if is_lost(task.state, task.lease_until, task.told_at) else "")
    facts.append(queued.mark if queued else "")
    return ".".join(str(fact) for fact in facts)


def _text(task: Task) -> str:
    if task.state == Task.State.QUEUED:
        return _("Waiting for a worker")
    if task.resources_total is None:
        return _("Calculating changes") if task.active else _("No resources processed")
    return _("%(done)d of %(total)d resources") % {
        "done": min(task.resources_done, task.resources_total),
        "total": task.resources_total,
    }


def stage_times(task: Task) -> list[tuple[Text, datetime | None, datetime | None]]:
    """The stages heard of, by time, with when each began and was last heard of."""
    # By time, not as stored: PostgreSQL puts the keys of JSON into an order of its own.
    heard = sorted(
        task.stages, key=lambda stage: str(task.stages[stage].get("started"))
    )
    return [
        (
            _label(task, stage),
            _moment(task.stages[stage].get("started")),
            _moment(task.stages[stage].get("latest")),
        )
        for stage in heard
    ]


def _label(task: Task, stage: str) -> Text:
    if stage == "apply" and task.kind == Task.Kind.TERMINATE:
        return STAGES["destroy"]
    return STAGES.get(stage, stage)


def _steps(task: Task) -> list[dict[str, Any]]:
    """The stages heard of, and those still to come while the task is active."""
    # By time, not as stored: PostgreSQL puts the keys of JSON into an order of its own.
    heard = sorted(
        task.stages, key=lambda stage: str(task.stages[stage].get("started"))
    )
    if task.stage and task.stage not in heard:
        heard.append(task.stage)
    usual = [stage for stage in ("init", "plan", "apply") if stage not in heard]
    ahead = [s for s in usual if not heard or _order(s) > _order(heard[-1])]
    return [_step(task, stage, heard) for stage in [*heard, *(ahead * task.active)]]


def _order(stage: str) -> int:
    return list(STAGES).index(stage) if stage in STAGES else -1


def _step(task: Task, stage: str, heard: list[str]) -> dict[str, Any]:
    last = bool(heard) and stage == heard[-1]
    if stage not in heard:
        state = "next"
    elif last and task.active:
        state = "now"
    elif last and task.status == Task.Status.FAILED:
        state = "failed"
    else:
        state = "done"
    return {
        "label": _label(task, stage),
        "state": state,
        "seconds": _seconds(task, stage, state),
    }


def _seconds(task: Task, stage: str, state: str) -> float | None:
    times = task.stages.get(stage, {})
    started, latest = _moment(times.get("started")), _moment(times.get("latest"))
    lost = is_lost(task.state, task.lease_until, task.told_at)
    until = task.told_at if state == "now" and not lost else latest
    if started is None or until is None:
        return None
    return max(0.0, (until - started).total_seconds())


def _moment(text: Any) -> datetime | None:
    try:
        moment = parse_datetime(text or "")
    except ValueError:
        return None
    return moment if moment and is_aware(moment) else None
