"""The detached process of one run: `python -I -S launcher.py DIRECTORY LOCK`.

It confines itself, runs the stages written in `run.json` one after another with their
output in `events.jsonl`, and ends with `exit.json`. Its environment is theirs, so that
secrets touch no file. LOCK is the descriptor of the locked file. It outlives the worker that started it. Standard library only,
and little of it: every launch waits for this to load.

SIGINT or SIGTERM is passed to the running stage as SIGINT, and no later one starts. A run
that floods its log, or that no worker has followed for too long, is stopped in the same way
and killed when it does not stop.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Run by its file name in an interpreter without site, which knows no path to us.
# Appended, so that nothing here can shadow the standard library.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from instances.engines import sandbox, signals

SIGNALS = {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM}
LOOK_SECONDS = 1.0
# Room kept for exit.json, so that a full disk can still be told about.
EXIT_BYTES = 8192
FLOODED = "The log grew too large, so the run was stopped."
UNWATCHED = "No worker could be reached for too long, so the run was stopped."


class Run:
    """The stages of one run, and the record of how they went."""

    def __init__(self, directory: str, order: Mapping[str, Any]) -> None:
        self.directory = directory
        self.order = order
        self.log = os.open(
            f"{directory}/events.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
        )
        self.stages: dict[str, dict[str, Any]] = {}
        self.stage = ""
        self.interrupted = False
        self.message = ""
        self.stopped_at = 0.0
        self.exit = self._reserve()

    def confine(self) -> None:
        """Enter the sandbox, before anything of the template is looked at."""
        sandbox.limit(**self.order["limits"])
        if self.order["sandboxed"]:
            sandbox.enter(self.order["read"], [self.directory])

    def carry_out(self) -> None:
        """Run each stage until one fails or the run is interrupted."""
        code = 0
        for stage in self.order["stages"]:
            self._heed_pending()
            if self.interrupted:
                break
            code = self._run(stage)
            if code:
                break
        planned = [stage["name"] for stage in self.order["stages"]]
        self._finish(code, ok=code == 0 and list(self.stages) == planned)

    def _run(self, stage: dict[str, Any]) -> int:
        """Run one stage to its end; returns its exit code, negative for a signal."""
        self.stage = stage["name"]
        record: dict[str, Any] = {"started": now(), "seconds": None, "exit_code": None}
        self.stages[self.stage] = record
        self._note({"offset": os.fstat(self.log).st_size, **record})
        self._mark("begin", command=stage["title"])
        begun = time.monotonic()
        code = self._wait(self._spawn(stage))
        record.update(seconds=round(time.monotonic() - begun, 3), exit_code=code)
        self._note(record)
        if self.stage == "validate":
            self._tell_validation(stage["stdout"])
        self._mark("end", seconds=record["seconds"], exit_code=code)
        return code

    def _spawn(self, stage: dict[str, Any]) -> int:
        """Start the stage's command; returns its process ID."""
        output = self.log
        if stage["stdout"]:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            output = os.open(f"{self.directory}/{stage['stdout']}", flags, 0o600)
        argv = stage["argv"]
        try:
            return os.posix_spawn(
                argv[0],
                argv,
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, self.log, 2),
                ],
                setsigmask=[],
                setsigdef=signals.ALL,
            )
        finally:
            if output != self.log:
                os.close(output)

    def _wait(self, child: int) -> int:
        """Wait for the child, passing interrupts on and looking after it once a second."""
        while True:
            told = signal.sigtimedwait(SIGNALS, LOOK_SECONDS)
            if told is not None and told.si_signo != signal.SIGCHLD:
                self.interrupted = True
                os.kill(child, signal.SIGINT)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            self._look_after(child)

    def _look_after(self, child: int) -> None:
        """Stop a child that must not go on; kill it when that takes too long."""
        if self.stopped_at:
            if time.monotonic() - self.stopped_at > self.order["stop_seconds"]:
                if self.message == UNWATCHED:
                    # With all it has started, and us: another host may soon begin anew.
                    os.killpg(0, signal.SIGKILL)
                os.kill(child, signal.SIGKILL)
            return
        if os.fstat(self.log).st_size > self.order["log_bytes"]:
            self.message = FLOODED
        elif self._unwatched():
            self.message = UNWATCHED
        else:
            return
        self.interrupted = True
        self.stopped_at = time.monotonic()
        os.kill(child, signal.SIGINT)

    def _unwatched(self) -> bool:
        """Whether the last sign of a worker is too old. None at all is as bad."""
        limit = self.order["unwatched_seconds"]
        if not limit:
            return False
        try:
            seen = float(Path(self.directory, "watched").read_text())
        except (OSError, ValueError):
            seen = 0.0
        return time.clock_gettime(time.CLOCK_BOOTTIME) - seen > limit

    def _heed_pending(self) -> None:
        """Take note of an interrupt that came while nothing was running."""
        while (told := signal.sigtimedwait(SIGNALS, 0)) is not None:
            self.interrupted |= told.si_signo != signal.SIGCHLD
        if self._unwatched():
            self.message, self.interrupted = UNWATCHED, True

    def _tell_validation(self, name: str) -> None:
        """Put what `validate` found into the log as the lines other commands write.

        `validate -json` prints one document instead of a stream of events.
        """
        try:
            found = json.loads(Path(self.directory, name).read_bytes())["diagnostics"]
        except (OSError, ValueError, KeyError):
            return
        for diagnostic in found:
            level = "error" if diagnostic["severity"] == "error" else "warn"
            message = f"{diagnostic['severity'].capitalize()}: {diagnostic['summary']}"
            line = {"@level": level, "@message": message, "@timestamp": now()}
            self._write({**line, "type": "diagnostic", "diagnostic": diagnostic})

    def _mark(self, mark: str, **facts: Any) -> None:
        """Write a line of our own into the log; the first key tells it from the tool's."""
        self._write(
            {"@launcher": mark, "stage": self.stage, "@timestamp": now(), **facts}
        )

    def _note(self, facts: dict[str, Any]) -> None:
        """Add to the journal, which finds a stage in a long log without reading it."""
        with open(f"{self.directory}/stages.jsonl", "a") as journal:
            journal.write(json.dumps({"stage": self.stage, **facts}) + "\n")

    def _write(self, line: dict[str, Any]) -> None:
        """Append one line to the log; a full disk must not end the run."""
        try:
            os.write(self.log, json.dumps(line, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            self.message = f"The log could not be written: {error.strerror}."

    def _reserve(self) -> int:
        """Open the record of the end under its temporary name, with its room taken."""
        name = f"{self.directory}/exit.json.tmp"
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.posix_fallocate(descriptor, 0, EXIT_BYTES)
        return descriptor

    def _finish(self, code: int, *, ok: bool) -> None:
        """Record the end so that it is there whole or not at all, even after a power cut."""
        body = json.dumps(
            {
                "ok": ok,
                "exit_code": code,
                "stage": self.stage,
                "canceled": self.interrupted and not ok,
                "message": self.message,
                "stages": self.stages,
            }
        ).encode()
        os.pwrite(self.exit, body, 0)
        os.ftruncate(self.exit, len(body))
        os.fsync(self.log)
        os.fsync(self.exit)
        os.rename(f"{self.directory}/exit.json.tmp", f"{self.directory}/exit.json")
        parent = os.open(self.directory, os.O_RDONLY)
        os.fsync(parent)

    def fail(self, message: str) -> None:
        """End a run that could not go on, with a message for the person."""
        self.message = message
        self._finish(1, ok=False)


def main(directory: str, lock: int) -> int:
    """Carry out the order in the directory, holding its lock; returns an exit code."""
    signals.reset()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    os.umask(0o077)
    sign_in(directory, lock)
    run = Run(directory, json.loads(Path(directory, "run.json").read_bytes()))
    os.chdir(run.order["working_directory"])
    try:
        run.confine()
        run.carry_out()
    except OSError as error:
        run.fail(f"The run could not start its next step: {error}.")
        return 1
    return 0


def sign_in(directory: str, lock: int) -> None:
    """Say who this process is, and leave its lock to every process it starts."""
    # Held by every descendant until the last one ends: that is how "alive" is known.
    os.set_inheritable(lock, True)
    began = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    with open(f"{directory}/pid.tmp", "w") as file:
        file.write(f"{os.getpid()} {began}\n")
    os.rename(f"{directory}/pid.tmp", f"{directory}/pid")


def now() -> str:
    """The time as the tool writes it, in UTC."""
    seconds = time.time()
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{int(seconds % 1 * 1e6):06d}Z"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
