"""Recovery of running work whose worker is gone, for `manage.py reconcile`.

No run is started. One that is alive is left to the next worker; one that has ended or was
killed is completed as a worker would do it, under a claim of its own. Recovery is idempotent
and safe while workers are running.
"""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from console.lib.errors import ConflictError
from instances.models import Check, Instance, LeaseLostError, Plan, Task, Work
from instances.worker.check_run import run_of
from instances.worker.host import WorkerLock


def reconcile(worker: str, host: str) -> Iterator[str]:
    """Reconcile tasks whose lease has expired with the state of their run.

    Then correct the statuses of instances that contradict their tasks. Yields one line for
    each piece of work and each instance.
    """
    for model in (Task, Plan, Check):
        for pk in model.objects.running().order_by("pk").values_list("pk", flat=True):
            work = model.objects.get(pk=pk)
            if work.state == Work.State.RUNNING:
                yield f"{pk}: {_reconcile(work, worker, host)}"
    # After the tasks, whose completion corrects most statuses.
    for instance in Instance.objects.contradicting().order_by("pk"):
        yield f"{instance.pk}: {_correct_status(instance)}"


def _correct_status(instance: Instance) -> str:
    was = instance.status
    try:
        instance.reconcile_status(by=None, reason="manage.py reconcile")
    except ConflictError:
        return _("a task has just started or ended")
    words = {"was": was, "status": instance.status}
    if instance.terminated_at:
        return _("was %(was)s without a task; terminated") % words
    return _("was %(was)s, which does not match its tasks; set to %(status)s") % words


def _reconcile(work: Work, worker: str, host: str) -> str:
    silence = work.as_of - (work.heartbeat_at or work.started_at or work.as_of)
    words = {
        "worker": work.worker,
        "host": work.host,
        "ago": int(silence.total_seconds()),
    }
    if work.host != host:
        return (
            _(
                "running on %(host)s, last heartbeat %(ago)d s ago; reconcile it on that host"
            )
            % words
        )
    if WorkerLock.is_held(work.worker):
        return (
            _("running in %(worker)s, last heartbeat %(ago)d s ago; no action taken")
            % words
        )
    claimed = _claim(work, worker, host)
    if claimed is None:
        return _("another worker has just taken it over")
    try:
        return _complete(claimed)
    except LeaseLostError:
        return _("another worker has just taken it over")


def _claim(work: Work, worker: str, host: str) -> Work | None:
    """Expire the lease of a worker that was killed, and claim its work."""
    rows = type(work)._default_manager.filter(pk=work.pk)
    held = rows.filter(state=Work.State.RUNNING, epoch=work.epoch)
    held.update(lease_until=Now() - timedelta(seconds=1))
    claimed: Work | None = rows.claim(worker, host)  # type: ignore[attr-defined]
    return claimed


def _complete(work: Work) -> str:
    if not work.run_directory:
        work.requeue()
        return _("had not started; queued again")
    run = run_of(work, threading.Event())
    if run.engine.alive(Path(work.run_directory)):
        work.release()
        return _("still running; the next worker monitors it")
    run.drive()
    work.refresh_from_db()
    if work.state == Work.State.QUEUED:
        return _("was ended before it changed anything; queued again")
    result = {"status": work.status, "why": work.status_message}  # type: ignore[attr-defined]
    return " ".join((_("reconciled as %(status)s. %(why)s") % result).split())
