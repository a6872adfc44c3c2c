"""Stops a run by degrees: asks, asks again, kills. Each step waits for the one before."""

from datetime import timedelta
from pathlib import Path

from django.conf import settings

from instances.engines.base import Engine
from instances.models import Work
from instances.models.work import clock


class Ladder:
    """The steps of one piece of work, kept in its row.

    A worker that adopts the run goes on where the other stopped: Terraform takes a second
    interrupt for an order to drop what it has begun, which must not be given by mistake.
    """

    def __init__(self, work: Work, engine: Engine) -> None:
        self.work = work
        self.engine = engine

    def climb(self, directory: Path) -> None:
        """Take the next step if it is time for it. Raises LeaseLostError."""
        step = self.work.stop_step
        if step and not self._due():
            return
        step = min(step + 1, Work.Stop.KILLED)
        if step == Work.Stop.KILLED and not self.engine.may_kill(directory):
            return
        # Noted first: a step that was noted and not taken costs a wait, the other way
        # round it would be taken twice.
        self.work.write(stop_step=step, stop_step_at=clock())
        self.engine.cancel(directory, force=step == Work.Stop.KILLED)

    def _due(self) -> bool:
        begun = self.work.stop_step_at
        grace = timedelta(seconds=settings.STOP_SECONDS)
        return begun is None or clock() - begun > grace
