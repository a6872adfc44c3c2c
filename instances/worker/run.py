"""Drives one claimed piece of work through its engine, and records what is true.

The run itself is detached: it goes on when this process dies, and the next worker reads on
from the stored offset. Everything written here names the epoch of the claim.
"""

import logging
import shutil
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from catalog.models import LaunchRole
from console.lib.masking import Masker
from instances.engine_setup import concerns_engine, engine_called, engine_of_work
from instances.engines.base import Engine, EngineError, Event, Order, Outcome
from instances.engines.run_lease import abandon, age, renew, uptime
from instances.masked_engine import MaskedEngine, secrets_known_to
from instances.models import LeaseLostError, Plan, StateVersion, Task
from instances.worker.cancellation import Cancellation
from instances.worker.completion import Completion, PlanCompletion, TaskCompletion
from instances.worker.database_retry import CONNECTION_ERRORS, DatabaseRetry
from instances.worker.engine_input import engine_input_of
from instances.worker.event_recorder import EventRecorder
from instances.worker.host import has_free_disk_space

logger = logging.getLogger(__name__)

# A young run is looked at often, so that a short one is not kept waiting for its end.
EAGER_SECONDS = 2.0
POLL_SECONDS = (0.015, 0.2)
WATCH_SECONDS = 1.0
MAX_ATTEMPTS = 3
BATCHES = (500, 4000)
# How long what a run left running may take to end by itself.
LEFTOVER_SECONDS = 5.0
STEP_SECONDS = 0.2


