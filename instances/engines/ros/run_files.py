"""What a run of ROS keeps in its directory: where it is, the stack it reached, the plan.

journal.json   what must survive the driver: the stack, and what had been seen before
stack.json     the "state": the stack, its resources and outputs, with a serial
plan.json      what the preview found; saved.json is the one to carry out
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from instances.engines.base import Change, Output, StateFile, StateResource

JOURNAL, STATE, PLAN, SAVED = "journal.json", "stack.json", "plan.json", "saved.json"
VERSION = 1


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document so that it is there whole or not at all, even after a power cut."""
    temporary = path.with_name(f"{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(json.dumps(document, ensure_ascii=False, indent=1).encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    parent = os.open(path.parent, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)


def read(path: Path) -> dict[str, Any]:
    """The document in a file, empty when there is none."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return {}


def parse(body: bytes | None) -> dict[str, Any]:
    """The document in these bytes, empty when they hold none."""
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def state_file(body: bytes) -> StateFile | None:
    """What a stored state says; None when it is none of ours."""
    found = parse(body)
    if found.get("version") != VERSION or found.get("engine") != "ros":
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


def changes(path: Path) -> list[Change]:
    """The changes of a plan; none when there is no plan."""
    return [Change(**each) for each in read(path).get("changes", [])]
