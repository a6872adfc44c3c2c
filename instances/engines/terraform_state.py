"""Reads Terraform's state file. A state that is not complete is none."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NotRequired, TypedDict

from console.lib.exact import dumps, loads
from instances.engines.base import Output, StateFile, StateResource

VERSION = 4
DUMP = b'"Emergency state dump"'
DUMP_BYTES = 64 << 20


class ResourceInstance(TypedDict, total=False):
    index_key: str | int
    status: str
    deposed: str
    attributes: dict[str, object] | None


class ResourceBlock(TypedDict):
    """A resource in a state file of version 4; `module` is empty in the root module."""

    mode: str
    module: NotRequired[str]
    type: str
    name: str
    instances: list[ResourceInstance]


def read(path: Path) -> StateFile | None:
    """Return the state in a file, None when that is absent, empty, truncated or unreadable."""
    try:
        return parse(path.read_bytes())
    except OSError:
        return None


def newest(file: Path, errored: Path, log: Path) -> StateFile | None:
    """Return the newest state of a run, which Terraform writes to one of three places.

    When it cannot write its state file, as with a full disk, it tries `errored.tfstate` in its
    working directory, and then the log.
    """
    found = [read(file), read(errored)]
    if found[0] is None:
        found.append(_dumped(log))
    whole = [state for state in found if state is not None]
    return max(whole, key=lambda state: state.serial, default=None)


def _dumped(log: Path) -> StateFile | None:
    """Return the last state in a log."""
    last = None
    try:
        with open(log, "rb") as lines:
            while line := lines.readline(DUMP_BYTES):
                if DUMP in line and line.startswith(b"{"):
                    last = line
        document = loads(last or b"null")
        return parse(dumps(document["state"]).encode())
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def parse(body: bytes) -> StateFile | None:
    """Return the state in these bytes, None when they are not a complete one.

    Terraform truncates the file before it writes, so a reader may see any part of it. And it
    takes an empty file for "nothing exists", which would create everything again.
    """
    try:
        document = loads(body)
        if document["version"] != VERSION or not document["lineage"]:
            return None
        return StateFile(
            body=body,
            serial=int(document["serial"]),
            lineage=str(document["lineage"]),
            outputs=[
                _output(*item) for item in (document.get("outputs") or {}).items()
            ],
            resources=[
                resource
                for block in document.get("resources") or []
                if block["mode"] == "managed"
                for resource in _resources(block)
            ],
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _output(key: str, found: Mapping[str, object]) -> Output:
    kind = found.get("type", "dynamic")
    name = kind if isinstance(kind, str) else json.dumps(kind, separators=(",", ":"))
    return Output(key, found["value"], bool(found.get("sensitive")), name)


def _resources(block: ResourceBlock) -> Iterator[StateResource]:
    """Yield the instances of a resource block; a deposed one still exists."""
    module = f"{block['module']}." if block.get("module") else ""
    for found in block["instances"]:
        address = f"{module}{block['type']}.{block['name']}"
        if "index_key" in found:
            address += f"[{json.dumps(found['index_key'], ensure_ascii=False)}]"
        if found.get("deposed"):
            address += f" (deposed {found['deposed']})"
        tainted = found.get("status") == "tainted" or bool(found.get("deposed"))
        identity = (found.get("attributes") or {}).get("id")
        name = "" if identity is None else str(identity)
        yield StateResource(address, block["type"], block["name"], name, tainted)
