"""Finds the stack of an order: by its ID, else by its name and label."""

from typing import TYPE_CHECKING, Any

from instances.engines.ros.cloud import GONE, CloudRefusedError
from instances.engines.ros.stack_state import Kept
from instances.engines.ros.stack_watch import POLL_SECONDS
from instances.engines.ros.statuses import meaning

if TYPE_CHECKING:
    from instances.engines.ros.driver import Drive

LABEL = "service-catalog"
FOREIGN = (
    "There is a stack called {name} in this region that was not made for this instance. "
    "Delete or rename it in the ROS console."
)


class Finding:
    """The stack an order is about, as it is found."""

    def __init__(self, drive: "Drive") -> None:
        self.drive = drive
        self.order = drive.order
        self.cloud = drive.cloud
        self.kept = Kept(drive)
        self.mark = f"{self.order['label']}/{self.order['token']}"

    def existing(self) -> Any | None:
        """The stack as it is now, None when there is none. Raises CloudRefusedError for a foreign one.

        Where something else is still changing it, that is waited for.
        """
        waiting = False
        while True:
            stack_id = self.kept.stack_id
            found = self.get(stack_id) if stack_id else None
            found = found or self.named(self.order["name"])
            if found is None or self.drive.journal.get("asked"):
                return found
            busy = meaning(found.status) == "UnderChange"
            if not busy or self.ours(found) or found.status.startswith("DELETE"):
                return found
            if not waiting:
                self.drive.say("warn", f"Waiting: the stack is {found.status}.")
                waiting = True
            self.drive.pause(POLL_SECONDS[1] * self.cloud.pace)

    def ours(self, found: Any) -> bool:
        """Whether a stack was last asked for by this very order."""
        return label_of(found) == self.mark

    def get(self, stack_id: str) -> Any | None:
        """A stack by its ID, None when it was deleted."""
        try:
            found = self.cloud.call(
                "GetStack", stack_id=stack_id, output_option="Disabled"
            )
        except CloudRefusedError as refusal:
            if refusal.code in GONE:
                return None
            raise
        return None if meaning(found.status) == "Removed" else found

    def named(self, name: str) -> Any | None:
        """The living stack of this name, if it is this instance's."""
        listed = self.cloud.call(
            "ListStacks", stack_name=[name], page_number=1, page_size=50
        )
        for each in listed.stacks or []:
            if each.stack_name != name or meaning(each.status) == "Removed":
                continue
            found = self.get(each.stack_id)
            if found is None:
                continue
            if label_of(found).partition("/")[0] != self.order["label"]:
                raise CloudRefusedError("StackExists", FOREIGN.format(name=name))
            return found
        return None

    def resources(self, existing: Any | None) -> list[Any]:
        if existing is None:
            return []
        listed = self.cloud.call("ListStackResources", stack_id=existing.stack_id)
        return list(listed.resources or [])


def label_of(stack: Any) -> str:
    """For which instance and change a stack was last asked for."""
    return next((str(t.value) for t in stack.tags or [] if t.key == LABEL), "")


def basis_of(stack: Any | None) -> dict[str, Any]:
    """What a preview started from."""
    if stack is None:
        return {}
    return {
        "stack_id": stack.stack_id,
        "status": stack.status,
        "update_time": stack.update_time or "",
    }
