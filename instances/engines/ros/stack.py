"""The stack of one run: found, previewed, created or changed or deleted, never made twice.

Three things keep a repeated order from making a second stack: the client token, which ROS
takes for the same request; the name, of which a region has one; and the label, a tag that
says for which change the stack was last asked for.
"""

from dataclasses import asdict
from typing import Any

from instances.engines.ros import preview, run_files
from instances.engines.ros.cloud import GONE, CloudRefusedError
from instances.engines.ros.stack_lookup import LABEL, Finding, basis_of
from instances.engines.ros.stack_watch import Watch
from instances.engines.ros.statuses import SPENT, meaning

STALE = (
    "The plan is stale: the stack, or what would be done to it, is no longer as it was "
    "previewed. Create a new plan."
)
LOST = "The stack is gone: it was deleted outside this catalogue."
DOUBT = "A stack may exist although no answer said so; terminating looks for it."


class Stack(Finding):
    """The stack an order is about, and what is done to it."""

    # Stages

    def probe(self) -> None:
        """Ask for what any valid credentials may see of this region."""
        found = self.cloud.call("ListStacks", page_number=1, page_size=1)
        self.drive.say("info", f"{found.total_count or 0} stacks are in this region.")

    def plan(self) -> None:
        """Find out what would be done, and that it is what a saved plan says."""
        existing = self.existing()
        if self._begun(existing):
            # By a driver of this order whose directory is lost: it is past its plan.
            self.drive.stoppable = False
            self.drive.say("info", "Taken up again: this was asked for already.")
            return
        if self.order["action"] in ("destroy", "plan-destroy"):
            changes = preview.removal(self.resources(existing))
        else:
            changes = self._previewed(existing)
        found = {
            "version": run_files.VERSION,
            "basis": basis_of(existing),
            "changes": self.drive.hidden([asdict(change) for change in changes]),
        }
        run_files.write(self.drive.path / run_files.PLAN, found)
        saved = run_files.read(self.drive.path / run_files.SAVED)
        if saved and preview.essence(saved) != preview.essence(found):
            raise CloudRefusedError("", STALE)
        self.drive.say("info", preview.summary(changes), **preview.totals(changes))

    def apply(self) -> None:
        """Do it, and watch until it is done."""
        if self.order["action"] == "destroy":
            self._destroy()
        else:
            self._change()

    def _begun(self, existing: Any | None) -> bool:
        """Whether this very order was asked for before, as the stack itself shows."""
        action = self.order["action"]
        if existing is None or action not in ("apply", "destroy"):
            return False
        if action == "destroy":
            return bool(existing.status.startswith("DELETE_IN"))
        return self.ours(existing)

    # The preview

    def _previewed(self, existing: Any | None) -> list[Any]:
        """The changes PreviewStack tells of. A creation that failed is made anew."""
        remains: list[Any] = []
        target = {"stack_name": self.order["name"]}
        if existing is not None and existing.status in SPENT:
            remains = self.resources(existing)
            target = {"stack_name": f"{self.order['name']}-anew"}
        elif existing is not None:
            target = {"stack_id": existing.stack_id}
        found = self.cloud.call(
            "PreviewStack",
            template_body=self.body,
            parameters=self.cloud.parameters("PreviewStack", self.drive.values),
            timeout_in_minutes=self.order["timeout_minutes"],
            disable_rollback=not self.order["rollback"],
            **target,
        ).stack
        for log in (found.log.terraform_logs if found.log else None) or []:
            for line in str(log.content or "").splitlines():
                self.drive.say("info", line)
        properties = self.kept.document.get("properties", {})
        return preview.changes(found.resources or [], remains, properties)

    @property
    def body(self) -> str:
        return (self.drive.path / "template.json").read_text()

    # Changes

    def _change(self) -> None:
        """Create or update the stack, unless this order has done so already."""
        stack_id = str(self.drive.journal.get("accepted") or "")
        if not stack_id:
            existing = self.existing()
            if existing is not None and self.ours(existing):
                stack_id = existing.stack_id
            elif existing is None:
                stack_id = self._create()
            elif existing.status in SPENT:
                self._remove(existing)
                stack_id = self._create()
            else:
                stack_id = self._update(existing)
            self.drive.note(accepted=stack_id)
        self.kept.keep(stack_id=stack_id, exists=True)
        watch = Watch(self, stack_id)
        found = watch.to_the_end()
        if found is None:
            self.kept.keep(exists=False, stack_id="", resources=[], outputs=[])
            raise CloudRefusedError("", LOST)
        watch.keep(found, properties=self._properties())
        if meaning(found.status) != "Available":
            raise CloudRefusedError("", watch.why(found))

    def _create(self) -> str:
        doubt = bool(self.drive.journal.get("asked"))
        self._ask(stack_id="", exists=True)
        try:
            return str(
                self.cloud.call(
                    "CreateStack",
                    stack_name=self.order["name"],
                    disable_rollback=not self.order["rollback"],
                    client_token=f"{self.order['token']}-c",
                    **self._request("CreateStack"),
                ).stack_id
            )
        except CloudRefusedError as refusal:
            # Asked for before this, and the token forgotten: the name finds it.
            existing = self.named(self.order["name"])
            if existing is not None and self.ours(existing):
                return str(existing.stack_id)
            if doubt or refusal.doubt:
                raise CloudRefusedError(refusal.code, f"{refusal} {DOUBT}") from None
            self.kept.keep(exists=existing is not None)
            raise

    def _update(self, existing: Any) -> str:
        stack_id = str(existing.stack_id)
        asked = bool(self.drive.journal.get("asked"))
        if not self.drive.journal.get("basis"):
            self.drive.note(basis=basis_of(existing), before=self.newest(stack_id))
        self._ask(stack_id=stack_id, exists=True)
        replaces = {} if self.order["terraform"] else {"replacement_option": "Enabled"}
        try:
            self.cloud.call(
                "UpdateStack",
                stack_id=stack_id,
                client_token=f"{self.order['token']}-u",
                **replaces,
                **self._request("UpdateStack"),
            )
        except CloudRefusedError as refusal:
            found = self.get(stack_id)
            if found is not None and self.ours(found):
                # Asked for before this, and the token forgotten.
                return stack_id
            if refusal.code == "NotSupported" and not self._differs(found):
                self.drive.say("info", "Nothing changes: the stack is as asked for.")
                self.drive.note(unchanged=True)
            elif refusal.code != "ActionInProgress" or not (asked or refusal.doubt):
                raise
        return stack_id

    def _destroy(self) -> None:
        existing = self.existing()
        if existing is not None:
            existing = self._delete(existing)
        if existing is not None:
            watch = Watch(self, existing.stack_id)
            found = watch.to_the_end()
            if found is not None:
                watch.keep(found)
                raise CloudRefusedError("", watch.why(found))
        self.kept.keep(exists=False, stack_id="", resources=[], outputs=[])

    def _delete(self, existing: Any) -> Any | None:
        """Have a stack deleted; None when it is gone already."""
        stack_id = existing.stack_id
        if self.drive.journal.get("deleting") == stack_id:
            return existing
        if not self.drive.journal.get("basis"):
            self.drive.note(basis=basis_of(existing), before=self.newest(stack_id))
        self._ask(stack_id=stack_id, exists=True)
        role = {"ram_role_name": self.order["role"]} if self.order["role"] else {}
        try:
            self.cloud.call("DeleteStack", stack_id=stack_id, **role)
        except CloudRefusedError as refusal:
            if refusal.code in GONE:
                return None
            now = self.get(stack_id)
            if now is None or not now.status.startswith("DELETE_IN"):
                raise
        self.drive.note(deleting=stack_id)
        return existing

    def _remove(self, existing: Any) -> None:
        """Delete what a failed creation left, before it is made anew."""
        self.drive.say("info", f"Removing what is left of a stack: {existing.status}.")
        if self._delete(existing):
            watch = Watch(self, existing.stack_id)
            found = watch.to_the_end()
            if found is not None:
                watch.keep(found)
                raise CloudRefusedError("", watch.why(found))
        self.drive.note(asked=False, basis={}, before="")
        self.drive.stoppable = True
        self.kept.keep(exists=False, stack_id="", resources=[], outputs=[])

    def _ask(self, **facts: Any) -> None:
        """Put on disk that something is asked for now; from here on there is no harmless stop."""
        self.drive.check_stop()
        self.drive.stoppable = False
        self.kept.keep(**facts)
        self.drive.note(asked=True)

    def _request(self, operation: str) -> dict[str, Any]:
        """What creation and update have in common."""
        role = {"ram_role_name": self.order["role"]} if self.order["role"] else {}
        tags = {**self.order["tags"], LABEL: self.mark}
        return {
            "template_body": self.body,
            "parameters": self.cloud.parameters(operation, self.drive.values),
            "tags": self.cloud.tags(operation, tags),
            "timeout_in_minutes": self.order["timeout_minutes"],
            **role,
        }

    def newest(self, stack_id: str) -> str:
        """The newest event of a stack: what comes after it belongs to this run."""
        found = self.cloud.call(
            "ListStackEvents", stack_id=stack_id, page_number=1, page_size=1
        )
        return str(found.events[0].event_id) if found.events else ""

    def _differs(self, existing: Any | None) -> bool:
        """Whether the stack is not yet what is asked for."""
        return any(each.action != "None" for each in self._previewed(existing))

    def _properties(self) -> dict[str, Any]:
        """The settings each resource was given, which the next preview compares with."""
        plan = run_files.read(self.drive.path / run_files.PLAN)
        known = {**self.kept.document.get("properties", {})}
        for each in plan.get("changes", []):
            if each["after"] is not None:
                known[each["address"]] = each["after"]
        return known
