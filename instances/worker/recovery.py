"""Brings what no worker holds to its truth: by lease, process, lock and state.

Nothing is started here. What lives goes on and is followed by the next worker; what has ended
or was killed is settled as a worker would settle it, under a claim of its own, so doing it
twice or beside a worker changes nothing.
"""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from console.lib.errors import ConflictError
from instances.models import Check, Instance, LeaseLostError, Plan, Task, Work
from instances.worker.check_run import CheckRun
from instances.worker.host import WorkerLock
from instances.worker.run import Run


def reconcile(worker: str, host: str) -> Iterator[str]:
    """Go through all running work; yield a line about each, when it is done."""
    for model in (Task, Plan, Check):
        for pk in model.objects.running().order_by("pk").values_list("pk", flat=True):
            work = model.objects.get(pk=pk)
            if work.state == Work.State.RUNNING:
                yield f"{pk}: {_settle(work, worker, host)}"
    # After the tasks: their end has set most statuses right already.
    for instance in Instance.objects.contradicting().order_by("pk"):
        yield f"{instance.pk}: {_set_right(instance)}"


def _set_right(instance: Instance) -> str:
    """Set a status that contradicts the tasks to what they say."""
    was = instance.status
    try:
        instance.reconcile_status(by=None, reason="manage.py reconcile")
    except ConflictError:
        return _("a task has just started or ended")
    words = {"was": was, "status": instance.status}
    if instance.terminated_at:
        return _("was %(was)s without a task; terminated") % words
    return _("was %(was)s, which does not match its tasks; set to %(status)s") % words


def _settle(work: Work, worker: str, host: str) -> str:
    heard = work.as_of - (work.heartbeat_at or work.started_at or work.as_of)
    about = {
        "worker": work.worker,
        "host": work.host,
        "ago": int(heard.total_seconds()),
    }
    if work.host != host:
        return (
            _(
                "running on %(host)s, last heartbeat %(ago)d s ago; reconcile it on that host"
            )
            % about
        )
    if WorkerLock.is_held(work.worker):
        return (
            _("running in %(worker)s, last heartbeat %(ago)d s ago; no action taken")
            % about
        )
    claimed = _claim(work, worker, host)
    if claimed is None:
        return _("another worker has just taken it over")
    try:
        return _bring_to_its_truth(claimed)
    except LeaseLostError:
        return _("another worker has just taken it over")


def _claim(work: Work, worker: str, host: str) -> Work | None:
    """Take the work from a worker that is dead, as if its lease had run out."""
    rows = type(work)._default_manager.filter(pk=work.pk)
    held = rows.filter(state=Work.State.RUNNING, epoch=work.epoch)
    held.update(lease_until=Now() - timedelta(seconds=1))
    claimed: Work | None = rows.claim(worker, host)  # type: ignore[attr-defined]
    return claimed


def _bring_to_its_truth(work: Work) -> str:
    if not work.run_directory:
        work.requeue()
        return _("had not started; queued again")
    kind = CheckRun if isinstance(work, Check) else Run
    run = kind(work, threading.Event())  # type: ignore[arg-type]
    if run.engine.alive(Path(work.run_directory)):
        work.release()
        return _("still running; the next worker monitors it")
    run.drive()
    work.refresh_from_db()
    if work.state == Work.State.QUEUED:
        return _("was ended before it changed anything; queued again")
    told = {"status": work.status, "why": work.status_message}  # type: ignore[attr-defined]
    return " ".join((_("reconciled as %(status)s. %(why)s") % told).split())
