"""Ends previews: their resource changes and their saved file, or why there are none."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.db import transaction

from instances.engines.base import Engine, Outcome, StateFile
from instances.models import Plan
from instances.models.work import clock


class PlanSettlement:
    """Ends a preview: its resource changes and its saved file, or why there are none."""

    def __init__(self, plan: Plan, engine: Engine) -> None:
        self.plan = plan
        self.engine = engine

    def mirror(self, state: StateFile) -> None:
        """A preview changes no state: there is nothing to keep."""

    def settle(self, outcome: Outcome, directory: Path, message: str) -> None:
        """Commit what the preview found. Raises Fenced when the claim is over."""
        if not outcome.ok:
            self._end(Plan.Status.PREVIEW_FAILED, status_message=message)
            return
        file = self.engine.plan_file(directory) or b""
        changes = [asdict(change) for change in self.engine.changes(directory)]
        self._succeed(file, changes)

    def succeed_unstarted(self) -> None:
        """End the preview of a change in which the engine has nothing to do."""
        if self.plan.instance is not None:
            self.plan.write(base_state=self.plan.instance.state_mark)
        self._succeed(b"", [])

    def fail_unstarted(self, message: str) -> None:
        """End a preview that could not run."""
        self._end(Plan.Status.PREVIEW_FAILED, status_message=message)

    fail_interrupted = fail_unstarted

    def _succeed(self, file: bytes, changes: list[Any]) -> None:
        with transaction.atomic():
            self._end(
                Plan.Status.PREVIEW_SUCCESS,
                changes=changes,
                engine_version=self.engine.version(),
                **self.plan.seal(file),
            )
            self.plan.save(update_fields=["file"])

    def _end(self, status: Plan.Status, **found: Any) -> None:
        moment = clock()
        with transaction.atomic():
            self.plan.write(
                state=Plan.State.ENDED,
                ended_at=moment,
                updated_at=moment,
                previewed_at=moment,
                lease_until=None,
                **found,
            )
            self.plan.settle_preview(status)
