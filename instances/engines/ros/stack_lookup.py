"""Finds the stack of an order: by its ID, else by its name and label."""

from instances.engines.ros.answers import CloudResource, CloudStack
from instances.engines.ros.cloud import GONE, CloudRefusedError
from instances.engines.ros.context import POLL_SECONDS, RunContext
from instances.engines.ros.statuses import meaning

# The tag that names the instance of a stack, and the change last requested for it.
LABEL = "service-catalog"
FOREIGN = (
    "A stack named {name} already exists in this region, but it was not created "
    "for this instance. Delete or rename the stack in the ROS console."
)


class StackLookup:
    """Finds the stack of an order in the cloud."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.order = context.order
        self.cloud = context.cloud
        self.label = f"{self.order['label']}/{self.order['token']}"

    def existing(self) -> CloudStack | None:
        """Return the stack, None when there is none.

        Waits until an operation that another requester began on it has ended. Raises
        CloudRefusedError for a stack of another owner.
        """
        waiting = False
        while True:
            stack_id = self.context.state.stack_id
            found = self.by_id(stack_id) if stack_id else None
            found = found or self.by_name()
            if found is None or self.context.journal.asked:
                return found
            busy = meaning(found.status) == "UnderChange"
            ours = self.requested_by_order(found)
            if not busy or ours or found.status.startswith("DELETE"):
                return found
            if not waiting:
                self.context.say("warn", f"Waiting: the stack is {found.status}.")
                waiting = True
            self.context.pause(POLL_SECONDS[1] * self.cloud.pace)

    def requested_by_order(self, stack: CloudStack) -> bool:
        """Return whether the last change of a stack was requested by this order."""
        return label_of(stack) == self.label

    def by_id(self, stack_id: str) -> CloudStack | None:
        """Return a stack by its ID, None when it was deleted."""
        try:
            found = self.cloud.get_stack(stack_id)
        except CloudRefusedError as refusal:
            if refusal.code in GONE:
                return None
            raise
        return None if meaning(found.status) == "Removed" else found

    def by_name(self) -> CloudStack | None:
        """Return the stack of the order's name, None when there is none.

        Raises CloudRefusedError when it belongs to another instance or to none.
        """
        name = self.order["name"]
        listed = self.cloud.call(
            "ListStacks", stack_name=[name], page_number=1, page_size=50
        )
        for each in listed.stacks or []:
            if each.stack_name != name or meaning(each.status) == "Removed":
                continue
            found = self.by_id(each.stack_id)
            if found is None:
                continue
            if label_of(found).partition("/")[0] != self.order["label"]:
                raise CloudRefusedError("StackExists", FOREIGN.format(name=name))
            return found
        return None

    def resources(self, stack: CloudStack | None) -> list[CloudResource]:
        if stack is None:
            return []
        listed = self.cloud.call("ListStackResources", stack_id=stack.stack_id)
        return list(listed.resources or [])

    def newest_event(self, stack_id: str) -> str:
        """Return the ID of the newest event of a stack; later ones belong to this run."""
        found = self.cloud.call(
            "ListStackEvents", stack_id=stack_id, page_number=1, page_size=1
        )
        return str(found.events[0].event_id) if found.events else ""


def label_of(stack: CloudStack) -> str:
    """Return instance and change of a stack, separated by a slash, empty for a foreign one."""
    return next((str(t.value) for t in stack.tags or [] if t.key == LABEL), "")


def basis_of(stack: CloudStack | None) -> dict[str, str]:
    """Return the facts by which a later change of a stack is noticed."""
    if stack is None:
        return {}
    return {
        "stack_id": stack.stack_id,
        "status": stack.status,
        "update_time": stack.update_time or "",
    }