class Run:
    """One claim of one task or plan, from its start or its adoption to its end."""

    def __init__(self, work: Task | Plan, stopping: threading.Event) -> None:
        self.work = work
        self.host = work.host
        self.stopping = stopping
        self.engine = MaskedEngine(self._engine(), Masker([]))
        self.completion = self._completion()
        self.environment: dict[str, str] = {}
        self.cancellation = Cancellation(work, self.engine)
        self.begun = self.renewed_at = time.monotonic()
        # By uptime: a clock that jumped must not end a run.
        self.ran_before = age(self.directory) if work.run_directory else 0.0
        self.signed_at = self.looked_at = 0.0
        self.timed_out = False
        self.batch = BATCHES[0]

    def _engine(self) -> Engine:
        return engine_called(engine_of_work(self.work))

    @property
    def directory(self) -> Path:
        return Path(self.work.run_directory)

    @property
    def _ours(self) -> bool:
        """Whether the run was begun on this host: its directory says where."""
        _name, _dot, host = self.directory.name.partition(".")
        return not host or host == self.host

    def _completion(self) -> Completion:
        if isinstance(self.work, Task):
            return TaskCompletion(self.work, self.engine)
        return PlanCompletion(self.work, self.engine)

    def drive(self) -> None:
        """Bring the work to its end. Never raises: work always ends, or is somebody else's.

        While the database is away, nothing is given up: the run goes on and its log waits.
        """
        retry = DatabaseRetry(self.stopping)
        while True:
            try:
                if retry.failures:
                    self._reread()
                self._go()
                return
            except CONNECTION_ERRORS:
                logger.warning(
                    "%s: the database is unavailable", self.work.pk, exc_info=True
                )
                if not retry.wait():
                    logger.warning("%s is left to the next claim", self.work.pk)
                    return
            except LeaseLostError:
                return

    def _reread(self) -> None:
        """Forget what was only meant to be written. Raises LeaseLostError when all was written."""
        epoch, directory = self.work.epoch, self.work.run_directory
        self.work.refresh_from_db()
        if self.work.state == self.work.State.ENDED and self.work.epoch == epoch:
            self._clean()
            raise LeaseLostError(self.work.pk)
        held = self.work.state == self.work.State.RUNNING and self.work.epoch == epoch
        if not held:
            self.work.run_directory = directory  # as we know it
            self._step_aside()
            raise LeaseLostError(self.work.pk)

    def _environment(self) -> dict[str, str]:
        """The region's credentials, under those of the launch role, if there is one."""
        work = self.work
        region = work.instance.region if isinstance(work, Task) else work.region
        role = LaunchRole.objects.demanded_by(
            work.version.product_id, work.portfolio_id
        )
        return {**region.credentials, **(role.environment if role else {})}

    def _order(self, *, again: bool = False) -> Order:
        return engine_input_of(self.work, self.engine, self.environment, again=again)

    def _go(self) -> None:
        try:
            self._unlock()
            if self._needs_no_run():
                self.completion.succeed_without_run()
                return
            if self.work.run_directory:
                self._renew()
            elif not has_free_disk_space():
                self._put_back()
                return
            else:
                self._start()
            self._follow()
        except LeaseLostError:
            self._step_aside()
        except EngineError as error:
            self._end_without_run(str(error))
        except CONNECTION_ERRORS:
            raise
        except Exception:
            logger.exception("%s crashed", self.work.pk)
            self._give_up()

    def _unlock(self) -> None:
        """Decrypt what the run needs. With a lost key only the failure can be recorded."""
        self.environment = self._environment()
        known = [*secrets_known_to(self.work), *self.environment.values()]
        self.engine.masker = Masker(known)
        self.recorder = EventRecorder(self.work)

    def _needs_no_run(self) -> bool:
        """Return True if the engine has nothing to destroy or to apply."""
        work = self.work
        kind = work.kind if isinstance(work, Task) else work.operation
        if work.run_directory or not work.instance:
            return False
        if kind == Task.Kind.TERMINATE:
            # The template may be the broken part.
            state = StateVersion.objects.latest_of(work.instance)
            return state is None or not state.resource_count
        return kind == Task.Kind.UPDATE and not concerns_engine(work)

    def _new_directory(self) -> Path:
        name = f"{self.work.pk}-{self.work.attempt}-{self.work.epoch}.{self.host}"
        return Path(settings.DATA_DIR) / "runs" / name

    def _put_back(self) -> None:
        """Leave what has not begun to a host with room, or to this one when it has some."""
        if self.work.cancel_requested_at or self._canceled():
            self._fail(_("Canceled before anything was changed."))
        else:
            self.work.put_back()

    def _start(self) -> None:
        directory = self._new_directory()
        try:
            directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = _("The run directory cannot be used: %s.")
            raise EngineError(message % error.strerror) from error
        if isinstance(self.work, Plan) and self.work.instance is not None:
            # Before the state is read: what moves in between makes the plan stale.
            self.work.write(base_state=self.work.instance.state_mark)
        order = self._order()
        # A saved plan is applied without being summed up again: its sum is known.
        plan = self.work.plan if isinstance(self.work, Task) else None
        known = plan.steps if plan and order.plan else None
        at = uptime()
        self.work.renew(run_directory=str(directory), offset=0, resources_total=known)
        self.engine.start(directory, replace(order, watched_at=at))

    def _follow(self) -> None:
        """Follow the run until it has ended, then complete the work."""
        while True:
            if self.stopping.is_set():
                self.work.release()
                return
            # Asked before draining, so that the last lines are not missed.
            outcome = self._outcome()
            drained = self._drain()
            if outcome is not None and not drained and self._complete(outcome):
                return
            self._look_after()
            if not drained:
                young = time.monotonic() - self.begun < EAGER_SECONDS
                time.sleep(POLL_SECONDS[0 if young else 1])

    def _drain(self) -> bool:
        """Store what the run has printed since the last look; say whether there was any."""
        at = uptime()
        events = self.engine.events(self.directory, self.work.offset, self.batch)
        # Far behind, more is stored at once: each time costs a commit.
        self.batch = BATCHES[len(events) >= self.batch]
        if events:
            state = self._new_state(events)
            with transaction.atomic():
                self.recorder.store(events)
                if state is not None:
                    self.completion.store_state(state)
            self._sign(at)
        elif time.monotonic() - self.renewed_at > settings.LEASE_SECONDS / 3:
            self._renew()
        return bool(events)

    def _new_state(self, events: list[Event]) -> Any:
        changed = any(event.resource for event in events)
        return self.engine.state(self.directory) if changed else None

    def _renew(self) -> None:
        at = uptime()
        self.work.renew()
        self._sign(at)

    def _sign(self, at: float) -> None:
        """Note that the lease was good, for us and for the run."""
        self.renewed_at = time.monotonic()
        if at - self.signed_at > settings.LEASE_SECONDS / 3:
            renew(self.directory, at)
            self.signed_at = at

    def _look_after(self) -> None:
        """Stop a run that was canceled or takes too long."""
        if time.monotonic() - self.looked_at < WATCH_SECONDS:
            return
        self.looked_at = time.monotonic()
        elapsed = self.ran_before + time.monotonic() - self.begun
        self.timed_out |= elapsed > settings.TASK_TIMEOUT
        if self.timed_out or self._canceled():
            self.cancellation.escalate(self.directory)

    def _canceled(self) -> bool:
        """Whether somebody asked to stop."""
        fresh = type(self.work)._default_manager.filter(pk=self.work.pk)
        return fresh.exclude(cancel_requested_at=None).exists()

    def _complete(self, outcome: Outcome) -> bool:
        """Commit how the run ended; False when it turns out to live, or lives again."""
        if self._taken_up(outcome):
            return False
        message = self._why(outcome)
        if not outcome.finished and not outcome.applying:
            return self._retry(message)
        self.completion.complete(outcome, self.directory, message)
        self._end_leftovers()
        self._clean()
        return True

    def _taken_up(self, outcome: Outcome) -> bool:
        """Whether a run that died while it changed something goes on in a cloud, and here."""
        if outcome.finished or not outcome.applying or not self.engine.in_cloud:
            return False
        try:
            # One that was not seen to apply has its saved plan still before it.
            order = self._order(again=self.work.stage == "apply")
            if not self._ours:
                # Laid out anew, on this host, behind what was read of the log.
                self.work.write(run_directory=str(self._new_directory()))
            return self.engine.resume(self.directory, order, self.work.offset)
        except EngineError as error:
            # It may have changed something: this must not end as if nothing had begun.
            logger.warning("%s cannot be resumed: %s", self.work.pk, error)
            self.work.stage = "apply"
            return False

    def _why(self, outcome: Outcome) -> str:
        """What the outcome says, and that we stopped it if we did."""
        said = [outcome.message]
        if self.timed_out:
            minutes = timedelta(seconds=settings.TASK_TIMEOUT) / timedelta(minutes=1)
            message = _("Stopped because it ran longer than %(minutes)g minutes.")
            said.insert(0, message % {"minutes": round(minutes, 2)})
        if self.work.stop_step == self.work.Stop.KILLED:
            said.insert(-1, str(self.work.Stop.KILLED.label))
        return " ".join(said)

    def _retry(self, message: str) -> bool:
        """Begin anew: the run died before it changed anything. False when it lives.

        A worker that slept before it could start this run must not start it now.
        """
        if not self._abandon():
            return False
        canceled = self.work.cancel_requested_at or self._canceled()
        if canceled:
            self._fail(_("Canceled before anything was changed."))
        elif self.timed_out:
            self._fail(_("%s Nothing was changed.") % message)
        elif self.work.attempt + 1 >= MAX_ATTEMPTS:
            self._fail(
                _("The run ended unexpectedly three times before it changed anything.")
            )
        else:
            self.work.requeue()
        return True

    def _end_leftovers(self) -> None:
        """See that no process of an ended run lives on."""
        until = time.monotonic() + LEFTOVER_SECONDS
        while self.engine.alive(self.directory):
            if time.monotonic() > until:
                self.engine.cancel(self.directory, force=True)
                return
            time.sleep(POLL_SECONDS[0])

    def _outcome(self) -> Outcome | None:
        """What the run came to, None while it goes on.

        Here a directory that is not there was never made. One of another host may have
        been, and its run may have gone further than that host had time to tell.
        """
        if self._ours and self.directory.exists():
            return self.engine.outcome(self.directory)
        begun = not self._ours or self.work.stage == "apply"
        return Outcome(
            finished=False,
            ok=False,
            exit_code=None,
            stage=self.work.stage,
            applying=begun and isinstance(self.work, Task),
            canceled=False,
            message=_("The run did not start.")
            if self._ours
            else _("The host of this run was lost."),
            stages={},
        )

    def _give_up(self) -> None:
        """After a bug: never end a run that lives, nor call one that applied harmless."""
        if self.work.run_directory and not self._abandoned_or_applied():
            logger.error(
                "%s is still running; the next claim monitors it", self.work.pk
            )
            return
        self._fail(_("An internal error occurred. Check the worker log."))

    def _abandoned_or_applied(self) -> bool:
        """Whether the run is over; one that had begun to change things is marked so."""
        if self.engine.alive(self.directory):
            return False
        outcome = self._outcome()
        if outcome is not None and outcome.applying:
            self.work.stage = "apply"
            return True
        return self._abandon()

    def _abandon(self) -> bool:
        """Make sure that nothing runs or will run in the directory, if it is one of ours."""
        return not self._ours or abandon(self.directory)

    def _fail(self, message: str) -> None:
        """End it without a result; what had begun to change things may have changed them."""
        try:
            if self.work.run_directory and self.work.stage == "apply":
                self.completion.fail_interrupted(message)
            else:
                self.completion.fail_unchanged(message)
        except LeaseLostError:
            self._step_aside()

    def _end_without_run(self, message: str) -> None:
        self._fail(self.engine.masker.text(message))
        self._clean()

    def _step_aside(self) -> None:
        """Another worker holds the work. A run it did not adopt is nobody's: stop it.

        But for one that goes on in a cloud: there, that other follows the very same.
        """
        logger.warning("%s was taken over by another worker", self.work.pk)
        if not self.work.run_directory or self.engine.in_cloud:
            return
        begun, step = time.monotonic(), 0
        while self.engine.alive(self.directory) and not self._adopted():
            if time.monotonic() - begun >= step * settings.STOP_SECONDS:
                step += 1
                self.engine.cancel(self.directory, force=step > 2)
            time.sleep(STEP_SECONDS)

    def _adopted(self) -> bool:
        """Whether the worker that holds the work now follows this very run."""
        rows = type(self.work)._default_manager.filter(pk=self.work.pk)
        holder = rows.filter(state=self.work.State.RUNNING, host=self.host)
        return holder.filter(run_directory=self.work.run_directory).exists()

    def _clean(self) -> None:
        """Remove the run's directory: state, plan and log are in the database by now."""
        if self.work.run_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
