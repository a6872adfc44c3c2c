"""The interface of engines: their settings, orders, results, and the protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from instances.engines.run_record import StageRecord

# In place of sensitive values; the same as the console's own, which engines do not import.
MASK = "******"


class EngineError(Exception):
    """An order that cannot be run; the message is shown to the user and says what to do."""


class EngineMissingError(EngineError):
    """A machine without the binary or the sandbox that an engine needs."""


class PolicyViolation(Protocol):
    """Forbidden contents of a template, with their file and line."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def message(self) -> str: ...


class TemplatePolicy(Protocol):
    """A function that returns the forbidden contents of the files of a template."""

    def __call__(
        self, files: Mapping[str, str], *, allow_provisioners: bool = False
    ) -> Sequence[PolicyViolation]: ...


def refuse_all(
    files: Mapping[str, str], *, allow_provisioners: bool = False
) -> Sequence[PolicyViolation]:
    """Refuse every template: without a policy, an engine must not start a run."""
    raise EngineError("The engine has no template policy, so it starts no runs.")


@dataclass(frozen=True)
class Settings:
    """The settings of a deployment.

    `template_policy` is applied before each run; the default refuses all templates.

    `providers` are patterns of providers that may be downloaded, all when it is empty; with a
    `provider_mirror` none is downloaded. A run stops when its log exceeds `log_bytes`, and
    when its lease was not renewed for `unwatched_seconds` (0: never); it is killed when it
    has not stopped after `stop_seconds`. `ros_pace` is a factor for all waits of the engine
    `ros`.
    """

    terraform_bin: str = ""
    template_policy: TemplatePolicy = refuse_all
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
    """The names of a stack in a cloud. Orders with the same `token` request the same change.

    `label` is the ID of the instance, `role` the RAM role that the cloud assumes.
    """

    region: str
    name: str
    label: str
    token: str
    role: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """An order for an engine.

    `action` is plan, plan-destroy, apply, destroy, validate, or, for an engine in a cloud,
    probe, which checks the credentials. Only such an engine uses `stack`. `plan` is a saved
    plan that apply or destroy executes. Ephemeral variables belong in `secrets`, because they
    have to be given again with a saved plan, and only the environment can do that. `types`
    are the Terraform types of secret variables, empty for one without a type: Terraform reads
    the environment by them. A `trusted` template may use provisioners. `watched_at` is the
    uptime at which the worker's lease was valid.
    """

    action: str
    files: Mapping[str, str]
    parameters: Mapping[str, object] = field(default_factory=dict)
    secrets: Mapping[str, object] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    state: bytes | None = None
    plan: bytes | None = None
    trusted: bool = False
    stack: Stack | None = None
    watched_at: float = 0.0


@dataclass(frozen=True)
class ResourceEvent:
    """A new status of a resource, such as CREATE_IN_PROGRESS; `address` is unique in a run."""

    address: str
    type: str
    name: str
    status: str
    physical_id: str
    reason: str


@dataclass(frozen=True)
class Diagnostic:
    """An error or warning of the engine; `variable` is the parameter that it is about.

    `uses` are the parameters whose values the failed expression used.
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
    """The import of an existing resource, whose ID at the provider is `id`."""

    address: str
    id: str


@dataclass(frozen=True)
class Event:
    """A line of a run's log; `offset` in bytes is its key, `end` the offset of the next line.

    `total` is the number of operations (a replacement is two), on the summary of a plan.
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
    """The change of one resource in a plan; sensitive parts of before and after are masked.

    `imported` is the ID of an existing resource that is imported first, else empty.
    """

    address: str
    type: str
    name: str
    action: str
    reason: str
    replace_paths: list[object]
    before: object
    after: object
    imported: str = ""


@dataclass(frozen=True)
class Output:
    """An output of a run; `type` is Terraform's type, a word or compact JSON.

    `secret_value` is the value in clear, for an encrypted column, when `value` is masked.
    """

    key: str
    value: object
    sensitive: bool
    type: str
    secret_value: object = None


@dataclass(frozen=True)
class StateResource:
    """A resource in a state; the next apply replaces a `tainted` one.

    `status` is empty for engines without one.
    """

    address: str
    type: str
    name: str
    physical_id: str
    tainted: bool
    status: str = ""


@dataclass(frozen=True)
class StateFile:
    """A complete state; a higher serial of the same lineage is newer.

    `stack` is set when a stack exists or may exist in a cloud, which a termination has to
    delete even without resources.
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
    """The end of a run. One that is not `finished` died without a record of its end."""

    finished: bool
    ok: bool
    exit_code: int | None
    stage: str
    applying: bool
    canceled: bool
    message: str
    stages: dict[str, StageRecord]


class Engine(Protocol):
    """Runs orders in directories, detached from the caller, which another may replace.

    `in_cloud` is set when the operations of a run go on in a cloud after its death.
    """

    in_cloud: bool

    def start(self, directory: Path, order: Order) -> None:
        """Write the directory and start the run. Raises EngineError when that is impossible."""

    def resume(self, directory: Path, order: Order, offset: int) -> bool:
        """Go on with a run that died during apply, whose log was read up to `offset`.

        Returns False when that could make resources twice, as it could with Terraform.
        """

    def alive(self, directory: Path) -> bool:
        """Return whether any process of the run is alive."""

    def events(self, directory: Path, offset: int, limit: int = 500) -> list[Event]:
        """Return the complete log lines from a byte offset on, at most `limit`."""

    def outcome(self, directory: Path) -> Outcome | None:
        """Return how the run ended, None while it is running."""

    def state(self, directory: Path) -> StateFile | None:
        """Return the state of the run; None when there is no complete one."""

    def changes(self, directory: Path) -> list[Change]:
        """Return the changes of the plan that the run made."""

    def plan_file(self, directory: Path) -> bytes | None:
        """Return the saved plan, secrets included; None when there is none."""

    def cancel(self, directory: Path, *, force: bool = False) -> bool:
        """Interrupt the run, or kill it with `force`; return False when none is alive."""

    def may_kill(self, directory: Path) -> bool:
        """Return whether a kill, after two interrupts, may stop the run."""

    def clean(self, directory: Path, *, keep_events: bool = False) -> None:
        """Remove all files that may hold secrets; the log too, unless it is kept."""

    def check_values(
        self,
        files: Mapping[str, str],
        parameters: Mapping[str, object],
        secrets: Mapping[str, object],
        types: Mapping[str, str] | None = None,
    ) -> list[Diagnostic] | None:
        """Return the errors about values; None when no answer came in time."""

    def version(self) -> str:
        """Return name and version, such as "terraform 1.11.4". Raises EngineMissingError."""
