"""Resets the signals of programs that are started: none ignored, none blocked.

A child inherits the signals that its parent ignores and blocks. A shell's `&`, `nohup` and
some CI systems start their children with SIGINT ignored: such a Terraform could not be
interrupted and would have to be killed.

`python -I -S signals.py PROGRAM ARGUMENT ...` resets the signals and executes the program.
Unlike `preexec_fn` that is safe in a process with threads. Standard library only.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

# An interpreter ignores these, so that a write fails with an error instead.
OF_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}
ALL = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


def fresh(command: Sequence[str]) -> list[str]:
    """Return the command line that executes `command` with its signals reset."""
    return [sys.executable, "-I", "-S", __file__, *command]


def reset() -> None:
    """Reset the signals of this process but for those of Python. Main thread only."""
    for number in ALL - OF_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def handle(handlers: Mapping[signal.Signals, Callable[[], object]]) -> None:
    """Call a function at its signal, also when the signal was inherited as blocked."""
    for number, handler in handlers.items():
        signal.signal(number, lambda *_, handler=handler: handler())
    # While it is ignored, a child cannot be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*handlers, signal.SIGCHLD})


def main(command: list[str]) -> int:
    """Execute the program; return 127, as a shell does, when it cannot be started."""
    reset()
    for number in OF_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(error, file=sys.stderr)
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
