"""The engine for Terraform templates: runs Terraform or OpenTofu in a detached process."""

import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

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
from instances.engines.run_record import Command, ExitRecord, StageRecord

ACTIONS = ("plan", "plan-destroy", "apply", "destroy", "validate")
NO_SANDBOX = (
    "Templates cannot be sandboxed on this machine because the kernel does not "
    "support Landlock. Use Linux 5.13 or later with Landlock enabled. Set "
    "CONSOLE_ALLOW_UNSANDBOXED only if you trust every template."
)
# Advice for errors whose text says nothing about this console.
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
    """The engine for Terraform templates, and the base of the engine that simulates ROS."""

    in_cloud = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def start(self, directory: Path, order: Order) -> None:
        """Start the order in `directory`, which must be new, and return at once.

        Raises EngineError when the policy refuses the template, or the state cannot be read;
        EngineMissingError without the tool or the sandbox.
        """
        if order.action not in ACTIONS:
            raise EngineError(f"Unknown action: {order.action}.")
        policy = self.settings.template_policy
        for found in policy(order.files, allow_provisioners=order.trusted):
            raise EngineError(f"{found.file}, line {found.line}: {found.message}")
        tool = self._tool()
        directory = directory.absolute()
        workspace.write(directory, order, tool, self.settings)
        environment = workspace.environment(
            directory, order.secrets, order.environment, order.types
        )
        processes.keep(processes.launch(directory, environment))

    def resume(self, directory: Path, order: Order, offset: int) -> bool:
        """Return False: resources that were being created may exist and be in no state."""
        return False

    def alive(self, directory: Path) -> bool:
        """Return whether any process of the run is alive, in whatever session."""
        return processes.alive(directory)

    def events(self, directory: Path, offset: int, limit: int = 500) -> list[Event]:
        """Return the complete log lines from a byte offset on, at most `limit`."""
        return events.read(directory, offset, limit)

    def outcome(self, directory: Path) -> Outcome | None:
        """Return how the run ended; None while it is running.

        A tool that was killed by a signal has not finished: its provisioners may still be
        running, and its state may lack resources that it was creating.
        """
        # Before the record is read, or an end in between would look like a death.
        living = processes.alive(directory)
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
        """Return the state of the run, if it can be read whole."""
        return terraform_state.newest(
            directory / workspace.STATE,
            directory / workspace.ERRORED_STATE,
            directory / "events.jsonl",
        )

    def changes(self, directory: Path) -> list[Change]:
        """Return the changes of the plan; none when there is no plan."""
        return plan_json.read(directory / workspace.PLAN_DOCUMENT)

    def plan_file(self, directory: Path) -> bytes | None:
        """Return the saved plan, which holds secrets in clear; None when there is none."""
        try:
            return (directory / workspace.PLAN).read_bytes() or None
        except FileNotFoundError:
            return None

    def cancel(self, directory: Path, *, force: bool = False) -> bool:
        """Interrupt the run, which stops gracefully; a second time it stops at once.

        `force` kills it: resources that are being created may then exist and be in no state.
        """
        stop = processes.kill if force else processes.interrupt
        return stop(directory)

    def may_kill(self, directory: Path) -> bool:
        """Return True: a kill is the last resort."""
        return True

    def clean(self, directory: Path, *, keep_events: bool = False) -> None:
        """Remove the directory, or with `keep_events` all of it but the log."""
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
        parameters: Mapping[str, object],
        secrets: Mapping[str, object],
        types: Mapping[str, str] | None = None,
    ) -> list[Diagnostic] | None:
        """Return the tool's errors about values, from a plan of variables and locals.

        None when there was no answer in 2 seconds, or when these files cannot be planned.
        """
        tool = self._tool()
        types = types or {}
        with tempfile.TemporaryDirectory(prefix="check-") as name:
            directory = Path(name)
            self._lay_out_check(directory, files, parameters)
            workspace.write_override(directory, workspace.typed(secrets, types))
            commands = [self._check_command(tool, directory)]
            workspace.write_run(
                directory, commands, tool, self.settings, **CHECK_LIMITS
            )
            environment = workspace.environment(directory, secrets, {}, types)
            return self._answer(directory, environment, CHECK_SECONDS)

    def outputs(
        self, files: Mapping[str, str]
    ) -> tuple[dict[str, object], list[Diagnostic]] | None:
        """Return the outputs of files that need no provider and no values, and the errors.

        None when there was no answer in 5 seconds.
        """
        tool = self._tool()
        with tempfile.TemporaryDirectory(prefix="check-") as name:
            directory = Path(name)
            self._lay_out_check(directory, files, {})
            plan_file = str(directory / workspace.PLAN)
            show = ["-json", plan_file]
            commands = [
                self._check_command(tool, directory, f"-out={plan_file}"),
                workspace.stage(tool, "show", *show, stdout=workspace.PLAN_DOCUMENT),
            ]
            workspace.write_run(
                directory, commands, tool, self.settings, **CHECK_LIMITS
            )
            environment = workspace.environment(directory, {}, {})
            found = self._answer(directory, environment, OUTPUT_SECONDS)
            if found is None:
                return None
            return plan_json.outputs(directory / workspace.PLAN_DOCUMENT), found

    def _lay_out_check(
        self,
        directory: Path,
        files: Mapping[str, str],
        parameters: Mapping[str, object],
    ) -> None:
        (directory / "module").mkdir()
        (directory / "tmp").mkdir()
        workspace.write_template(directory, files)
        workspace.write_values(directory, parameters, self.settings)
        run_lease.renew(directory, run_lease.uptime())

    def _check_command(
        self, tool: binary.Binary, directory: Path, *more: str
    ) -> Command:
        options = ["-json", "-lock=false", "-refresh=false", *workspace.NETWORK]
        values = f"-var-file={directory / workspace.VALUES}"
        return workspace.stage(tool, "plan", *options, *more, values)

    def version(self) -> str:
        """Return name and version of the tool. Raises EngineMissingError, which says what to do."""
        return binary.find(self.settings.terraform_bin).version

    def _failure(self, directory: Path, record: ExitRecord) -> str:
        """Return the message of a failed run, which is shown to the user."""
        stage = record["stage"]
        if record["message"]:
            return record["message"]
        if record["canceled"]:
            return (
                f"Canceled during {stage}."
                if stage
                else "Canceled before the run started."
            )
        begun = [
            fact["offset"] for fact in events.journal(directory) if "offset" in fact
        ]
        found = list(islice(events.errors(directory, begun[-1] if begun else 0), 50))
        if not found:
            code = record["exit_code"]
            text = events.last_text(directory)
            return text or f"The step {stage} failed with exit code {code}."
        error = found[0]
        folder = self.settings.provider_mirror
        hints = dict.fromkeys(
            provider_mirror.hint(folder, each.detail) for each in found
        )
        advice = " ".join(filter(None, hints)) or ADVICE.get(error.summary)
        # The rest is a command that needs the files of the run.
        detail = error.detail.partition("\n\nTo see which modules")[0]
        sentences = (
            error.summary.rstrip(".:") + ".",
            f"{detail}." if detail != error.detail else detail,
            advice,
        )
        return " ".join(sentence for sentence in sentences if sentence)

    def _tool(self) -> binary.Binary:
        """Return the tool. Raises EngineMissingError without a sandbox, unless that is allowed."""
        if not sandbox.available() and not self.settings.allow_unsandboxed:
            raise EngineMissingError(NO_SANDBOX)
        return binary.find(self.settings.terraform_bin)

    def _answer(
        self, directory: Path, environment: Mapping[str, str], seconds: float
    ) -> list[Diagnostic] | None:
        """Run a check and return its errors, None when there was no answer in time."""
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


