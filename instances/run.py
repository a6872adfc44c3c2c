"""Drives one claimed piece of work through its engine, and records what is true.

The run itself is detached: it goes on when this process dies, and the next worker reads on
from the stored offset. Everything written here names the epoch of the claim.
"""

import contextlib
import logging
import shutil
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from catalog.models import LaunchRole
from catalog.trusted import is_trusted
from console.lib.masking import Masker
from instances.approved import approved_file
from instances.engine_choice import engine_of, files_of, parameters_of
from instances.engines.base import Engine, EngineError, Event, Order, Outcome
from instances.models import Fenced, Plan, Task
from instances.recording import Recorder
from instances.settling import PlanSettlement, Settlement, TaskSettlement

logger = logging.getLogger(__name__)

# A young run is looked at often, so that a short one is not kept waiting for its end.
EAGER_SECONDS = 2.0
POLL_SECONDS = (0.015, 0.2)
WATCH_SECONDS = 1.0
MAX_ATTEMPTS = 3
# How long a canceled run may take to stop before it is killed, as a last, named resort.
GRACE_SECONDS = 60

ACTIONS = {
    Task.Kind.LAUNCH: "apply",
    Task.Kind.UPDATE: "apply",
    Task.Kind.TERMINATE: "destroy",
}


class Run:
    """One claim of one task or plan, from its start or its adoption to its end."""

    def __init__(self, work: Task | Plan, stopping: threading.Event) -> None:
        self.work = work
        self.stopping = stopping
        self.engine: Engine = engine_of(work.version.template if work.version else None)
        self.environment: dict[str, str] = {}
        self.masker = Masker([])
        self.settlement = self._settlement()
        self.interrupted_at = 0.0
        self.watched_at = 0.0
        self.timed_out = False

    @property
    def directory(self) -> Path:
        return Path(self.work.run_directory)

    def _environment(self) -> dict[str, str]:
        """The region's credentials, under those of the launch role, if there is one."""
        work = self.work
        region = work.instance.region if isinstance(work, Task) else work.region
        role = LaunchRole.objects.demanded_by(
            work.version.product_id, work.portfolio_id
        )
        return {**region.credentials, **(role.environment if role else {})}

    def _settlement(self) -> Settlement:
        if isinstance(self.work, Task):
            return TaskSettlement(self.work, self.engine, self.masker)
        return PlanSettlement(self.work, self.engine, self.masker)

    def drive(self) -> None:
        """Bring the work to its end. Never raises: work always ends, or is somebody else's."""
        try:
            self._unlock()
            if self._nothing_to_destroy():
                self.settlement.succeed_unstarted()
                return
            if not self.work.run_directory:
                self._start()
            self._follow()
        except Fenced:
            logger.warning("%s was taken over by another worker", self.work.pk)
        except EngineError as error:
            self._end_without_run(str(error))
        except Exception:
            logger.exception("%s crashed", self.work.pk)
            self._give_up()

    def _unlock(self) -> None:
        """Decrypt what the run needs. With a lost key only the failure can be recorded."""
        self.environment = self._environment()
        secrets = [*self.work.secrets.values(), *self.environment.values()]
        self.masker = Masker(secrets)
        self.recorder = Recorder(self.work, self.masker)
        self.settlement = self._settlement()

    def _nothing_to_destroy(self) -> bool:
        """Whether a termination needs no engine: its template may be the broken part."""
        work = self.work
        kind = work.kind if isinstance(work, Task) else work.operation
        if kind != Task.Kind.TERMINATE or work.run_directory or not work.instance:
            return False
        state = work.instance.latest_state()
        return state is None or not state.resource_count

    def _start(self) -> None:
        name = f"{self.work.pk}-{self.work.attempt}-{self.work.epoch}"
        directory = Path(settings.DATA_DIR) / "runs" / name
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if isinstance(self.work, Plan) and self.work.instance is not None:
            # Before the state is read: what moves in between makes the plan stale.
            self.work.write(base_state=self.work.instance.state_mark)
        order = self._order()
        # A saved plan is applied without being summed up again: its sum is known.
        plan = self.work.plan if isinstance(self.work, Task) else None
        known = plan.steps if plan and order.plan else None
        self.work.write(run_directory=str(directory), offset=0, resources_total=known)
        self.engine.start(directory, order)

    def _order(self) -> Order:
        work = self.work
        if isinstance(work, Task):
            action, saved = ACTIONS[Task.Kind(work.kind)], self._saved_plan(work)
        else:
            terminates = work.operation == Task.Kind.TERMINATE
            action, saved = "plan-destroy" if terminates else "plan", None
        state = work.instance.latest_state() if work.instance else None
        template = work.version.template
        return Order(
            action=action,
            files=files_of(template),
            parameters=parameters_of(work),
            secrets=work.secrets,
            environment=self.environment,
            state=bytes(state.body) if state else None,
            plan=saved,
            trusted=settings.ALLOW_PROVISIONERS or is_trusted(template),
        )

    def _saved_plan(self, task: Task) -> bytes | None:
        """The plan file to apply. A draft may do without; a plan people approved may not.

        Raises EngineError when anything is not what was previewed.
        """
        plan = task.plan
        if plan is None:
            return None
        version = self.engine.version()
        if plan.draft:
            if plan.file is None or plan.engine_version != version:
                return None
            return bytes(plan.file)
        return approved_file(plan, version)

    def _follow(self) -> None:
        """Tail the run until it has ended, then settle it."""
        begun = time.monotonic()
        while True:
            if self.stopping.is_set():
                self.work.release()
                return
            # Asked before draining, so that the last lines are not missed.
            outcome = self._outcome()
            drained = self._drain()
            if outcome is not None and not drained:
                break
            self._watch()
            if not drained:
                young = time.monotonic() - begun < EAGER_SECONDS
                time.sleep(POLL_SECONDS[0 if young else 1])
        self._settle(outcome)

    def _outcome(self) -> Outcome | None:
        """What the run came to; a directory lost with its host counts as a dead run."""
        if self.directory.exists():
            return self.engine.outcome(self.directory)
        return Outcome(
            finished=False,
            ok=False,
            exit_code=None,
            stage=self.work.stage,
            applying=self.work.stage == "apply",
            canceled=False,
            message=_("The host of this run was lost."),
            stages={},
        )

    def _drain(self) -> bool:
        """Store what the run has printed since the last look; say whether there was any."""
        events = self.engine.events(self.directory, self.work.offset)
        if events:
            state = self._new_state(events)
            with transaction.atomic():
                self.recorder.store(events)
                if state is not None:
                    self.settlement.mirror(state)
        elif self._lease_is_ageing():
            self.work.renew()
        return bool(events)

    def _new_state(self, events: list[Event]) -> Any:
        changed = any(event.resource for event in events)
        return self.engine.state(self.directory) if changed else None

    def _lease_is_ageing(self) -> bool:
        third = timedelta(seconds=settings.LEASE_SECONDS / 3)
        return self.work.heartbeat_at is None or now() - self.work.heartbeat_at > third

    def _watch(self) -> None:
        """Stop a run that was canceled or takes too long: ask, ask again, kill."""
        if time.monotonic() - self.watched_at < WATCH_SECONDS:
            return
        self.watched_at = time.monotonic()
        started = self.work.started_at or now()
        if now() - started > timedelta(seconds=settings.TASK_TIMEOUT):
            self.timed_out = True
        if not self.interrupted_at:
            if self.timed_out or self._canceled():
                self.engine.cancel(self.directory)
                self.interrupted_at = time.monotonic()
            return
        waited = time.monotonic() - self.interrupted_at
        if waited > 2 * GRACE_SECONDS:
            self.engine.cancel(self.directory, force=True)
        elif waited > GRACE_SECONDS:
            self.engine.cancel(self.directory)

    def _canceled(self) -> bool:
        """Whether somebody asked to stop."""
        fresh = type(self.work)._default_manager.filter(pk=self.work.pk)
        return fresh.exclude(cancel_requested_at=None).exists()

    def _settle(self, outcome: Outcome) -> None:
        if not outcome.finished and not outcome.applying:
            self._retry(outcome)
            return
        message = outcome.message
        if self.timed_out:
            message = _("Stopped: it ran longer than %(minutes)d minutes. ") % {
                "minutes": settings.TASK_TIMEOUT // 60
            } + str(message)
        self.settlement.settle(outcome, self.directory, self.masker.text(message))
        self._clean()

    def _retry(self, outcome: Outcome) -> None:
        """Begin anew: the run died before it changed anything."""
        canceled = self.work.cancel_requested_at or self._canceled()
        if canceled or self.work.attempt + 1 >= MAX_ATTEMPTS:
            self._end_without_run(
                _("Canceled before anything was changed.")
                if canceled
                else _("The run died three times before it changed anything.")
            )
        else:
            old = self.directory
            self.work.requeue()
            shutil.rmtree(old, ignore_errors=True)

    def _give_up(self) -> None:
        """After a bug: never end a run that lives, nor call one that applied harmless."""
        if self.work.run_directory and self.engine.alive(self.directory):
            logger.error("%s still runs; the next claim follows it", self.work.pk)
            return
        message = _("Internal error; see the worker's log.")
        if self.work.stage == "apply":
            with contextlib.suppress(Fenced):
                self.settlement.fail_interrupted(message)
        else:
            self._end_without_run(message)

    def _end_without_run(self, message: str) -> None:
        try:
            self.settlement.fail_unstarted(self.masker.text(message))
            self._clean()
        except Fenced:
            logger.warning("%s was taken over by another worker", self.work.pk)

    def _clean(self) -> None:
        """Remove the run's directory: state, plan and log are in the database by now."""
        if self.work.run_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
