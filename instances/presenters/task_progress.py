"""The progress of a task: percentage, steps, heartbeat and place in the queue.

An expired lease says that no worker monitors the run, and nothing about the run itself: it is
detached and may go on. Such a task is shown as unknown, never as failed or succeeded.

Leases hold the database's time, so they are compared with that (`as_of`): the clock of a web
host may differ.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from console.lib.errors import Text
from console.lib.pagination import COUNT_CAP, capped_count
from instances.models import Heartbeat, Task

STAGES: dict[str, Text] = {
    "init": gettext_lazy("Initialize providers"),
    "plan": gettext_lazy("Calculate changes"),
    "apply": gettext_lazy("Apply changes"),
    "destroy": gettext_lazy("Destroy resources"),
}
MINUTE = 60
# A page is polled anew when the elapsed time, or the age of a heartbeat, grows by these seconds.
ELAPSED_REFRESH_SECONDS = 10
HEARTBEAT_REFRESH_SECONDS = 5


def is_lease_expired(
    state: str | None, lease_until: datetime | None, as_of: datetime
) -> bool:
    """Return True if the task is running and no worker holds its lease."""
    running = state == Task.State.RUNNING
    return running and lease_until is not None and lease_until < as_of


def heartbeat_text(heartbeat_at: datetime | None, as_of: datetime) -> str:
    """Return the age of the last heartbeat in words: "last worker heartbeat 4 s ago"."""
    if heartbeat_at is None:
        return _("no worker heartbeat yet")
    seconds = max(0, int((as_of - heartbeat_at).total_seconds()))
    if seconds < 2 * MINUTE:
        return _("last worker heartbeat %(seconds)d s ago") % {"seconds": seconds}
    return _("last worker heartbeat %(minutes)d min ago") % {
        "minutes": seconds // MINUTE
    }


def heartbeat_token(heartbeat_at: datetime | None, as_of: datetime) -> str:
    """Return a text that changes when `heartbeat_text` has to be shown again."""
    if heartbeat_at is None:
        return ""
    age = (as_of - heartbeat_at).total_seconds()
    return f"{int(age // HEARTBEAT_REFRESH_SECONDS)}"


@dataclass(frozen=True)
class QueuePosition:
    """A queued task's place in the queue, and what it waits for besides its turn.

    It is `region_full` while its region runs as many tasks as are allowed. Without
    `has_disk_space`, the hosts of all workers have too little free space to start a run.
    """

    queued_at: datetime
    ahead: int
    region_full: bool
    has_workers: bool
    has_disk_space: bool

    @classmethod
    def of(cls, task: Task) -> "QueuePosition":
        # The order of `WorkQuerySet.in_turn`, which is fair between users.
        same_turn = Q(turn=task.turn)
        earlier = Q(turn__lt=task.turn) | same_turn & Q(queued_at__lt=task.queued_at)
        tie = same_turn & Q(queued_at=task.queued_at, pk__lt=task.pk)
        ahead = capped_count(Task.objects.queued().filter(earlier | tie))
        region_full = bool(settings.REGION_CONCURRENCY) and not (
            Task.objects.startable().filter(pk=task.pk).exists()
        )
        space = Heartbeat.objects.free_disk_space()
        return cls(task.queued_at, ahead, region_full, bool(space), space != {False})

    @property
    def text(self) -> str:
        since = _("Waiting for a worker since %(time)s.") % {
            "time": f"{localtime(self.queued_at):%H:%M:%S}"
        }
        if self.region_full:
            full = _("The region runs the maximum number of tasks at the same time.")
            return f"{since} {full}"
        if not self.ahead:
            following = _("This task is the next in the queue.")
            return f"{since} {following}"
        count = f"{COUNT_CAP}+" if self.ahead > COUNT_CAP else str(self.ahead)
        place = ngettext(
            "%(count)s task is ahead in the queue.",
            "%(count)s tasks are ahead in the queue.",
            self.ahead,
        )
        return f"{since} {place % {'count': count}}"

    @property
    def poll_token(self) -> str:
        """Return a text that changes when the page has something new to show."""
        full = "f" if self.region_full else ""
        workers = "" if self.has_workers else "w"
        disk = "" if self.has_disk_space else "d"
        return f"{self.ahead}{full}{workers}{disk}"


@dataclass(frozen=True)
class ProgressStep:
    """A stage of a task. `state` is done, now, failed or next; `seconds` is its duration."""

    label: Text
    state: str
    seconds: float | None


@dataclass(frozen=True)
class TaskProgress:
    """The progress of a task.

    `percent` is None while the number of resources is unknown. `elapsed` is in seconds.
    `poll_token` changes when a page that shows the progress is out of date.
    """

    task: Task
    text: str
    percent: int | None
    elapsed: float | None
    heartbeat: str
    lease_expired: bool
    queue_position: QueuePosition | None
    steps: list[ProgressStep]
    poll_token: str

    @property
    def stop_text(self) -> Text:
        """Return how far the cancellation has come; empty before its first step."""
        return Task.Stop(self.task.stop_step).label


def task_progress(task: Task) -> TaskProgress:
    """Return the progress that the row of a task records."""
    elapsed = task.seconds if task.started_at else None
    running = task.state == Task.State.RUNNING
    position = QueuePosition.of(task) if task.state == Task.State.QUEUED else None
    return TaskProgress(
        task=task,
        text=_text(task),
        percent=task.progress_percent if task.resources_total else None,
        elapsed=elapsed,
        heartbeat=heartbeat_text(task.heartbeat_at, task.as_of) if running else "",
        lease_expired=_is_lease_expired(task),
        queue_position=position,
        steps=_steps(task),
        poll_token=_poll_token(task, elapsed, position),
    )


def _is_lease_expired(task: Task) -> bool:
    return is_lease_expired(task.state, task.lease_until, task.as_of)


def _poll_token(
    task: Task, elapsed: float | None, position: QueuePosition | None
) -> str:
    facts = (
        task.state,
        task.stage,
        task.resources_done,
        task.resources_total,
        int((elapsed or 0) // ELAPSED_REFRESH_SECONDS),
        heartbeat_token(task.heartbeat_at, task.as_of),
        task.stop_step,
        "expired" if _is_lease_expired(task) else "",
        position.poll_token if position else "",
    )
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
    """Return the label, the start and the latest event of each stage, in order of time."""
    return [
        (
            _label(task, stage),
            _moment(task.stages[stage].get("started")),
            _moment(task.stages[stage].get("latest")),
        )
        for stage in _started_stages(task)
    ]


def _started_stages(task: Task) -> list[str]:
    # Sorted by time, not as stored: PostgreSQL orders the keys of JSON in its own way.
    return sorted(task.stages, key=lambda stage: str(task.stages[stage].get("started")))


def _label(task: Task, stage: str) -> Text:
    if stage == "apply" and task.kind == Task.Kind.TERMINATE:
        return STAGES["destroy"]
    return STAGES.get(stage, stage)


def _steps(task: Task) -> list[ProgressStep]:
    """Return the stages that started and, while the task is active, those that follow."""
    started = _started_stages(task)
    if task.stage and task.stage not in started:
        started.append(task.stage)
    usual = [stage for stage in ("init", "plan", "apply") if stage not in started]
    ahead = [s for s in usual if not started or _order(s) > _order(started[-1])]
    return [_step(task, stage, started) for stage in [*started, *(ahead * task.active)]]


def _order(stage: str) -> int:
    return list(STAGES).index(stage) if stage in STAGES else -1


def _step(task: Task, stage: str, started: list[str]) -> ProgressStep:
    last = bool(started) and stage == started[-1]
    if stage not in started:
        state = "next"
    elif last and task.active:
        state = "now"
    elif last and task.status == Task.Status.FAILED:
        state = "failed"
    else:
        state = "done"
    return ProgressStep(_label(task, stage), state, _seconds(task, stage, state))


def _seconds(task: Task, stage: str, state: str) -> float | None:
    times = task.stages.get(stage, {})
    started, latest = _moment(times.get("started")), _moment(times.get("latest"))
    until = task.as_of if state == "now" and not _is_lease_expired(task) else latest
    if started is None or until is None:
        return None
    return max(0.0, (until - started).total_seconds())


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parse_datetime(text or "")
    except ValueError:
        return None
    return moment if moment and is_aware(moment) else None
