"""Watches a stack until it is done: events, logs and resources as they come."""

import json
import time
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from instances.engines import events
from instances.engines.plan_json import MASK
from instances.engines.ros.cloud import GONE, CloudRefusedError
from instances.engines.ros.preview import address_of
from instances.engines.ros.statuses import ABSENT, meaning

if TYPE_CHECKING:
    from instances.engines.ros.stack import Stack

POLL_SECONDS = (1.0, 5.0)
# A status that has not moved after so many seconds is the answer, not an old one.
SETTLE_SECONDS = 30.0
# How long a cloud that says no to reading may do so before the watch is given up.
BLIND_SECONDS = 120.0
PAGE = 50
PHASES = {
    "IN_PROGRESS": "apply_start",
    "COMPLETE": "apply_complete",
    "FAILED": "apply_errored",
}
ACTIONS = {"CREATE": "create", "UPDATE": "update", "DELETE": "delete"}
# Safely first; asked again, at the earliest opportunity.
CANCEL = ("Safe", "Quick")
BLIND = "The stack may still be changing, and could not be watched any more: {refusal}"


class Watch:
    """One operation on a stack, from the moment it was asked for."""

    def __init__(self, stack: "Stack", stack_id: str) -> None:
        self.stack = stack
        self.drive = stack.drive
        self.cloud = stack.cloud
        self.stack_id = stack_id
        self.begun = time.monotonic()
        self.moved = bool(self.drive.journal.get("moved") == stack_id)
        self.failures: dict[str, str] = {}
        self.cancels = 0
        self.blind_since = 0.0
        self.seen, self.told = self._told()

    def to_the_end(self) -> Any | None:
        """The stack when nothing changes any more; None when it is gone."""
        waits = POLL_SECONDS[0]
        while True:
            try:
                found = self._look()
            except CloudRefusedError as refusal:
                self._bear(refusal)
                found = ...
            if found is None or (found is not ... and self._settled(found)):
                return found
            self._heed_interrupts()
            self.drive.pause(waits * self.cloud.pace)
            waits = min(waits * 1.2, POLL_SECONDS[1])

    def _look(self) -> Any | None:
        """One look: what happened since the last, then how it stands."""
        try:
            # Before the events, so that all of them are there when it says it is done.
            found = self.cloud.call(
                "GetStack", stack_id=self.stack_id, output_option="Disabled"
            )
            fresh = self._events()
        except CloudRefusedError as refusal:
            if refusal.code in GONE:
                return None
            raise
        self.blind_since = 0.0
        self._tell_logs(found)
        for event in fresh:
            self._tell(event)
        if any(str(event.status).endswith("_COMPLETE") for event in fresh):
            self.keep(found)
        return None if meaning(found.status) == "Removed" else found

    def _settled(self, found: Any) -> bool:
        """Whether a status is the end of this operation, not that of the one before."""
        basis = self.drive.journal.get("basis") or {}
        changed = (found.status, found.update_time or "") != (
            basis.get("status"),
            basis.get("update_time"),
        )
        if not self.moved and (changed or not basis):
            self.moved = True
            self.drive.note(moved=self.stack_id)
        if meaning(found.status) == "UnderChange":
            return False
        patience = SETTLE_SECONDS * self.cloud.pace
        return (
            self.moved
            or bool(self.drive.journal.get("unchanged"))
            or time.monotonic() - self.begun > patience
        )

    def _bear(self, refusal: CloudRefusedError) -> None:
        """Go on for a while where reading is refused: what runs in the cloud runs on."""
        self.blind_since = self.blind_since or time.monotonic()
        if time.monotonic() - self.blind_since > BLIND_SECONDS * self.cloud.pace:
            raise CloudRefusedError("", BLIND.format(refusal=refusal))

    def _heed_interrupts(self) -> None:
        """Ask the cloud to cancel, once for each time somebody asked to stop."""
        if self.drive.interrupts <= self.cancels:
            return
        self.cancels = self.drive.interrupts
        kind = CANCEL[min(self.cancels, len(CANCEL)) - 1]
        try:
            self.cloud.call(
                "CancelStackOperation", stack_id=self.stack_id, cancel_type=kind
            )
            self.drive.say("warn", f"Asked to cancel ({kind}).")
        except CloudRefusedError as refusal:
            self.drive.say("warn", f"It cannot be canceled: {refusal}")

    # Telling

    def _told(self) -> tuple[set[str], dict[int, int]]:
        """The events and the length of each log that are in the run's log already."""
        before = self.drive.journal.get("before") or self.stack.kept.document["event"]
        seen, told = {str(before)}, {}
        for _, _, line in events.lines(self.drive.path / "events.jsonl", 0):
            if b'"event":' not in line and b'"log":' not in line:
                continue
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if "event" in found:
                seen.add(str(found["event"]))
            if "log" in found:
                told[int(found["log"][0])] = int(found["log"][1])
        return seen, told

    def _events(self) -> list[Any]:
        """The events that were not told yet, the oldest first."""
        fresh: list[Any] = []
        page = 1
        while True:
            found = self.cloud.call(
                "ListStackEvents",
                stack_id=self.stack_id,
                page_number=page,
                page_size=PAGE,
            )
            listed = list(found.events or [])
            # The newest come first: behind one that was told are only such.
            new = list(takewhile(lambda each: each.event_id not in self.seen, listed))
            fresh += new
            if len(new) < len(listed) or len(listed) < PAGE:
                return _once(reversed(fresh))
            page += 1

    def _tell(self, event: Any) -> None:
        """One event as a line of the log, with the status of its resource."""
        self.seen.add(str(event.event_id))
        status, reason = str(event.status or ""), str(event.status_reason or "")
        name = str(event.logical_resource_id or "")
        message = f"{name}: {status}" + (f" {reason}" if reason else "")
        facts: dict[str, Any] = {"event": event.event_id}
        action, _, phase = status.partition("_")
        # The stack is in its own events, as a resource with its own ID.
        own = event.physical_resource_id == self.stack_id
        if not own and action in ACTIONS and phase in PHASES:
            facts["type"] = PHASES[phase]
            facts["hook"] = {
                "action": ACTIONS[action],
                "id_value": event.physical_resource_id or "",
                "resource": {
                    "addr": name,
                    "resource_type": event.resource_type or "",
                    "resource_name": name,
                },
            }
        failed = phase == "FAILED"
        self.drive.say("error" if failed else "info", message, **facts)
        if failed and not own:
            self.failures[name] = reason
            self.drive.diagnose(name, reason or status)

    def _tell_logs(self, found: Any) -> None:
        """What Terraform printed since the last look, where ROS runs Terraform."""
        logs = (found.log.terraform_logs if found.log else None) or []
        for number, log in enumerate(logs):
            content = str(log.content or "")
            start = self.told.get(number, 0)
            whole, newline, _ = content[start:].rpartition("\n")
            if not newline and meaning(found.status) != "UnderChange":
                whole = content[start:]
            if not whole:
                continue
            end = start + len(whole) + len(newline)
            level = "warn" if log.stream == "stderr" else "info"
            lines = whole.splitlines()
            for line in lines[:-1]:
                self.drive.say(level, line)
            # With the last line: a driver that takes over goes on behind it.
            self.drive.say(level, lines[-1] if lines else "", log=[number, end])
            self.told[number] = end

    def keep(self, found: Any, **facts: Any) -> None:
        """Record the resources, and at the end the outputs."""
        listed = self.cloud.call("ListStackResources", stack_id=self.stack_id)
        resources = [
            {
                "address": address_of(each),
                "type": str(each.resource_type or ""),
                "physical_id": str(each.physical_resource_id or ""),
                "status": str(each.status),
            }
            for each in listed.resources or []
            if (each.status or "") not in ABSENT
        ]
        if meaning(found.status) != "UnderChange":
            facts["outputs"] = self._outputs()
            facts["event"] = self.stack.newest(self.stack_id)
        self.stack.kept.keep(status=found.status, resources=resources, **facts)

    def _outputs(self) -> list[dict[str, Any]]:
        """The outputs, without the values of those that the template hides."""
        hidden = self.drive.order["hidden_outputs"]
        whole = self.cloud.call(
            "GetStack", stack_id=self.stack_id, output_option="Enabled"
        )
        found = [
            {
                "key": key,
                "value": MASK if key in hidden else each.get("OutputValue"),
                "sensitive": key in hidden,
            }
            for each in whole.outputs or []
            if (key := str(each.get("OutputKey")))
        ]
        masked: list[dict[str, Any]] = self.drive.hidden(found)
        return masked

    def why(self, found: Any) -> str:
        """Why a stack did not get where it was to go, in a sentence or two."""
        said = f"The stack ended as {found.status}."
        reasons = [f"{name}: {why}" for name, why in self.failures.items() if why]
        reason = reasons[0] if reasons else str(found.status_reason or "")
        return f"{said} {reason}".strip()


def _once(found: Any) -> list[Any]:
    """Each event once: a page may repeat what moved while it was turned."""
    return list({str(each.event_id): each for each in found}.values())
