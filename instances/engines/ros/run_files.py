"""The files in the directory of a run on ROS.

run.json       the order as the driver reads it, without secrets
journal.json   the facts that a restarted driver needs
stack.json     the state: the stack, its resources and outputs, with a serial
plan.json      the result of the preview; saved.json is the plan to execute
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypedDict

RUN, JOURNAL, STATE = "run.json", "journal.json", "stack.json"
PLAN, SAVED = "plan.json", "saved.json"
VERSION = 1


class RunOrder(TypedDict):
    """The content of run.json; `secrets` are the names of the secret parameters."""

    action: str
    region: str
    name: str
    label: str
    token: str
    role: str
    tags: dict[str, str]
    parameters: dict[str, str]
    secrets: list[str]
    hidden_outputs: list[str]
    terraform: bool
    endpoint: str
    rollback: bool
    timeout_minutes: int
    pace: float
    log_bytes: int


@dataclass
class Journal:
    """The content of journal.json: the facts that a restarted driver needs.

    `asked` is set before a change is requested, `accepted` (a stack ID) when the request was
    answered, `deleting` when a deletion was. `basis` and `before` are the stack and its newest
    event before the change, `in_effect` the stack that has shown the change since.
    `unchanged` says that the stack is as requested already.
    """

    interrupts: int = 0
    asked: bool = False
    accepted: str = ""
    deleting: str = ""
    basis: dict[str, str] = field(default_factory=dict)
    before: str = ""
    in_effect: str = ""
    unchanged: bool = False

    @classmethod
    def read(cls, directory: Path) -> "Journal":
        found = read(directory / JOURNAL)
        known = [each.name for each in fields(cls)]
        return cls(**{key: found[key] for key in known if key in found})

    def write(self, directory: Path) -> None:
        facts = {key: value for key, value in asdict(self).items() if value}
        write(directory / JOURNAL, facts)


def write(path: Path, document: Mapping[str, object]) -> None:
    """Write a document atomically, so that it survives a power cut whole or not at all."""
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
    """Return the document in a file, empty when there is none."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return {}


def parse(body: bytes | None) -> dict[str, Any]:
    """Return the JSON object in these bytes, empty for anything else."""
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
