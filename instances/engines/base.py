"""What every engine is given, what it gives back, and the promise it keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

# In place of sensitive values; the same as the console's own, which engines do not import.
MASK = "******"


class EngineError(Exception):
    """Work that cannot be done; the message is shown to the person and says what to do."""


class EngineMissingError(EngineError):
    """The machine lacks what an engine needs: a binary, or a sandbox to run it in."""


@dataclass(frozen=True)
class Settings:
    """What a deployment decides; `log_bytes` is where a run is stopped for flooding its log.

    Only `providers` of these patterns are downloaded; with a `provider_mirror` none is. None
    named is any.

    After `unwatched_seconds` without a sign of a worker a run stops itself; 0 is never.
    A run stopped for such a reason has `stop_seconds` until it is killed.
    """

    terraform_bin: str = ""
    provider_mirror: str = ""
    providers: tuple[str, ...] = ()
    allow_unsandboxed: bool = False
    parallelism: int = 10
    log_bytes: int = 256 << 20
    ros_endpoint: str = ""
    ros_rollback: bool = True
    ros_pace: float = 1.0
    timeout_minutes: int = 60
    unwatched_seconds: int = 0
    stop_seconds: int = 60


@dataclass(frozen=True)
class Stack:
    """What a stack in a cloud is called. Orders with the same `token` are the same change.

    `label` is the ID of what the stack is for, `role` the RAM role that the cloud assumes.
    """

    region: str
    name: str
    label: str
    token: str
    role: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """One piece of work for an engine.

    `action` is plan, plan-destroy, apply, destroy, validate, or, for what runs in a cloud,
    probe: ask it for something harmless. Only such an engine looks at `stack`. `plan` is a saved
    plan to carry out exactly, with apply and destroy. Ephemeral variables belong
    in `secrets`: they must be given again when a saved plan is carried out, and
    only the environment can do that. `types` are the types of secret variables in
    Terraform's words, empty for one that declares none: the environment's text is read
    according to it. A `trusted` template may use provisioners.
    `watched_at` is the uptime at which the worker's lease was good.
    """

    action: str
    files: Mapping[str, str]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    state: bytes | None = None
    plan: bytes | None = None
    trusted: bool = False
    stack: Stack | None = None
    watched_at: float = 0.0


@dataclass(frozen=True)
class ResourceEvent:
    """A resource entering a status, such as CREATE_IN_PROGRESS; `address` is unique in a run."""

    address: str
    type: str
    name: str
    status: str
    physical_id: str
    reason: str


@dataclass(frozen=True)
class Diagnostic:
    """An error or warning of the engine; `variable` is the parameter it speaks of, if one.

    `uses` are the parameters whose values the failing expression took.
    """

    severity: str
    summary: str
    detail: str
    address: str = ""
    file: str = ""
    line: int | None = None
    variable: str = ""
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Import:
    """A resource that exists already and is taken over under the `id` it has there."""

    address: str
    id: str


@dataclass(frozen=True)
class Event:
    """One line of a run's log; `offset` (bytes) is its key, `end` where the next one starts.

    `total` counts operations (a replacement is two), on the line that tells it.
    """

    offset: int
    end: int
    at: str
    stage: str
    stream: str
    level: str
    message: str
    resource: ResourceEvent | None = None
    total: int | None = None
    diagnostic: Diagnostic | None = None
    imported: Import | None = None


@dataclass(frozen=True)
class Change:
    """What a plan does to one resource; sensitive parts of before and after are masked.

    `imported` is the ID under which an existing resource is taken over first, mostly empty.
    """

    address: str
    type: str
    name: str
    action: str
    reason: str
    replace_paths: list[Any]
    before: Any
    after: Any
    imported: str = ""


@dataclass(frozen=True)
class Output:
    """A result of a run; `type` is Terraform's type, a word or compact JSON.

    `secret_value` is the value in clear, for an encrypted column, where `value` is masked.
    """

    key: str
    value: Any
    sensitive: bool
    type: str
    secret_value: Any = None


@dataclass(frozen=True)
class StateResource:
    """A resource the state tracks; `tainted` ones will be replaced by the next apply.

    `status` is given by engines that know it.
    """

    address: str
    type: str
    name: str
    physical_id: str
    tainted: bool
    status: str = ""


@dataclass(frozen=True)
class StateFile:
    """A state that was read completely; a higher serial of the same lineage is newer.

    `stack` says that there is, or may be, a stack in a cloud that has to be deleted even
    when it holds nothing.
    """

    body: bytes
    serial: int
    lineage: str
    outputs: list[Output]
    resources: list[StateResource]
    stack: bool = False
    stack_id: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a run ended; not `finished` means that it died without a word."""

    finished: bool
    ok: bool
    exit_code: int | None
    stage: str
    applying: bool
    canceled: bool
    message: str
    stages: dict[str, dict[str, Any]]


class Engine(Protocol):
    """Runs orders in directories, detached: the caller may die and another may take over.

    `in_cloud` says that what a run changes is changed elsewhere, and goes on without it.
    """

    in_cloud: bool

    def start(self, directory: Path, order: Order) -> None:
        """Write the directory and start the run; EngineError when it cannot begin."""

    def resume(self, directory: Path, order: Order, offset: int) -> bool:
        """Go on with a run that died while it changed something, its log read to `offset`.

        False where that could make anything twice: such a run is never repeated blindly.
        """

    def alive(self, directory: Path) -> bool:
        """Whether any process of the run still lives."""

    def events(self, directory: Path, offset: int, limit: int = 500) -> list[Event]:
        """The complete log lines from a byte offset on, at most `limit`."""

    def outcome(self, directory: Path) -> Outcome | None:
        """How the run ended, or None while it is still going."""

    def state(self, directory: Path) -> StateFile | None:
        """The state the run has reached; None when there is none that can be trusted."""

    def changes(self, directory: Path) -> list[Change]:
        """What the plan made by the run would do."""

    def plan_file(self, directory: Path) -> bytes | None:
        """The saved plan, secrets included; None when there is none."""

    def cancel(self, directory: Path, *, force: bool = False) -> bool:
        """Ask the run to stop, or with `force` kill all of it; False when nothing runs."""

    def may_kill(self, directory: Path) -> bool:
        """Whether killing the run, after it was asked twice, is a way to stop anything."""

    def clean(self, directory: Path, *, keep_events: bool = False) -> None:
        """Remove everything that may hold secrets; the log too unless it is kept."""

    def check_values(
        self,
        files: Mapping[str, str],
        parameters: Mapping[str, Any],
        secrets: Mapping[str, Any],
        types: Mapping[str, str] | None = None,
    ) -> list[Diagnostic] | None:
        """What is wrong with these values; None when no answer came in time."""

    def version(self) -> str:
        """Name and version of the tool, such as "terraform 1.11.4"; EngineMissingError if none."""
