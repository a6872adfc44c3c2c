"""Give programs that are started every signal as the system does: not ignored, not blocked.

A child inherits what its parent ignores and blocks. A shell's `&`, `nohup` and some CI systems
hand on SIGINT ignored: then nothing that was started from there could be interrupted, and
Terraform would have to be killed.

`python -I -S signals.py PROGRAM ARGUMENT ...` resets the signals and becomes the program.
That is safe in a process with threads, which `preexec_fn` is not. Standard library only.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

# An interpreter ignores these for itself: a write fails with an error instead.
OF_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}
ALL = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


def fresh(command: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` with every signal reset."""
    return [sys.executable, "-I", "-S", __file__, *command]


def reset() -> None:
    """Reset the signals of this process, which go on being an interpreter's. Main thread."""
    for number in ALL - OF_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def handle(handlers: Mapping[signal.Signals, Callable[[], object]]) -> None:
    """Call a function when its signal comes, also where the signal was inherited blocked."""
    for number, handler in handlers.items():
        signal.signal(number, lambda *_, handler=handler: handler())
    # Ignored, the ends of children could not be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*handlers, signal.SIGCHLD})


def main(command: list[str]) -> int:
    """Become the program, or return the exit code of a shell that cannot."""
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
