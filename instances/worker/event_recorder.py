"""Turns an engine's events into log lines, resource statuses and progress."""

from collections.abc import Iterable
from typing import Any

from django.utils.timezone import now

from console.lib.masking import shortened
from instances.engines.base import Event
from instances.models import Check, Evidence, Plan, Resource, Task
from instances.models.resource import PHYSICAL_ID_LENGTH
from instances.models.warning import merged, warnings_in
from instances.worker.log_keeping import LogKeeper, lines_of

PLAN_LOG_LINES = 500
DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")


class Recorder:
    """Stores what one run says. Called inside the transaction that moves the offset."""

    def __init__(self, work: Task | Plan | Check) -> None:
        self.work = work
        self.log = LogKeeper(work) if isinstance(work, Task) else None

    def store(self, events: list[Event]) -> None:
        """Store a batch of events exactly once. Raises Fenced when the claim is over."""
        moment = now()
        values: dict[str, Any] = {
            "offset": events[-1].end,
            "stage": events[-1].stage or self.work.stage,
            "updated_at": moment,
        }
        totals = [event.total for event in events if event.total is not None]
        if totals:
            values["resources_total"] = totals[-1]
        done = sum(1 for e in events if e.resource and e.resource.status in DONE)
        if done:
            values["resources_done"] = self.work.resources_done + done
        values["stages"] = self._stages(events)
        if isinstance(self.work, Plan):
            values["warnings"] = merged(self.work.warnings, warnings_in(events))
        if isinstance(self.work, Plan | Check):
            said = list(lines_of(events))
            values["log"] = (self.work.log + said)[-PLAN_LOG_LINES:]
        self.work.renew(**values)
        if self.log is not None:
            self.log.keep(events)
        if isinstance(self.work, Task):
            self._store_resources(self.work, events)
            found = (event.diagnostic for event in events)
            Evidence.objects.note(self.work, found)
            Evidence.objects.note_warnings(self.work, events)

    def _stages(self, events: Iterable[Event]) -> dict[str, Any]:
        """When each stage was first heard of and last heard of, in order."""
        stages = dict(self.work.stages)
        for event in events:
            if event.stage and event.at:
                known = stages.setdefault(event.stage, {"started": event.at})
                known["latest"] = event.at
        return stages

    def _store_resources(self, task: Task, events: list[Event]) -> None:
        latest = {}
        for event in events:
            if event.resource:
                latest[event.resource.address] = event.resource
        reasons = {
            event.diagnostic.address: event.message
            for event in events
            if event.diagnostic and event.diagnostic.severity == "error"
        }
        moment = now()
        rows = [
            Resource(
                instance_id=task.instance_id,
                address=resource.address,
                name=Resource.name_of(resource.address, resource.type),
                type=resource.type,
                status=resource.status,
                physical_id=shortened(resource.physical_id or "", PHYSICAL_ID_LENGTH),
                reason="",
                updated_at=moment,
            )
            for resource in latest.values()
        ]
        Resource.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["instance", "address"],
            update_fields=["status", "physical_id", "reason", "updated_at"],
        )
        # Terraform tells why in a line of its own, which may come with a later batch.
        for address, message in reasons.items():
            Resource.objects.filter(
                instance_id=task.instance_id, address=address
            ).update(reason=message)
