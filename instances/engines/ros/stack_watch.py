"""Watches an operation on a stack to its end: events, logs and resources as they come."""

import json
import time
from itertools import takewhile

from instances.engines import events
from instances.engines.base import MASK
from instances.engines.ros.answers import CloudEvent, CloudStack
from instances.engines.ros.cloud import GONE, CloudRefusedError, terraform_logs
from instances.engines.ros.context import POLL_SECONDS, RunContext
from instances.engines.ros.preview import address_of
from instances.engines.ros.stack_lookup import StackLookup
from instances.engines.ros.statuses import ABSENT, meaning

# A status that has not changed for so many seconds is the end, not the status before.
SETTLE_SECONDS = 30.0
# For so long the cloud may refuse to show the stack.
REFUSED_SECONDS = 120.0
PAGE_SIZE = 50
PHASES = {
    "IN_PROGRESS": "apply_start",
    "COMPLETE": "apply_complete",
    "FAILED": "apply_errored",
}
ACTIONS = {"CREATE": "create", "UPDATE": "update", "DELETE": "delete"}
# The cancel type of the first request, and of all later ones.
CANCEL_TYPES = ("Safe", "Quick")
UNWATCHED = (
    "The stack might still be changing, but can no longer be monitored: {refusal}"
)


class StackWatch:
    """One operation on a stack, from its request to its end."""

    def __init__(self, context: RunContext, lookup: StackLookup, stack_id: str) -> None:
        self.context = context
        self.lookup = lookup
        self.cloud = context.cloud
        self.stack_id = stack_id
        self.started_at = time.monotonic()
        self.in_effect = context.journal.in_effect == stack_id
        self.failures: dict[str, str] = {}
        self.cancel_requests = 0
        self.refused_since = 0.0
        # The events in the log, and the length of each Terraform log in it.
        self.logged_events: set[str] = set()
        self.logged_lengths: dict[int, int] = {}
        self._read_log()

    def wait(self) -> CloudStack | None:
        """Return the stack when its operation has ended; None when the stack is gone."""
        seconds = POLL_SECONDS[0]
        while True:
            try:
                stack = self._poll()
            except CloudRefusedError as refusal:
                self._check_patience(refusal)
            else:
                if stack is None or self._has_ended(stack):
                    return stack
            self._request_cancellation()
            self.context.pause(seconds * self.cloud.pace)
            seconds = min(seconds * 1.2, POLL_SECONDS[1])

    def _poll(self) -> CloudStack | None:
        """Log all news, and return the stack as it is; None when it is gone."""
        try:
            # Before the events, so that none is missing when the stack has ended.
            stack = self.cloud.get_stack(self.stack_id)
            fresh = self._new_events()
        except CloudRefusedError as refusal:
            if refusal.code in GONE:
                return None
            raise
        self.refused_since = 0.0
        self._log_terraform(stack)
        for event in fresh:
            self._log_event(event)
        if any(str(event.status).endswith("_COMPLETE") for event in fresh):
            self.store(stack)
        return None if meaning(stack.status) == "Removed" else stack

    def _has_ended(self, stack: CloudStack) -> bool:
        """Return whether the status is the end of this operation, not of an earlier one."""
        journal = self.context.journal
        basis = journal.basis
        changed = (stack.status, stack.update_time or "") != (
            basis.get("status"),
            basis.get("update_time"),
        )
        if not self.in_effect and (changed or not basis):
            self.in_effect = True
            self.context.note(in_effect=self.stack_id)
        if meaning(stack.status) == "UnderChange":
            return False
        waited = time.monotonic() - self.started_at
        return (
            self.in_effect
            or journal.unchanged
            or waited > SETTLE_SECONDS * self.cloud.pace
        )

    def _check_patience(self, refusal: CloudRefusedError) -> None:
        """Raise CloudRefusedError when the cloud has refused for too long.

        A refusal may be temporary, and the operation goes on in the cloud.
        """
        self.refused_since = self.refused_since or time.monotonic()
        refused = time.monotonic() - self.refused_since
        if refused > REFUSED_SECONDS * self.cloud.pace:
            raise CloudRefusedError("", UNWATCHED.format(refusal=refusal))

    def _request_cancellation(self) -> None:
        """Have the cloud cancel the operation, once for each interrupt of the driver."""
        interrupts = self.context.journal.interrupts
        if interrupts <= self.cancel_requests:
            return
        self.cancel_requests = interrupts
        kind = CANCEL_TYPES[min(interrupts, len(CANCEL_TYPES)) - 1]
        try:
            self.cloud.call(
                "CancelStackOperation", stack_id=self.stack_id, cancel_type=kind
            )
            self.context.say("warn", f"Cancellation requested ({kind}).")
        except CloudRefusedError as refusal:
            self.context.say("warn", f"The operation cannot be canceled: {refusal}")

    # The log

    def _read_log(self) -> None:
        """Note what an earlier driver of this run has logged."""
        before = self.context.journal.before or self.context.state.document["event"]
        self.logged_events.add(str(before))
        for _, _, line in events.lines(self.context.directory / "events.jsonl", 0):
            if b'"event":' not in line and b'"log":' not in line:
                continue
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if "event" in found:
                self.logged_events.add(str(found["event"]))
            if "log" in found:
                number, length = found["log"]
                self.logged_lengths[int(number)] = int(length)

    def _new_events(self) -> list[CloudEvent]:
        """Return the events that are not in the log, the oldest first."""
        fresh: list[CloudEvent] = []
        page = 1
        while True:
            found = self.cloud.call(
                "ListStackEvents",
                stack_id=self.stack_id,
                page_number=page,
                page_size=PAGE_SIZE,
            )
            listed: list[CloudEvent] = list(found.events or [])
            # The newest come first: all behind one that was logged were logged.
            new = list(
                takewhile(lambda each: each.event_id not in self.logged_events, listed)
            )
            fresh += new
            if len(new) < len(listed) or len(listed) < PAGE_SIZE:
                # A page may repeat events of the one before, when new ones came meanwhile.
                by_id = {str(each.event_id): each for each in reversed(fresh)}
                return list(by_id.values())
            page += 1

    def _log_event(self, event: CloudEvent) -> None:
        """Log an event, with the status of its resource."""
        self.logged_events.add(str(event.event_id))
        status, reason = str(event.status or ""), str(event.status_reason or "")
        name = str(event.logical_resource_id or "")
        message = f"{name}: {status}" + (f" {reason}" if reason else "")
        facts: dict[str, object] = {"event": event.event_id}
        action, _, phase = status.partition("_")
        # The stack is in its own events, as a resource with the ID of the stack.
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
        self.context.say("error" if failed else "info", message, **facts)
        if failed and not own:
            self.failures[name] = reason
            self.context.diagnose(name, reason or status)

    def _log_terraform(self, stack: CloudStack) -> None:
        """Log the new lines of Terraform, where ROS runs Terraform."""
        for number, log in enumerate(terraform_logs(stack)):
            content = str(log.content or "")
            start = self.logged_lengths.get(number, 0)
            whole, newline, _ = content[start:].rpartition("\n")
            if not newline and meaning(stack.status) != "UnderChange":
                whole = content[start:]
            if not whole:
                continue
            end = start + len(whole) + len(newline)
            level = "warn" if log.stream == "stderr" else "info"
            lines = whole.splitlines()
            for line in lines[:-1]:
                self.context.say(level, line)
            # With the last line, so that a restarted driver goes on behind it.
            last = lines[-1] if lines else ""
            self.context.say(level, last, log=[number, end])
            self.logged_lengths[number] = end

    # The state

    def store(self, stack: CloudStack, **facts: object) -> None:
        """Update the state with the resources of a stack, and at the end with its outputs."""
        resources = [
            {
                "address": address_of(each),
                "type": str(each.resource_type or ""),
                "physical_id": str(each.physical_resource_id or ""),
                "status": str(each.status),
            }
            for each in self.lookup.resources(stack)
            if (each.status or "") not in ABSENT
        ]
        if meaning(stack.status) != "UnderChange":
            facts["outputs"] = self._outputs()
            facts["event"] = self.lookup.newest_event(self.stack_id)
        self.context.state.update(status=stack.status, resources=resources, **facts)

    def _outputs(self) -> list[dict[str, object]]:
        """Return the outputs, with the values of hidden ones masked."""
        hidden = self.context.order["hidden_outputs"]
        stack = self.cloud.call(
            "GetStack", stack_id=self.stack_id, output_option="Enabled"
        )
        found: list[dict[str, object]] = [
            {
                "key": key,
                "value": MASK if key in hidden else each.get("OutputValue"),
                "sensitive": key in hidden,
            }
            for each in stack.outputs or []
            if (key := str(each.get("OutputKey")))
        ]
        return self.context.masked(found)

    def failure(self, stack: CloudStack) -> str:
        """Return the message of a failed operation: the final status and the first reason."""
        ended = f"The stack ended as {stack.status}."
        reasons = [
            f"{name}: {reason}" for name, reason in self.failures.items() if reason
        ]
        reason = reasons[0] if reasons else str(stack.status_reason or "")
        return f"{ended} {reason}".strip()
