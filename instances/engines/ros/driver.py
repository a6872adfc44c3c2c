"""The detached process of one run on Alibaba Cloud: `python -I driver.py DIRECTORY LOCK`.

It writes the same log, stages and end as the launcher of Terraform, so that a worker follows
both in the same way. The operations it requested go on without it: a driver that was killed
is started again in the same directory, and watches them to their end. Secrets and credentials
come in its environment and are in no file.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

# Run by its file name and isolated, so our packages are not on its path. Behind the standard
# library, which nothing here may shadow, and before other packages, which may hold a copy.
sys.path.insert(
    next((i for i, p in enumerate(sys.path) if "site-packages" in p), len(sys.path)),
    str(Path(__file__).resolve().parents[3]),
)

from instances.engines import events, launcher, signals
from instances.engines.ros.cloud import CloudRefusedError
from instances.engines.ros.context import RunCanceledError, RunContext
from instances.engines.ros.run_files import RUN, RunOrder
from instances.engines.ros.stack import StackStages
from instances.engines.run_record import JournalEntry, StageRecord

STAGES = {
    "probe": ("probe",),
    "plan": ("plan",),
    "plan-destroy": ("plan",),
    "apply": ("plan", "apply"),
    "destroy": ("plan", "apply"),
}


class Driver(launcher.Recorder):
    """The stages of one run, and the record of their results."""

    def __init__(
        self, directory: str, order: RunOrder, environment: Mapping[str, str]
    ) -> None:
        super().__init__(directory)
        self.order = order
        self.path = Path(directory)
        self.context = RunContext(self.path, order, environment, self._write)

    def run_stages(self) -> None:
        """Run each stage until one fails; go on with the stage of an earlier driver."""
        self._end_line()
        journal = events.journal(self.path)
        begun = {fact["stage"]: fact for fact in journal if "offset" in fact}
        stages = StackStages(self.context)
        code = 0
        for name in STAGES[self.order["action"]]:
            if name == "plan" and "apply" in begun:
                # The plan was right before this run began to change the stack.
                started = begun[name]["started"] if name in begun else ""
                record: StageRecord = {
                    "started": started,
                    "seconds": None,
                    "exit_code": 0,
                }
                self.stages[name] = record
                continue
            code = self._run_stage(stages, name, begun.get(name))
            if code:
                break
        self._finish(code, ok=code == 0)

    def _run_stage(
        self, stages: StackStages, name: str, begun: JournalEntry | None
    ) -> int:
        """Run a stage, which an earlier driver may have begun; return its exit code."""
        self.stage = name
        started = begun["started"] if begun else launcher.now()
        facts: StageRecord = {"started": started, "seconds": None, "exit_code": None}
        self.stages[name] = facts
        if begun is None:
            self._note({"offset": os.fstat(self.log).st_size, **facts})
            self._mark("begin", command=f"ros {self.order['action']} ({name})")
        started_at, code = time.monotonic(), 0
        try:
            getattr(stages, name)()
        except RunCanceledError:
            self.message, code = f"Canceled during {name}.", 1
        except CloudRefusedError as refusal:
            self.message, code = self.context.masked(str(refusal)), 1
            self.context.diagnose("", str(refusal))
        seconds = round(time.monotonic() - started_at, 3)
        facts.update({"seconds": seconds, "exit_code": code})
        self._note(facts)
        self._mark("end", seconds=seconds, exit_code=code)
        return code

    def _finish(self, code: int, *, ok: bool) -> None:
        self.interrupted = bool(self.context.journal.interrupts)
        super()._finish(code, ok=ok)

    def _end_line(self) -> None:
        """End the line that an earlier driver was writing when it was killed."""
        with open(self.path / "events.jsonl", "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - 1))
            if log.read() not in (b"", b"\n"):
                os.write(self.log, b"\n")


def main(directory: str, lock: int) -> int:
    """Run the order in a directory, holding its lock; return the exit code."""
    signals.reset()
    signal.pthread_sigmask(signal.SIG_BLOCK, launcher.SIGNALS)
    os.umask(0o077)
    launcher.write_pid(directory, lock)
    order = json.loads(Path(directory, RUN).read_bytes())
    driver = Driver(directory, order, os.environ)
    try:
        driver.run_stages()
    except OSError as error:
        driver.fail(f"The run could not be recorded: {error.strerror}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
