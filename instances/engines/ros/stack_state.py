"""The state of a stack as it was last seen, in place of a Terraform state."""

from pathlib import Path

from instances.engines.base import Output, StateFile, StateResource
from instances.engines.ros import run_files
from instances.engines.ros.run_files import RunOrder


class StackState:
    """The document stack.json; its serial grows with each change."""

    def __init__(self, directory: Path, order: RunOrder) -> None:
        self.path = directory / run_files.STATE
        self.document = run_files.read(self.path) or {
            "version": run_files.VERSION,
            "engine": "ros",
            "lineage": order["label"],
            "serial": 0,
            "region": order["region"],
            "stack_name": order["name"],
            "stack_id": "",
            "exists": False,
            "status": "",
            "event": "",
            "resources": [],
            "outputs": [],
            "properties": {},
        }

    @property
    def stack_id(self) -> str:
        return str(self.document["stack_id"])

    @property
    def properties(self) -> dict[str, object]:
        """The properties that each resource was last given, by its address."""
        return dict(self.document.get("properties", {}))

    def update(self, **facts: object) -> None:
        """Write new facts under the next serial; facts that are known change nothing."""
        if all(self.document[name] == value for name, value in facts.items()):
            return
        serial = self.document["serial"] + 1
        self.document = {**self.document, **facts, "serial": serial}
        run_files.write(self.path, self.document)

    def clear(self) -> None:
        """Record that the stack does not exist any more."""
        self.update(exists=False, stack_id="", resources=[], outputs=[])


def parse(body: bytes) -> StateFile | None:
    """Return a stored state, None when it is not a state of this engine."""
    found = run_files.parse(body)
    if found.get("version") != run_files.VERSION or found.get("engine") != "ros":
        return None
    return StateFile(
        body=body,
        serial=found["serial"],
        lineage=found["lineage"],
        outputs=[
            Output(each["key"], each["value"], each["sensitive"], "string")
            for each in found["outputs"]
        ],
        resources=[
            StateResource(
                address=each["address"],
                type=each["type"],
                name=each["address"],
                physical_id=each["physical_id"],
                tainted=each["status"].endswith("_FAILED"),
                status=each["status"],
            )
            for each in found["resources"]
        ],
        stack=found["exists"],
        stack_id=found["stack_id"],
    )
