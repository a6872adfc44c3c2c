"""The run of one claimed piece of work through its engine.

The engine's processes are detached: they continue when this process ends, and the next
worker reads their events from the stored offset. Every write checks the epoch of the claim.
"""

import logging
import shutil
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from catalog.models import LaunchRole
from console.lib.masking import Masker
from instances.engine_setup import engine_name_of, engine_named, needs_engine
from instances.engines.base import Engine, EngineError, Event, Order, Outcome, StateFile
from instances.engines.run_lease import abandon, age, renew, uptime
from instances.masked_engine import MaskedEngine, known_secrets
from instances.models import LeaseLostError, Plan, StateVersion, Task
from instances.worker.cancellation import Cancellation
from instances.worker.completion import Completion, PlanCompletion, TaskCompletion
from instances.worker.database_retry import CONNECTION_ERRORS, DatabaseRetry
from instances.worker.engine_input import engine_input_of
from instances.worker.event_recorder import EventRecorder
from instances.worker.host import has_free_disk_space

logger = logging.getLogger(__name__)

# A run is polled often at first, so that the end of a short one is noticed at once.
EAGER_SECONDS = 2.0
POLL_SECONDS = (0.015, 0.2)
CANCEL_POLL_SECONDS = 1.0
MAX_ATTEMPTS = 3
# Events stored in one transaction: normally, and while many more are unread.
BATCHES = (500, 4000)
# How long processes that remain after a run may take to end by themselves.
REMAINING_SECONDS = 5.0
STOP_POLL_SECONDS = 0.2


