"""Cancellation of a run in three steps: interrupt, second interrupt, kill."""

from datetime import timedelta
from pathlib import Path

from django.conf import settings

from instances.engines.base import Engine
from instances.models import Work
from instances.models.work import clock


class Cancellation:
    """The cancellation steps of one piece of work, stored in its row.

    A worker that adopts the run continues at the stored step: Terraform takes a second
    interrupt as an order to drop unfinished operations, so it must not be sent by mistake.
    """

    def __init__(self, work: Work, engine: Engine) -> None:
        self.work = work
        self.engine = engine

    def escalate(self, directory: Path) -> None:
        """Take the next step once STOP_SECONDS have passed since the last. Raises LeaseLostError."""
        step = self.work.stop_step
        if step and not self._is_due():
            return
        step = min(step + 1, Work.Stop.KILLED)
        if step == Work.Stop.KILLED and not self.engine.may_kill(directory):
            return
        # Stored first: a step that is stored but not sent costs one more wait, while a step
        # that is sent but not stored would be sent twice.
        self.work.write(stop_step=step, stop_step_at=clock())
        self.engine.cancel(directory, force=step == Work.Stop.KILLED)

    def _is_due(self) -> bool:
        begun = self.work.stop_step_at
        grace = timedelta(seconds=settings.STOP_SECONDS)
        return begun is None or clock() - begun > grace
