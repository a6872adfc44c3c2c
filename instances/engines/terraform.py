"""Terraform or OpenTofu, run as a detached process in a directory of its own."""

import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from instances.engines import (
    binary,
    events,
    plan_json,
    processes,
    provider_mirror,
    run_lease,
    sandbox,
    terraform_state,
    workspace,
)
from instances.engines.base import (
    Change,
    Diagnostic,
    EngineError,
    EngineMissingError,
    Event,
    Order,
    Outcome,
    Settings,
    StateFile,
)
from instances.engines.policy import violations

ACTIONS = ("plan", "plan-destroy", "apply", "destroy", "validate")
NO_SANDBOX = (
    "This machine cannot confine templates: its kernel has no landlock (Linux 5.13 or "
    "newer, switched on). Set CONSOLE_ALLOW_UNSANDBOXED only if you trust every template."
)
# What to do about errors that Terraform explains in its own terms only.
ADVICE = {
    "Failed to query available provider packages": "An administrator can allow the provider "
    "(CONSOLE_PROVIDERS), or add it to the provider mirror (CONSOLE_PROVIDER_MIRROR).",
    "Failed to install provider": "An administrator can check the provider mirror.",
    "Saved plan is stale": "Create a new plan.",
    "Failed to read plan from plan file": "Create a new plan.",
}
LOG = {"events.jsonl", "stages.jsonl", "exit.json", "lock"}
CHECK_SECONDS = 2.0
OUTPUT_SECONDS = 5.0
CHECK_LIMITS = {"memory_bytes": 2 << 30, "cpu_seconds": 4}


