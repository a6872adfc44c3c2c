"""The documents in the directory of a run, as the launcher reads and writes them."""

from typing import NotRequired, TypedDict


class StageRecord(TypedDict):
    """The times of a stage; `seconds` and `exit_code` are None until it has ended."""

    started: str
    seconds: float | None
    exit_code: int | None


class JournalEntry(StageRecord):
    """A line of stages.jsonl. The entry for a begin has the `offset` of its log, an end has not."""

    stage: str
    offset: NotRequired[int]


class Command(TypedDict):
    """A stage in run.json; its output goes to the log unless `stdout` names a file."""

    name: str
    title: str
    argv: list[str]
    stdout: str


class LauncherOrder(TypedDict):
    """The content of run.json for the launcher."""

    stages: list[Command]
    working_directory: str
    sandboxed: bool
    read: list[str]
    limits: dict[str, int]
    log_bytes: int
    unwatched_seconds: int
    stop_seconds: int


class ExitRecord(TypedDict):
    """The content of exit.json; `exit_code` is negative for a signal."""

    ok: bool
    exit_code: int
    stage: str
    canceled: bool
    message: str
    stages: dict[str, StageRecord]
