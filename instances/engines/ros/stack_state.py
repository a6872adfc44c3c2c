"""The stack as it was last seen: what a state is to Terraform."""

from typing import TYPE_CHECKING, Any

from instances.engines.ros import run_files

if TYPE_CHECKING:
    from instances.engines.ros.driver import Drive


class Kept:
    """The stack as it was last seen: the state, with a new serial when it has changed."""

    def __init__(self, drive: "Drive") -> None:
        self.path = drive.path / run_files.STATE
        self.document = run_files.read(self.path) or {
            "version": run_files.VERSION,
            "engine": "ros",
            "lineage": drive.order["label"],
            "serial": 0,
            "region": drive.order["region"],
            "stack_name": drive.order["name"],
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

    def keep(self, **facts: Any) -> None:
        """Write what is new; the same facts twice are one serial."""
        if all(self.document[name] == value for name, value in facts.items()):
            return
        serial = self.document["serial"] + 1
        self.document = {**self.document, **facts, "serial": serial}
        run_files.write(self.path, self.document)
