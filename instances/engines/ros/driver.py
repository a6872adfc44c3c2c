"""The detached process of one run on Alibaba Cloud: `python -I driver.py DIRECTORY LOCK`.

It writes the same log, stages and end as the launcher of Terraform does, so that a worker
follows both alike. What it has asked for goes on without it: when it dies it is started
again in the same directory, looks at what there is, and watches that to its end. Secrets
and credentials come in its environment and touch no file.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Run by its file name, isolated: it knows no path to us. Behind the standard library, which
# nothing here may shadow, and before other packages, which may be another copy of us.
sys.path.insert(
    next((i for i, p in enumerate(sys.path) if "site-packages" in p), len(sys.path)),
    str(Path(__file__).resolve().parents[3]),
)

from instances.engines import events, launcher, signals
from instances.engines.plan_json import MASK
from instances.engines.ros import run_files
from instances.engines.ros.cloud import Cloud, CloudRefusedError
from instances.engines.ros.document import SECRET
from instances.engines.ros.stack import Stack

STAGES = {
    "probe": ("probe",),
    "plan": ("plan",),
    "plan-destroy": ("plan",),
    "apply": ("plan", "apply"),
    "destroy": ("plan", "apply"),
}
# Shorter ones would mask half of every text.
SHORTEST = 4


class RunCanceledError(Exception):
    """Somebody asked to stop while nothing had been asked of the cloud yet."""


class Drive(launcher.Run):
    """The stages of one run, and the record of how they went."""

    def __init__(
        self, directory: str, order: dict[str, Any], environment: Mapping[str, str]
    ) -> None:
        super().__init__(directory, order)
        self.path = Path(directory)
        self.cloud = Cloud(
            order, environment, self.pause, self.say, (self.path / "heard").touch
        )
        self.values = {
            **order["parameters"],
            **{key: environment.get(SECRET + key, "") for key in order["secrets"]},
        }
        # The cloud repeats in previews and logs what it was given.
        self.secrets = sorted(
            (v for k in order["secrets"] if len(v := self.values[k]) >= SHORTEST),
            key=len,
            reverse=True,
        )
        self.journal = run_files.read(self.path / run_files.JOURNAL)
        self.interrupts = int(self.journal.get("interrupts", 0))
        self.interrupted = bool(self.interrupts)
        self.stoppable = not self.journal.get("asked")
        self.stack = Stack(self)

    def carry_out(self) -> None:
        """Carry out each stage until one fails; one that was left is taken up again."""
        self._end_line()
        known = events.journal(self.path)
        begun = {fact["stage"]: fact for fact in known if "offset" in fact}
        code = 0
        for name in STAGES[self.order["action"]]:
            if name == "plan" and "apply" in begun:
                # What it found was true before this run began to change it.
                self.stages[name] = {**begun.get(name, {}), "exit_code": 0}
                continue
            code = self._stage(name, begun.get(name))
            if code:
                break
        self._finish(code, ok=code == 0)

    def _stage(self, name: str, before: dict[str, Any] | None) -> int:
        """One stage from its beginning, or from where its driver died, to its end."""
        self.stage = name
        started = before["started"] if before else launcher.now()
        facts: dict[str, Any] = {"started": started, "seconds": None, "exit_code": None}
        self.stages[name] = facts
        if before is None:
            self._note({"offset": os.fstat(self.log).st_size, **facts})
            self._mark("begin", command=f"ros {self.order['action']} ({name})")
        begun, code = time.monotonic(), 0
        try:
            getattr(self.stack, name)()
        except RunCanceledError as told:
            self.message, code = self.hidden(str(told)), 1
        except CloudRefusedError as refusal:
            self.message, code = self.hidden(str(refusal)), 1
            self.diagnose("", str(refusal))
        facts.update(seconds=round(time.monotonic() - begun, 3), exit_code=code)
        self._note(facts)
        self._mark("end", seconds=facts["seconds"], exit_code=code)
        return code

    def pause(self, seconds: float) -> None:
        """Wait, or until somebody asks to stop. Raises RunCanceledError where that is harmless."""
        told = signal.sigtimedwait(launcher.SIGNALS, seconds)
        if told is not None and told.si_signo != signal.SIGCHLD:
            self.interrupts += 1
            self.interrupted = True
            self.note(interrupts=self.interrupts)
        self.check_stop()

    def check_stop(self) -> None:
        """Raise RunCanceledError when somebody asked to stop and nothing was begun."""
        if self.interrupted and self.stoppable:
            raise RunCanceledError(f"Canceled during {self.stage}.")

    def note(self, **facts: Any) -> None:
        """Put on disk what must survive this process."""
        self.journal = {**self.journal, **facts}
        run_files.write(self.path / run_files.JOURNAL, self.journal)

    def say(self, level: str, message: str, **facts: Any) -> None:
        """One line of the log."""
        line = {"@level": level, "@message": message, "@timestamp": launcher.now()}
        self._write(self.hidden({**line, **facts}))

    def hidden(self, value: Any) -> Any:
        """The same with a mask over every secret parameter in it."""
        if isinstance(value, dict):
            return {key: self.hidden(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.hidden(part) for part in value]
        if isinstance(value, str):
            for secret in self.secrets:
                value = value.replace(secret, MASK)
        return value

    def diagnose(self, address: str, message: str) -> None:
        """The reason of a failure, of a resource or of the whole."""
        diagnostic = {"severity": "error", "summary": message, "address": address}
        self.say("error", message, type="diagnostic", diagnostic=diagnostic)

    def _end_line(self) -> None:
        """Close a line that a driver before this one was writing when it died."""
        with open(self.path / "events.jsonl", "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - 1))
            if log.read() not in (b"", b"\n"):
                os.write(self.log, b"\n")


def main(directory: str, lock: int) -> int:
    """Carry out the order in the directory, holding its lock; returns an exit code."""
    signals.reset()
    signal.pthread_sigmask(signal.SIG_BLOCK, launcher.SIGNALS)
    os.umask(0o077)
    launcher.sign_in(directory, lock)
    order = json.loads(Path(directory, "run.json").read_bytes())
    run = Drive(directory, order, os.environ)
    try:
        run.carry_out()
    except OSError as error:
        run.fail(f"The run could not be recorded: {error.strerror}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
