"""The engine for stacks of Alibaba Cloud ROS."""

import importlib.util
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from instances.engines import processes, workspace
from instances.engines.base import (
    Change,
    Diagnostic,
    EngineError,
    EngineMissingError,
    Order,
    StateFile,
)
from instances.engines.ros import document, preview, run_files, stack_state
from instances.engines.ros.run_files import Journal, RunOrder
from instances.engines.terraform import Terraform

ACTIONS = ("probe", "plan", "plan-destroy", "apply", "destroy")
# Isolated, but with the site packages, of which the SDK is one.
DRIVER = ("-I", str(Path(__file__).with_name("driver.py")))
KEYS = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
CREDENTIALS = (*KEYS, "ALIBABA_CLOUD_SECURITY_TOKEN")
NO_SDK = (
    "The SDK of Alibaba Cloud ROS is not installed on this machine. Run pip "
    "install 'service-catalog-console[ros]'."
)
NO_KEYS = (
    "The region runs on Alibaba Cloud, but its credentials do not include "
    "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET."
)
# ROS takes from 10 minutes to a day.
MINUTES = (10, 1440)
# A driver that keeps dying is not started again.
MAX_RESUMES = 50
GIVEN_UP, RESUMES = "given-up", "resumes"
# A kill of the driver stops nothing in the cloud, so it is only for one without answers.
SILENT_SECONDS = 300.0


class Ros(Terraform):
    """Stacks on Alibaba Cloud. A worker follows its detached runs as those of Terraform."""

    in_cloud = True

    def start(self, directory: Path, order: Order) -> None:
        """Start the order in `directory`, which must be new, and return at once."""
        if order.action not in ACTIONS:
            raise EngineError(f"Action not supported on Alibaba Cloud: {order.action}.")
        directory = directory.absolute()
        self._lay_out(directory, order)
        self._drive(directory, order)

    def resume(self, directory: Path, order: Order, offset: int) -> bool:
        """Start the driver again, which repeats the order safely.

        A directory that was lost with its host is written again, with a hole in place of the
        log that was read. With a saved plan, the run begins with its comparison.
        """
        directory = directory.absolute()
        if (directory / GIVEN_UP).exists():
            return False
        if not directory.exists():
            self._lay_out(directory, order)
            with open(directory / "events.jsonl", "xb") as log:
                log.truncate(offset)
            if order.plan is None:
                fact = {"stage": "apply", "offset": offset, "started": ""}
                (directory / "stages.jsonl").write_text(json.dumps(fact) + "\n")
                Journal(asked=True).write(directory)
        with open(directory / RESUMES, "ab") as count:
            count.write(b".")
            if count.tell() > MAX_RESUMES:
                return False
        self._drive(directory, order, again=True)
        return True

    def state(self, directory: Path) -> StateFile | None:
        """Return the stack as it was last seen."""
        try:
            return stack_state.parse((directory / run_files.STATE).read_bytes())
        except FileNotFoundError:
            return None

    def changes(self, directory: Path) -> list[Change]:
        """Return the changes of the plan."""
        return preview.read_changes(directory)

    def plan_file(self, directory: Path) -> bytes | None:
        """Return the preview and the stack it started from; None when there is none."""
        try:
            return (directory / run_files.PLAN).read_bytes() or None
        except FileNotFoundError:
            return None

    def cancel(self, directory: Path, *, force: bool = False) -> bool:
        """Have the cloud cancel the operation safely; a second time as soon as possible.

        `force` kills a driver without answers. The operation in the cloud goes on.
        """
        if not force:
            return processes.interrupt(directory)
        if not self.may_kill(directory):
            return processes.alive(directory)
        (directory / GIVEN_UP).touch()
        return processes.kill(directory)

    def check_values(
        self,
        files: Mapping[str, str],
        parameters: Mapping[str, object],
        secrets: Mapping[str, object],
        types: Mapping[str, str] | None = None,
    ) -> list[Diagnostic] | None:
        """Return None: only the cloud could answer, which takes too long for a page."""
        return None

    def version(self) -> str:
        """Return the version of the API. Raises EngineMissingError without the SDK."""
        if importlib.util.find_spec("alibabacloud_ros20190910") is None:
            raise EngineMissingError(NO_SDK)
        return "ros 2019-09-10"

    def _lay_out(self, directory: Path, order: Order) -> None:
        """Write the files for the driver, without credentials and secrets."""
        self.version()
        if any(not order.environment.get(key) for key in KEYS):
            raise EngineError(NO_KEYS)
        run = self._run(order)
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(directory.iterdir()):
                raise EngineError("This directory already contains a run.")
            (directory / run_files.RUN).write_text(json.dumps(run, indent=1))
            if order.files:
                body = document.body_of(document.document_of(order.files))
                (directory / "template.json").write_text(body)
            if order.state is not None:
                (directory / run_files.STATE).write_bytes(order.state)
            if order.plan is not None:
                (directory / run_files.SAVED).write_bytes(order.plan)
        except OSError as error:
            raise EngineError(f"The run could not be prepared: {error}.") from error

    def _run(self, order: Order) -> RunOrder:
        """Return the content of run.json."""
        stack = order.stack
        if stack is None:
            raise EngineError("The engine input does not contain a stack name.")
        if len(stack.tags) >= document.MAX_TAGS:
            raise EngineError("An instance on Alibaba Cloud can have up to 19 tags.")
        if order.state is not None and stack_state.parse(order.state) is None:
            raise EngineError(
                "The last state does not belong to a stack on Alibaba Cloud."
            )
        template = document.document_of(order.files) if order.files else {}
        minutes = max(MINUTES[0], min(MINUTES[1], self.settings.timeout_minutes))
        return {
            "action": order.action,
            "region": stack.region,
            "name": stack.name,
            "label": stack.label,
            "token": stack.token,
            "role": stack.role,
            "tags": dict(stack.tags),
            "parameters": document.texts(template, order.parameters),
            "secrets": sorted(k for k, v in order.secrets.items() if v is not None),
            "hidden_outputs": document.hidden_outputs(template),
            "terraform": document.is_terraform(template),
            "endpoint": self.settings.ros_endpoint,
            "rollback": self.settings.ros_rollback,
            "timeout_minutes": minutes,
            "pace": self.settings.ros_pace,
            "log_bytes": self.settings.log_bytes,
        }

    def _drive(self, directory: Path, order: Order, *, again: bool = False) -> None:
        """Start the driver, with credentials and secrets in its environment only."""
        parent, names = os.environ, workspace.FROM_PARENT
        template = document.document_of(order.files) if order.files else {}
        secrets = document.texts(template, order.secrets)
        environment = {
            **{name: parent[name] for name in names if name in parent},
            **{k: v for k, v in order.environment.items() if k in CREDENTIALS},
            **{document.SECRET + key: value for key, value in secrets.items()},
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(directory),
        }
        program = processes.launch(directory, environment, DRIVER, again=again)
        processes.keep(program)

    def may_kill(self, directory: Path) -> bool:
        """Return whether the cloud has not answered for a long time."""
        try:
            answered_at = (directory / "heard").stat().st_mtime
        except FileNotFoundError:
            return True
        limit = SILENT_SECONDS * self.settings.ros_pace
        return time.time() - answered_at > limit