def _record(path: Path) -> ExitRecord | None:
    """Return the launcher's record of the end; None when it is missing or incomplete."""
    try:
        record: ExitRecord = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return record


def _killed(record: ExitRecord) -> bool:
    """Return whether the tool was killed by a signal but SIGINT.

    An interrupt kills a tool only before it has done anything.
    """
    code = record["exit_code"]
    return code < 0 and code != -signal.SIGINT


def _dead(directory: Path, record: ExitRecord | None) -> Outcome:
    """Return the outcome of a run that died without a record, or whose tool was killed."""
    stages: dict[str, StageRecord] = {
        entry["stage"]: {
            "started": entry.get("started", ""),
            "seconds": entry.get("seconds"),
            "exit_code": entry.get("exit_code"),
        }
        for entry in events.journal(directory)
    }
    last = next(reversed(stages), "")
    during = f"during {last}" if last else "before its first step"
    return Outcome(
        finished=False,
        ok=False,
        exit_code=None,
        stage=last,
        applying="apply" in stages,
        canceled=False,
        message=_kill_message(record) or f"The run was killed {during}.",
        stages=stages,
    )


def _kill_message(record: ExitRecord | None) -> str:
    """Return the launcher's reason for a kill, else the signal; empty without a record."""
    if record is None:
        return ""
    killed = f"Terraform was killed by signal {-record['exit_code']}"
    return record["message"] or f"{killed} during {record['stage']}."
