"""The detached process of one run: `python -I -S launcher.py DIRECTORY LOCK`.

It enters the sandbox, runs the stages in `run.json` one after another with their output in
`events.jsonl`, and ends with `exit.json`. Its environment, with the secrets, is that of the
stages. LOCK is the descriptor of the locked file. It outlives the worker that started it.
It imports the standard library only, and little of it, because each launch waits for that.

SIGINT or SIGTERM is passed to the running stage as SIGINT, and no later stage starts. A run
with too large a log, or whose lease was not renewed for too long, is stopped in the same
way, and killed when it does not stop.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

# Run by its file name in an interpreter without site, so our packages are not on its path.
# Appended, so that nothing here can shadow the standard library.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from instances.engines import sandbox, signals
from instances.engines.run_record import (
    Command,
    ExitRecord,
    LauncherOrder,
    StageRecord,
)

SIGNALS = {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM}
CHECK_SECONDS = 1.0
# Space reserved for exit.json, so that it can be written on a full disk.
EXIT_BYTES = 8192
LOG_TOO_LARGE = "The log grew too large, so the run was stopped."
LEASE_EXPIRED = "No worker was reachable for too long, so the run was stopped."


class Recorder:
    """The log of one run, the journal of its stages, and the record of its end."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.log = os.open(
            f"{directory}/events.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
        )
        self.stages: dict[str, StageRecord] = {}
        self.stage = ""
        self.interrupted = False
        self.message = ""
        self.exit = self._reserve()

    def _mark(self, mark: str, **facts: object) -> None:
        """Write a line of the launcher to the log; its first key tells it from the tool's lines."""
        self._write(
            {"@launcher": mark, "stage": self.stage, "@timestamp": now(), **facts}
        )

    def _note(self, facts: Mapping[str, object]) -> None:
        """Add to the journal, by which a reader finds a stage in a long log."""
        with open(f"{self.directory}/stages.jsonl", "a") as journal:
            journal.write(json.dumps({"stage": self.stage, **facts}) + "\n")

    def _write(self, line: Mapping[str, object]) -> None:
        """Append a line to the log; a full disk must not end the run."""
        try:
            os.write(self.log, json.dumps(line, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            self.message = f"The log could not be written: {error.strerror}."

    def _reserve(self) -> int:
        """Create exit.json under a temporary name, with disk space allocated to it."""
        name = f"{self.directory}/exit.json.tmp"
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.posix_fallocate(descriptor, 0, EXIT_BYTES)
        return descriptor

    def _finish(self, code: int, *, ok: bool) -> None:
        """Write exit.json atomically, so that it survives a power cut whole or not at all."""
        record: ExitRecord = {
            "ok": ok,
            "exit_code": code,
            "stage": self.stage,
            "canceled": self.interrupted and not ok,
            "message": self.message,
            "stages": self.stages,
        }
        body = json.dumps(record).encode()
        os.pwrite(self.exit, body, 0)
        os.ftruncate(self.exit, len(body))
        os.fsync(self.log)
        os.fsync(self.exit)
        os.rename(f"{self.directory}/exit.json.tmp", f"{self.directory}/exit.json")
        parent = os.open(self.directory, os.O_RDONLY)
        os.fsync(parent)

    def fail(self, message: str) -> None:
        """End a run that cannot go on, with a message for the user."""
        self.message = message
        self._finish(1, ok=False)


class Launcher(Recorder):
    """Runs the stages of an order."""

    def __init__(self, directory: str, order: LauncherOrder) -> None:
        super().__init__(directory)
        self.order = order
        self.stopped_at = 0.0

    def confine(self) -> None:
        """Enter the sandbox, before anything reads the template."""
        sandbox.limit(**self.order["limits"])
        if self.order["sandboxed"]:
            sandbox.enter(self.order["read"], [self.directory])

    def run_stages(self) -> None:
        """Run each stage until one fails or the run is interrupted."""
        code = 0
        for stage in self.order["stages"]:
            self._check_before_stage()
            if self.interrupted:
                break
            code = self._run(stage)
            if code:
                break
        planned = [stage["name"] for stage in self.order["stages"]]
        self._finish(code, ok=code == 0 and list(self.stages) == planned)

    def _run(self, stage: Command) -> int:
        """Run a stage to its end; return its exit code, negative for a signal."""
        self.stage = stage["name"]
        record: StageRecord = {"started": now(), "seconds": None, "exit_code": None}
        self.stages[self.stage] = record
        self._note({"offset": os.fstat(self.log).st_size, **record})
        self._mark("begin", command=stage["title"])
        begun = time.monotonic()
        code = self._wait(self._spawn(stage))
        seconds = round(time.monotonic() - begun, 3)
        record.update({"seconds": seconds, "exit_code": code})
        self._note(record)
        if self.stage == "validate":
            self._log_validation(stage["stdout"])
        self._mark("end", seconds=seconds, exit_code=code)
        return code

    def _spawn(self, stage: Command) -> int:
        """Start the command of a stage; return its process ID."""
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
        """Wait for a child, passing interrupts on to it and checking its limits each second."""
        while True:
            received = signal.sigtimedwait(SIGNALS, CHECK_SECONDS)
            if received is not None and received.si_signo != signal.SIGCHLD:
                self.interrupted = True
                os.kill(child, signal.SIGINT)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            self._check_limits(child)

    def _check_limits(self, child: int) -> None:
        """Stop a child at a limit; kill it when it takes too long to stop."""
        if self.stopped_at:
            if time.monotonic() - self.stopped_at > self.order["stop_seconds"]:
                if self.message == LEASE_EXPIRED:
                    # With this launcher and all descendants: another host may start it again.
                    os.killpg(0, signal.SIGKILL)
                os.kill(child, signal.SIGKILL)
            return
        if os.fstat(self.log).st_size > self.order["log_bytes"]:
            self.message = LOG_TOO_LARGE
        elif self._lease_expired():
            self.message = LEASE_EXPIRED
        else:
            return
        self.interrupted = True
        self.stopped_at = time.monotonic()
        os.kill(child, signal.SIGINT)

    def _lease_expired(self) -> bool:
        """Return whether the lease was not renewed for too long, or never."""
        limit = self.order["unwatched_seconds"]
        if not limit:
            return False
        try:
            renewed_at = float(Path(self.directory, "watched").read_text())
        except (OSError, ValueError):
            renewed_at = 0.0
        return time.clock_gettime(time.CLOCK_BOOTTIME) - renewed_at > limit

    def _check_before_stage(self) -> None:
        """Note an interrupt or the end of the lease while no stage was running."""
        while (received := signal.sigtimedwait(SIGNALS, 0)) is not None:
            self.interrupted |= received.si_signo != signal.SIGCHLD
        if self._lease_expired():
            self.message, self.interrupted = LEASE_EXPIRED, True

    def _log_validation(self, name: str) -> None:
        """Log the diagnostics of `validate`, in the form of the other commands.

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


def main(directory: str, lock: int) -> int:
    """Run the order in a directory, holding its lock; return the exit code."""
    signals.reset()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    os.umask(0o077)
    write_pid(directory, lock)
    run = Launcher(directory, json.loads(Path(directory, "run.json").read_bytes()))
    os.chdir(run.order["working_directory"])
    try:
        run.confine()
        run.run_stages()
    except OSError as error:
        run.fail(f"The run could not start its next step: {error}.")
        return 1
    return 0


def write_pid(directory: str, lock: int) -> None:
    """Write ID and start time of this process; let all descendants inherit its lock."""
    # The run is alive while any descendant holds the lock.
    os.set_inheritable(lock, True)
    began = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    with open(f"{directory}/pid.tmp", "w") as file:
        file.write(f"{os.getpid()} {began}\n")
    os.rename(f"{directory}/pid.tmp", f"{directory}/pid")


def now() -> str:
    """Return the time as the tool writes it, in UTC."""
    seconds = time.time()
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{int(seconds % 1 * 1e6):06d}Z"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