class Run:
    """One claim of a task or plan, from the start or the adoption of its run to its end."""

    def __init__(self, work: Task | Plan, stopping: threading.Event) -> None:
        self.work = work
        self.host = work.host
        self.stopping = stopping
        self.engine = MaskedEngine(self._engine(), Masker([]))
        self.completion = self._completion()
        self.environment: dict[str, str] = {}
        self.cancellation = Cancellation(work, self.engine)
        self.begun = self.renewed_at = time.monotonic()
        # Measured by uptime, so that a change of the clock does not time a run out.
        self.ran_before = age(self.directory) if work.run_directory else 0.0
        self.run_renewed_at = self.checked_at = 0.0
        self.timed_out = False
        self.batch = BATCHES[0]

    def _engine(self) -> Engine:
        return engine_named(engine_name_of(self.work))

    @property
    def directory(self) -> Path:
        return Path(self.work.run_directory)

    @property
    def _is_local(self) -> bool:
        """Return True if the run was started on this host, whose name ends its directory's."""
        _name, _dot, host = self.directory.name.partition(".")
        return not host or host == self.host

    def _completion(self) -> Completion:
        if isinstance(self.work, Task):
            return TaskCompletion(self.work, self.engine)
        return PlanCompletion(self.work, self.engine)

    def drive(self) -> None:
        """Follow the work until it has ended or another worker holds it.

        Raises nothing that work can cause. While the database is unreachable the run
        continues, and its events are stored afterwards.
        """
        retry = DatabaseRetry(self.stopping)
        while True:
            try:
                if retry.failures:
                    self._reload()
                self._execute()
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

    def _reload(self) -> None:
        """Read the row again: after an error, attributes may differ from what is stored.

        Raises LeaseLostError when the work has ended or another worker holds it.
        """
        epoch, directory = self.work.epoch, self.work.run_directory
        self.work.refresh_from_db()
        if self.work.state == self.work.State.ENDED and self.work.epoch == epoch:
            self._remove_directory()
            raise LeaseLostError(self.work.pk)
        held = self.work.state == self.work.State.RUNNING and self.work.epoch == epoch
        if not held:
            self.work.run_directory = directory  # of this claim, not of the new one
            self._stop_lost_run()
            raise LeaseLostError(self.work.pk)

    def _environment(self) -> dict[str, str]:
        """Return the credentials: those of the launch role override the region's."""
        work = self.work
        region = work.instance.region if isinstance(work, Task) else work.region
        role = LaunchRole.objects.required_by(
            work.version.product_id, work.portfolio_id
        )
        return {**region.credentials, **(role.environment if role else {})}

    def _engine_input(self, *, again: bool = False) -> Order:
        return engine_input_of(self.work, self.engine, self.environment, again=again)

    def _execute(self) -> None:
        try:
            self._decrypt()
            if self._needs_no_run():
                self.completion.succeed_without_run()
                return
            if self.work.run_directory:
                self._renew()
            elif not has_free_disk_space():
                self._return_to_queue()
                return
            else:
                self._start()
            self._follow()
        except LeaseLostError:
            self._stop_lost_run()
        except EngineError as error:
            self._end_without_run(str(error))
        except CONNECTION_ERRORS:
            raise
        except Exception:
            logger.exception("%s crashed", self.work.pk)
            self._fail_after_crash()

    def _decrypt(self) -> None:
        """Decrypt credentials and secrets. Raises DecryptionError when a key is missing."""
        self.environment = self._environment()
        known = [*known_secrets(self.work), *self.environment.values()]
        self.engine.masker = Masker(known)
        self.recorder = EventRecorder(self.work)

    def _needs_no_run(self) -> bool:
        """Return True if the engine has nothing to destroy or to apply."""
        work = self.work
        kind = work.kind if isinstance(work, Task) else work.operation
        if work.run_directory or not work.instance:
            return False
        if kind == Task.Kind.TERMINATE:
            # Skipping the run also removes an instance whose template is broken.
            state = StateVersion.objects.latest_of(work.instance)
            return state is None or not state.resource_count
        return kind == Task.Kind.UPDATE and not needs_engine(work)

    def _new_directory(self) -> Path:
        name = f"{self.work.pk}-{self.work.attempt}-{self.work.epoch}.{self.host}"
        return Path(settings.DATA_DIR) / "runs" / name

    def _return_to_queue(self) -> None:
        """Return work that was not started to the queue, for lack of disk space."""
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
            # Stored before the state is read: a change in between makes the plan out of date.
            self.work.write(base_state=self.work.instance.state_mark)
        order = self._engine_input()
        # Terraform reports no number of changes when it applies a saved plan.
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
            # Read before the events, so that the last of them are not missed.
            outcome = self._outcome()
            drained = self._drain()
            if outcome is not None and not drained and self._complete(outcome):
                return
            self._cancel_if_due()
            if not drained:
                young = time.monotonic() - self.begun < EAGER_SECONDS
                time.sleep(POLL_SECONDS[0 if young else 1])

    def _drain(self) -> bool:
        """Store the events since the last call. Return True if there were any."""
        at = uptime()
        events = self.engine.events(self.directory, self.work.offset, self.batch)
        # With many unread events a larger batch saves commits.
        self.batch = BATCHES[len(events) >= self.batch]
        if events:
            state = self._new_state(events)
            with transaction.atomic():
                self.recorder.store(events)
                if state is not None:
                    self.completion.store_state(state)
            self._renew_run_lease(at)
        elif time.monotonic() - self.renewed_at > settings.LEASE_SECONDS / 3:
            self._renew()
        return bool(events)

    def _new_state(self, events: list[Event]) -> StateFile | None:
        changed = any(event.resource for event in events)
        return self.engine.state(self.directory) if changed else None

    def _renew(self) -> None:
        at = uptime()
        self.work.renew()
        self._renew_run_lease(at)

    def _renew_run_lease(self, at: float) -> None:
        """Renew the lease of the run's launcher too, which stops when it expires."""
        self.renewed_at = time.monotonic()
        if at - self.run_renewed_at > settings.LEASE_SECONDS / 3:
            renew(self.directory, at)
            self.run_renewed_at = at

    def _cancel_if_due(self) -> None:
        """Cancel a run on request, or after TASK_TIMEOUT."""
        if time.monotonic() - self.checked_at < CANCEL_POLL_SECONDS:
            return
        self.checked_at = time.monotonic()
        elapsed = self.ran_before + time.monotonic() - self.begun
        self.timed_out |= elapsed > settings.TASK_TIMEOUT
        if self.timed_out or self._canceled():
            self.cancellation.escalate(self.directory)

    def _canceled(self) -> bool:
        """Return True if a cancellation is requested, read from the database."""
        rows = type(self.work)._default_manager.filter(pk=self.work.pk)
        return rows.exclude(cancel_requested_at=None).exists()

    def _complete(self, outcome: Outcome) -> bool:
        """Complete the work. Return False when its run continues after all."""
        if self._resume(outcome):
            return False
        message = self._message(outcome)
        if not outcome.finished and not outcome.applying:
            return self._requeue(message)
        self.completion.complete(outcome, self.directory, message)
        self._end_remaining_processes()
        self._remove_directory()
        return True

    def _resume(self, outcome: Outcome) -> bool:
        """Resume a run that was killed while its change continues in the cloud.

        Return False when there is no such change, or when the run cannot be resumed.
        """
        if outcome.finished or not outcome.applying or not self.engine.in_cloud:
            return False
        try:
            # A run that has not reported the apply stage still needs its saved plan.
            order = self._engine_input(again=self.work.stage == "apply")
            if not self._is_local:
                # In a new directory on this host, after the stored offset of the log.
                self.work.write(run_directory=str(self._new_directory()))
            return self.engine.resume(self.directory, order, self.work.offset)
        except EngineError as error:
            # It may have changed resources, so it must not be completed as unchanged.
            logger.warning("%s cannot be resumed: %s", self.work.pk, error)
            self.work.stage = "apply"
            return False

    def _message(self, outcome: Outcome) -> str:
        """Return the outcome's message, with the reason if the worker stopped the run."""
        sentences = [outcome.message]
        if self.timed_out:
            minutes = timedelta(seconds=settings.TASK_TIMEOUT) / timedelta(minutes=1)
            message = _("Stopped because it ran longer than %(minutes)g minutes.")
            sentences.insert(0, message % {"minutes": round(minutes, 2)})
        if self.work.stop_step == self.work.Stop.KILLED:
            sentences.insert(-1, str(self.work.Stop.KILLED.label))
        return " ".join(sentences)

    def _requeue(self, message: str) -> bool:
        """Queue work again whose run was killed before it changed anything, or fail it.

        Return False when a process of the run is alive. The directory is abandoned first, so
        that a suspended worker cannot start the run in it any more.
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

    def _end_remaining_processes(self) -> None:
        """Kill processes that are still alive 5 seconds after their run has ended."""
        until = time.monotonic() + REMAINING_SECONDS
        while self.engine.alive(self.directory):
            if time.monotonic() > until:
                self.engine.cancel(self.directory, force=True)
                return
            time.sleep(POLL_SECONDS[0])

    def _outcome(self) -> Outcome | None:
        """Return how the run ended, or None while it continues.

        A missing directory of this host was never made. One of another host may exist there,
        and its run may have got further than the stored stage.
        """
        if self._is_local and self.directory.exists():
            return self.engine.outcome(self.directory)
        may_have_applied = not self._is_local or self.work.stage == "apply"
        return Outcome(
            finished=False,
            ok=False,
            exit_code=None,
            stage=self.work.stage,
            applying=may_have_applied and isinstance(self.work, Task),
            canceled=False,
            message=_("The run did not start.")
            if self._is_local
            else _("The host of this run was lost."),
            stages={},
        )

    def _fail_after_crash(self) -> None:
        """End the work after a bug, unless its run is alive and the next claim can adopt it."""
        if self.work.run_directory and not self._is_over():
            logger.error(
                "%s is still running; the next claim monitors it", self.work.pk
            )
            return
        self._fail(_("An internal error occurred. Check the worker log."))

    def _is_over(self) -> bool:
        """Return True if the run has ended, and set the stage if it changed resources."""
        if self.engine.alive(self.directory):
            return False
        outcome = self._outcome()
        if outcome is not None and outcome.applying:
            self.work.stage = "apply"
            return True
        return self._abandon()

    def _abandon(self) -> bool:
        """Prevent any start of the run on this host. Return False if it is alive."""
        return not self._is_local or abandon(self.directory)

    def _fail(self, message: str) -> None:
        """End the work without a result; after the apply stage began, as interrupted."""
        try:
            if self.work.run_directory and self.work.stage == "apply":
                self.completion.fail_interrupted(message)
            else:
                self.completion.fail_unchanged(message)
        except LeaseLostError:
            self._stop_lost_run()

    def _end_without_run(self, message: str) -> None:
        self._fail(self.engine.masker.text(message))
        self._remove_directory()

    def _stop_lost_run(self) -> None:
        """Stop a run that the worker which now holds the lease has not adopted.

        A change in a cloud is not stopped: the other worker follows the same change.
        """
        logger.warning("%s: the lease was lost to another worker", self.work.pk)
        if not self.work.run_directory or self.engine.in_cloud:
            return
        begun, step = time.monotonic(), 0
        while self.engine.alive(self.directory) and not self._is_adopted():
            if time.monotonic() - begun >= step * settings.STOP_SECONDS:
                step += 1
                self.engine.cancel(self.directory, force=step > 2)
            time.sleep(STOP_POLL_SECONDS)

    def _is_adopted(self) -> bool:
        """Return True if the worker that holds the lease follows this run."""
        rows = type(self.work)._default_manager.filter(pk=self.work.pk)
        holder = rows.filter(state=self.work.State.RUNNING, host=self.host)
        return holder.filter(run_directory=self.work.run_directory).exists()

    def _remove_directory(self) -> None:
        """Remove the run's directory: state, plan and log are stored in the database."""
        if self.work.run_directory:
            shutil.rmtree(self.directory, ignore_errors=True)
