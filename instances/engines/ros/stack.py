"""The stages of a run on ROS: probe, plan and apply, each of which may be repeated.

Three things keep a repeated order from making a second stack: the client token, by which ROS
knows the same request; the name, of which a region has one stack; and the label, a tag that
names the change last requested for the stack.
"""

from collections.abc import Sequence
from dataclasses import asdict

from instances.engines.base import Change
from instances.engines.ros import preview, run_files
from instances.engines.ros.answers import CloudResource, CloudStack
from instances.engines.ros.cloud import GONE, CloudRefusedError, terraform_logs
from instances.engines.ros.context import RunContext
from instances.engines.ros.stack_lookup import LABEL, StackLookup, basis_of
from instances.engines.ros.stack_watch import StackWatch
from instances.engines.ros.statuses import SPENT, meaning

OUT_OF_DATE = (
    "The plan is out of date because the stack or its changes differ from the "
    "preview. Create a new plan."
)
LOST = "The stack no longer exists. It was deleted outside Service Catalog."
DOUBT = (
    "The stack might exist although no response confirmed it. Terminating the "
    "instance searches for the stack."
)


class StackStages:
    """The stages of one run; each raises CloudRefusedError when it fails."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.order = context.order
        self.cloud = context.cloud
        self.state = context.state
        self.lookup = StackLookup(context)

    def probe(self) -> None:
        """List stacks, which any valid credentials may do."""
        found = self.cloud.call("ListStacks", page_number=1, page_size=1)
        self.context.say("info", f"{found.total_count or 0} stacks are in this region.")

    def plan(self) -> None:
        """Preview the change; fail when a saved plan says something else."""
        existing = self.lookup.existing()
        if self._requested_before(existing):
            # By a driver of this order whose directory is lost: it is past its plan.
            self.context.cancelable = False
            self.context.say("info", "Resumed: the request has already been sent.")
            return
        if self.order["action"] in ("destroy", "plan-destroy"):
            changes = preview.removal(self.lookup.resources(existing))
        else:
            changes = self._preview(existing)
        found: preview.Plan = {
            "version": run_files.VERSION,
            "basis": basis_of(existing),
            "changes": self.context.masked([asdict(change) for change in changes]),
        }
        run_files.write(self.context.directory / run_files.PLAN, found)
        saved = preview.read_plan(self.context.directory / run_files.SAVED)
        if saved and preview.essence(saved) != preview.essence(found):
            raise CloudRefusedError("", OUT_OF_DATE)
        self.context.say("info", preview.summary(changes), **preview.totals(changes))

    def apply(self) -> None:
        """Create, update or delete the stack, and watch it to the end."""
        if self.order["action"] == "destroy":
            self._destroy()
        else:
            self._create_or_update()

    def _requested_before(self, existing: CloudStack | None) -> bool:
        """Return whether the stack shows that this order was requested before."""
        action = self.order["action"]
        if existing is None or action not in ("apply", "destroy"):
            return False
        if action == "destroy":
            return existing.status.startswith("DELETE_IN")
        return self.lookup.requested_by_order(existing)

    # The preview

    def _preview(self, existing: CloudStack | None) -> list[Change]:
        """Return the changes by PreviewStack; a failed creation is previewed as a new one."""
        remains: Sequence[CloudResource] = ()
        target = {"stack_name": self.order["name"]}
        if existing is not None and existing.status in SPENT:
            remains = self.lookup.resources(existing)
            target = {"stack_name": f"{self.order['name']}-anew"}
        elif existing is not None:
            target = {"stack_id": existing.stack_id}
        found = self.cloud.call(
            "PreviewStack",
            template_body=self.template,
            parameters=self.cloud.parameters("PreviewStack", self.context.values),
            timeout_in_minutes=self.order["timeout_minutes"],
            disable_rollback=not self.order["rollback"],
            **target,
        ).stack
        for log in terraform_logs(found):
            for line in str(log.content or "").splitlines():
                self.context.say("info", line)
        return preview.changes(found.resources or [], remains, self.state.properties)

    @property
    def template(self) -> str:
        return (self.context.directory / "template.json").read_text()

    # Changes

    def _create_or_update(self) -> None:
        """Request the change, unless this order has done so already, and watch it."""
        stack_id = self.context.journal.accepted
        if not stack_id:
            stack_id = self._request_change()
            self.context.note(accepted=stack_id)
        self.state.update(stack_id=stack_id, exists=True)
        watch = StackWatch(self.context, self.lookup, stack_id)
        stack = watch.wait()
        if stack is None:
            self.state.clear()
            raise CloudRefusedError("", LOST)
        watch.store(stack, properties=self._properties())
        if meaning(stack.status) != "Available":
            raise CloudRefusedError("", watch.failure(stack))

    def _request_change(self) -> str:
        """Return the ID of the stack for which creation or update was requested."""
        existing = self.lookup.existing()
        if existing is None:
            return self._create()
        if self.lookup.requested_by_order(existing):
            return existing.stack_id
        if existing.status in SPENT:
            self._remove_remains(existing)
            return self._create()
        return self._update(existing)

    def _create(self) -> str:
        doubt = self.context.journal.asked
        self._note_request(stack_id="", exists=True)
        try:
            created = self.cloud.call(
                "CreateStack",
                stack_name=self.order["name"],
                disable_rollback=not self.order["rollback"],
                client_token=f"{self.order['token']}-c",
                **self._fields("CreateStack"),
            )
            return str(created.stack_id)
        except CloudRefusedError as refusal:
            # Requested before, and the token is forgotten: the name finds the stack.
            existing = self.lookup.by_name()
            if existing is not None and self.lookup.requested_by_order(existing):
                return existing.stack_id
            if doubt or refusal.doubt:
                raise CloudRefusedError(refusal.code, f"{refusal} {DOUBT}") from None
            self.state.update(exists=existing is not None)
            raise

    def _update(self, existing: CloudStack) -> str:
        stack_id = existing.stack_id
        asked = self.context.journal.asked
        self._note_basis(existing)
        self._note_request(stack_id=stack_id, exists=True)
        replaces = {} if self.order["terraform"] else {"replacement_option": "Enabled"}
        try:
            self.cloud.call(
                "UpdateStack",
                stack_id=stack_id,
                client_token=f"{self.order['token']}-u",
                **replaces,
                **self._fields("UpdateStack"),
            )
        except CloudRefusedError as refusal:
            found = self.lookup.by_id(stack_id)
            if found is not None and self.lookup.requested_by_order(found):
                # Requested before, and the token is forgotten.
                return stack_id
            if refusal.code == "NotSupported" and not self._differs(found):
                self.context.say(
                    "info", "No changes: the stack already matches the request."
                )
                self.context.note(unchanged=True)
            elif refusal.code != "ActionInProgress" or not (asked or refusal.doubt):
                raise
        return stack_id

    def _destroy(self) -> None:
        existing = self.lookup.existing()
        if existing is not None:
            self._delete(existing)
        self.state.clear()

    def _remove_remains(self, existing: CloudStack) -> None:
        """Delete the stack of a failed creation, so that it can be created again."""
        self.context.say("info", f"Removing the remains of a stack: {existing.status}.")
        self._delete(existing)
        self.context.note(asked=False, basis={}, before="")
        self.context.cancelable = True
        self.state.clear()

    def _delete(self, existing: CloudStack) -> None:
        """Delete a stack, and watch it until it is gone."""
        if not self._request_deletion(existing):
            return
        watch = StackWatch(self.context, self.lookup, existing.stack_id)
        stack = watch.wait()
        if stack is not None:
            watch.store(stack)
            raise CloudRefusedError("", watch.failure(stack))

    def _request_deletion(self, existing: CloudStack) -> bool:
        """Request the deletion of a stack; return False when it is gone already."""
        stack_id = existing.stack_id
        if self.context.journal.deleting == stack_id:
            return True
        self._note_basis(existing)
        self._note_request(stack_id=stack_id, exists=True)
        try:
            self.cloud.call("DeleteStack", stack_id=stack_id, **self._role())
        except CloudRefusedError as refusal:
            if refusal.code in GONE:
                return False
            now = self.lookup.by_id(stack_id)
            if now is None or not now.status.startswith("DELETE_IN"):
                raise
        self.context.note(deleting=stack_id)
        return True

    def _note_basis(self, existing: CloudStack) -> None:
        """Note the stack as it is before the change."""
        if not self.context.journal.basis:
            before = self.lookup.newest_event(existing.stack_id)
            self.context.note(basis=basis_of(existing), before=before)

    def _note_request(self, **facts: object) -> None:
        """Note that a change is requested now, after which the run is not cancelable."""
        self.context.check_canceled()
        self.context.cancelable = False
        self.state.update(**facts)
        self.context.note(asked=True)

    def _role(self) -> dict[str, str]:
        return {"ram_role_name": self.order["role"]} if self.order["role"] else {}

    def _fields(self, operation: str) -> dict[str, object]:
        """Return the fields that CreateStack and UpdateStack have in common."""
        tags = {**self.order["tags"], LABEL: self.lookup.label}
        return {
            "template_body": self.template,
            "parameters": self.cloud.parameters(operation, self.context.values),
            "tags": self.cloud.tags(operation, tags),
            "timeout_in_minutes": self.order["timeout_minutes"],
            **self._role(),
        }

    def _differs(self, existing: CloudStack | None) -> bool:
        """Return whether an update would change anything."""
        return any(each.action != "None" for each in self._preview(existing))

    def _properties(self) -> dict[str, object]:
        """Return the properties each resource was given, for the next preview to compare."""
        plan = preview.read_plan(self.context.directory / run_files.PLAN)
        known = self.state.properties
        for each in plan["changes"] if plan else ():
            if each["after"] is not None:
                known[str(each["address"])] = each["after"]
        return known
