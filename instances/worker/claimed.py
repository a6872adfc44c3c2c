"""One claim of a piece of work: what holds however its run goes.

Everything written names the epoch of the claim. Whoever finds that another holds the work
steps aside, and stops the run if that other does not follow it.
"""

import logging
import shutil
import threading
import time
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from console.lib.masking import Masker
from instances.engine_setup import engine_called, engine_of_work
from instances.engines.base import Engine, Outcome
from instances.engines.run_lease import abandon
from instances.masked_engine import MaskedEngine
from instances.models import Fenced, Plan, Task
from instances.worker.completion import Settlement, TaskSettlement
from instances.worker.database_retry import UNREACHABLE, Outage
from instances.worker.preview_settling import PlanSettlement

logger = logging.getLogger(__name__)

STEP_SECONDS = 0.2


class Claimed:
    """Work this worker holds, until it has ended or another holds it."""

    def __init__(self, work: Task | Plan, stopping: threading.Event) -> None:
        self.work = work
        self.host = work.host
        self.stopping = stopping
        self.engine = MaskedEngine(self._engine(), Masker([]))
        self.settlement = self._settlement()

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

    def _settlement(self) -> Settlement:
        if isinstance(self.work, Task):
            return TaskSettlement(self.work, self.engine)
        return PlanSettlement(self.work, self.engine)

    def _go(self) -> None:
        """Bring the work to its end, once the database can be reached."""
        raise NotImplementedError

    def drive(self) -> None:
        """Bring the work to its end. Never raises: work always ends, or is somebody else's.

        While the database is away, nothing is given up: the run goes on and its log waits.
        """
        outage = Outage(self.stopping)
        while True:
            try:
                if outage.failures:
                    self._reread()
                self._go()
                return
            except UNREACHABLE:
                logger.warning("%s: no database", self.work.pk, exc_info=True)
                if not outage.wait():
                    logger.warning("%s is left to the next claim", self.work.pk)
                    return
            except Fenced:
                return

    def _reread(self) -> None:
        """Forget what was only meant to be written. Raises Fenced when all was written."""
        epoch, directory = self.work.epoch, self.work.run_directory
        self.work.refresh_from_db()
        if self.work.state == self.work.State.ENDED and self.work.epoch == epoch:
            self._clean()
            raise Fenced(self.work.pk)
        held = self.work.state == self.work.State.RUNNING and self.work.epoch == epoch
        if not held:
            self.work.run_directory = directory  # as we know it
            self._step_aside()
            raise Fenced(self.work.pk)

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
            logger.error("%s still runs; the next claim follows it", self.work.pk)
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
                self.settlement.fail_interrupted(message)
            else:
                self.settlement.fail_unstarted(message)
        except Fenced:
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