class Terraform:
    """The engine for Terraform templates."""

    in_cloud = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def start(self, directory: Path, order: Order) -> None:
        """Start the order in `directory`, which must be new; returns at once.

        Raises EngineError when the template or the state is refused, EngineMissingError when
        this machine lacks the tool or the sandbox.
        """
        if order.action not in ACTIONS:
            raise EngineError(f"There is no action called {order.action}.")
        for found in violations(order.files, allow_provisioners=order.trusted):
            raise EngineError(f"{found.file}, line {found.line}: {found.message}")
        tool = self._tool()
        directory = directory.absolute()
        workspace.write(directory, order, tool, self.settings)
        environment = workspace.environment(
            directory, order.secrets, order.environment, order.types
        )
        processes.keep(processes.launch(directory, environment))

    def resume(self, directory: Path, order: Order, offset: int) -> bool:
        """Never: what was being made when it died may exist and be recorded nowhere."""
        return False

    def alive(self, directory: Path) -> bool:
        """Whether any process of the run still lives, in whatever session."""
        return processes.alive(directory)

    def events(self, directory: Path, offset: int, limit: int = 500) -> list[Event]:
        """The complete log lines from a byte offset on, at most `limit`."""
        return events.read(directory, offset, limit)

    def outcome(self, directory: Path) -> Outcome | None:
        """How the run ended; None while it is still going.

        A tool killed by a signal has not finished: what its provisioners go on doing is
        waited for, and its state may lack what it had begun.
        """
        living = processes.alive(
            directory
        )  # asked first, or an end in between is missed
        record = _record(directory / "exit.json")
        killed = record is not None and _killed(record)
        if living and (record is None or killed):
            return None
        if record is None or killed:
            return _dead(directory, record)
        message = "Finished." if record["ok"] else self._failure(directory, record)
        return Outcome(
            finished=True,
            ok=record["ok"],
            exit_code=record["exit_code"],
            stage=record["stage"],
            applying="apply" in record["stages"],
            canceled=record["canceled"],
            message=message,
            stages=record["stages"],
        )

    def state(self, directory: Path) -> StateFile | None:
        """The state the run has reached, if it can be read whole."""
        return terraform_state.newest(
            directory / workspace.STATE,
            directory / workspace.ERRORED_STATE,
            directory / "events.jsonl",
        )

    def changes(self, directory: Path) -> list[Change]:
        """What the plan would do; empty when there is no plan."""
        return plan_json.read(directory / workspace.PLAN_DOCUMENT)

    def plan_file(self, directory: Path) -> bytes | None:
        """The saved plan; it holds secrets in clear."""
        try:
            return (directory / workspace.PLAN).read_bytes() or None
        except FileNotFoundError:
            return None

    def cancel(self, directory: Path, *, force: bool = False) -> bool:
        """Interrupt the run, which stops in good order; a second time, at once.

        `force` kills it: what is being created then may exist and be recorded nowhere.
        """
        stop = processes.kill if force else processes.interrupt
        return stop(directory)

    def may_kill(self, directory: Path) -> bool:
        """Always, as the last resort."""
        return True

    def clean(self, directory: Path, *, keep_events: bool = False) -> None:
        """Remove the directory, or with `keep_events` everything but the log."""
        if not keep_events:
            shutil.rmtree(directory, ignore_errors=True)
            return
        for path in directory.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name not in LOG:
                path.unlink(missing_ok=True)

    def check_values(
        self,
        files: Mapping[str, str],
        parameters: Mapping[str, Any],
        secrets: Mapping[str, Any],
        types: Mapping[str, str] | None = None,
    ) -> list[Diagnostic] | None:
        """The tool's own judgement of values, from a plan of variables and locals alone.

        Takes 2 seconds at most; None when there was no answer in that time, or when these
        files alone cannot be planned.
        """
        tool = self._tool()
        types = types or {}
        with tempfile.TemporaryDirectory(prefix="check-") as name:
            directory = Path(name)
            self._lay_out_check(directory, files, parameters)
            workspace.write_override(directory, workspace.typed(secrets, types))
            todo = [self._check_stage(tool, directory)]
            workspace.write_run(directory, todo, tool, self.settings, **CHECK_LIMITS)
            environment = workspace.environment(directory, secrets, {}, types)
            return self._answer(directory, environment, CHECK_SECONDS)

    def outputs(
        self, files: Mapping[str, str]
    ) -> tuple[dict[str, Any], list[Diagnostic]] | None:
        """The outputs of files that need no provider and no values, and what is wrong.

        Takes 5 seconds at most; None when there was no answer in that time.
        """
        tool = self._tool()
        with tempfile.TemporaryDirectory(prefix="check-") as name:
            directory = Path(name)
            self._lay_out_check(directory, files, {})
            plan_file = str(directory / workspace.PLAN)
            show = ["-json", plan_file]
            todo = [
                self._check_stage(tool, directory, f"-out={plan_file}"),
                workspace.stage(tool, "show", *show, stdout=workspace.PLAN_DOCUMENT),
            ]
            workspace.write_run(directory, todo, tool, self.settings, **CHECK_LIMITS)
            environment = workspace.environment(directory, {}, {})
            found = self._answer(directory, environment, OUTPUT_SECONDS)
            if found is None:
                return None
            return plan_json.outputs(directory / workspace.PLAN_DOCUMENT), found

    def _lay_out_check(
        self, directory: Path, files: Mapping[str, str], parameters: Mapping[str, Any]
    ) -> None:
        (directory / "module").mkdir()
        (directory / "tmp").mkdir()
        workspace.write_template(directory, files)
        workspace.write_values(directory, parameters, self.settings)
        run_lease.watch(directory, run_lease.uptime())

    def _check_stage(
        self, tool: binary.Binary, directory: Path, *more: str
    ) -> dict[str, Any]:
        options = ["-json", "-lock=false", "-refresh=false", *workspace.NETWORK]
        values = f"-var-file={directory / workspace.VALUES}"
        return workspace.stage(tool, "plan", *options, *more, values)

    def version(self) -> str:
        """Name and version of the tool; EngineMissingError with what to do when there is none."""
        return binary.find(self.settings.terraform_bin).version

    def _failure(self, directory: Path, record: dict[str, Any]) -> str:
        """Why a run failed, in a sentence or two for the person."""
        stage = record["stage"]
        if record["message"]:
            return str(record["message"])
        if record["canceled"]:
            return f"Canceled during {stage}." if stage else "Canceled before it began."
        begun = [
            fact["offset"] for fact in events.journal(directory) if "offset" in fact
        ]
        found = list(islice(events.errors(directory, begun[-1] if begun else 0), 50))
        if not found:
            said = events.last_words(directory)
            return (
                said or f"The step {stage} failed with exit code {record['exit_code']}."
            )
        error = found[0]
        known = self.settings.provider_mirror
        hints = dict.fromkeys(
            provider_mirror.hint(known, each.detail) for each in found
        )
        advice = " ".join(filter(None, hints)) or ADVICE.get(error.summary)
        # A command that only who has the files could run.
        detail = error.detail.partition("\n\nTo see which modules")[0]
        sentences = (
            error.summary.rstrip(".:") + ".",
            f"{detail}." if detail != error.detail else detail,
            advice,
        )
        return " ".join(sentence for sentence in sentences if sentence)

    def _tool(self) -> binary.Binary:
        """The tool, on a machine that can confine it or whose owner does without."""
        if not sandbox.available() and not self.settings.allow_unsandboxed:
            raise EngineMissingError(NO_SANDBOX)
        return binary.find(self.settings.terraform_bin)

    def _answer(
        self, directory: Path, environment: Mapping[str, str], seconds: float
    ) -> list[Diagnostic] | None:
        """Run the check that was laid out; its errors, or None when it gave no answer."""
        process = processes.launch(directory, environment)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            processes.kill(directory)
            process.kill()
            process.wait()
            return None
        record = _record(directory / "exit.json")
        if record is None or record["exit_code"] < 0:
            return None
        found = [event.diagnostic for event in self.events(directory, 0)]
        errors = [one for one in found if one is not None and one.severity == "error"]
        return errors if errors or record["ok"] else None


def _record(path: Path) -> dict[str, Any] | None:
    """What the launcher wrote at the end; None when it did not, or not whole."""
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return record


def _killed(record: dict[str, Any]) -> bool:
    """Whether the tool was killed. By an interrupt it is only before it heeds them."""
    code = int(record["exit_code"])
    return code < 0 and code != -signal.SIGINT


def _dead(directory: Path, record: dict[str, Any] | None) -> Outcome:
    """What a run left behind that ended without saying so, or whose tool was killed."""
    stages: dict[str, dict[str, Any]] = {}
    for fact in events.journal(directory):
        stage = stages.setdefault(fact["stage"], {})
        stage.update(
            {key: fact.get(key) for key in ("started", "seconds", "exit_code")}
        )
    last = next(reversed(stages), "")
    during = f"during {last}" if last else "before its first step"
    return Outcome(
        finished=False,
        ok=False,
        exit_code=None,
        stage=last,
        applying="apply" in stages,
        canceled=False,
        message=_why(record) or f"The run was killed {during}.",
        stages=stages,
    )


def _why(record: dict[str, Any] | None) -> str:
    """Why the tool was killed: the launcher's reason, else the signal."""
    if record is None:
        return ""
    stopped = f"Terraform was killed by signal {-record['exit_code']}"
    return str(record["message"]) or f"{stopped} during {record['stage']}."
