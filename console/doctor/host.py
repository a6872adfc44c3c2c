"""What the host has to offer: a sandbox, room, Terraform and its providers."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import Error

from catalog.models import Template, Version
from console.doctor.result import OK, PROBLEM, WARNING, Finding
from instances.engine_setup import engine_of
from instances.engines import processes, sandbox
from instances.engines.base import EngineError
from instances.worker.host import has_free_disk_space

# Tries to read what the data directory holds, from inside.
PROBE = """
import sys
sys.path.append(sys.argv[1])
from instances.engines import sandbox
sandbox.enter([], [])
try:
    open(sys.argv[2]).close()
except PermissionError:
    sys.exit(0)
sys.exit(1)
"""
FREE_BYTES = 1 << 30
PLENTY_OF_FILES = 1024
TRIAL = {"main.tf": 'variable "word" {\n  type = string\n}\n'}
SOURCE = re.compile(r'source\s*=\s*"((?:[\w.-]+/){1,2}[\w-]+)"')
REGISTRY = "registry.terraform.io"


def confinement() -> Iterator[Finding]:
    """Whether templates can be kept from reading what is not theirs: tried, not assumed."""
    if not sandbox.available():
        yield Finding(
            WARNING if settings.ALLOW_UNSANDBOXED else PROBLEM,
            "sandbox",
            (
                "this kernel does not support Landlock, so a template could read the keys "
                "and the files of other tasks"
            ),
            "Use Linux 5.13 or later with Landlock enabled.",
        )
        return
    secret = Path(settings.DATA_DIR) / ".doctor"
    secret.write_text("readable")
    try:
        command = [
            sys.executable,
            "-I",
            "-c",
            PROBE,
            str(settings.BASE_DIR),
            str(secret),
        ]
        tried = processes.run(command, capture_output=True, timeout=30, check=False)
    finally:
        secret.unlink()
    if tried.returncode:
        yield Finding(
            PROBLEM,
            "sandbox",
            "a sandboxed process could read the data directory",
            (
                "Do not run templates on this host. Report this problem with your kernel "
                "version."
            ),
        )
    else:
        said = f"landlock ABI {sandbox.available()} keeps templates out of the data"
        yield Finding(OK, "sandbox", said)


def disk() -> Iterator[Finding]:
    """Room for runs, and whether others on this machine can read them."""
    path = Path(settings.DATA_DIR)
    free = shutil.disk_usage(path).free
    said = f"{free / (1 << 30):.1f} GiB free in {path}"
    remedy = "Free disk space. Terraform can lose its state on a full disk."
    yield Finding(OK if free >= FREE_BYTES else PROBLEM, "disk", said, remedy)
    if not has_free_disk_space():
        said = f"{path} is below the minimum free space (CONSOLE_FREE_BYTES), so no task starts on this host"
        remedy = (
            "Free disk space or inodes. Until then, tasks wait or run on other hosts."
        )
        yield Finding(PROBLEM, "disk", said, remedy)
    if not os.access(path, os.W_OK):
        remedy = "Change its owner to the user that runs the console."
        yield Finding(PROBLEM, "disk", f"{path} cannot be written", remedy)
    if path.stat().st_mode & 0o077:
        remedy = f"chmod 700 {path}"
        yield Finding(PROBLEM, "disk", f"{path} is open to other users", remedy)
    soft = _open_files()
    if soft < PLENTY_OF_FILES:
        said = f"only {soft} files may be open at once"
        yield Finding(
            WARNING, "files", said, "Raise the limit (ulimit -n, LimitNOFILE)."
        )


def _open_files() -> int:
    found = re.search(r"Max open files\s+(\d+)", Path("/proc/self/limits").read_text())
    return int(found[1]) if found else PLENTY_OF_FILES


def terraform() -> Iterator[Finding]:
    """Whether the tool runs, confined, and can judge a value."""
    engine = engine_of(None)
    try:
        version = engine.version()
        answer = engine.check_values(TRIAL, {"word": "well"}, {})
    except EngineError as error:
        remedy = "See *Terraform* in the README."
        yield Finding(PROBLEM, "terraform", str(error), remedy)
        return
    if answer:
        yield Finding(PROBLEM, "terraform", f"{version}: {answer[0].summary}", "")
    elif answer is None:
        said = f"{version} did not plan a variable within 2 seconds"
        yield Finding(
            WARNING,
            "terraform",
            said,
            "The host is slow or busy. Run the command again.",
        )
    else:
        yield Finding(OK, "terraform", f"{version} runs in the sandbox")


def providers() -> Iterator[Finding]:
    """Whether the mirror has what the active versions ask for."""
    try:
        wanted = _wanted()
    except Error:
        return  # the examination of the database reports it
    if not settings.PROVIDER_MIRROR:
        said = ", ".join(sorted(wanted)) or "none required"
        yield Finding(OK, "providers", f"downloaded when required: {said}")
        return
    mirror = Path(settings.PROVIDER_MIRROR)
    if not mirror.is_dir():
        remedy = "Set CONSOLE_PROVIDER_MIRROR to a filesystem mirror, or unset it."
        yield Finding(PROBLEM, "providers", f"{mirror} is not a directory", remedy)
        return
    for source in sorted(wanted):
        host = source if source.count("/") == 2 else f"{REGISTRY}/{source}"
        if (mirror / host).is_dir():
            yield Finding(OK, "providers", f"{source} is in the mirror")
        else:
            used = ", ".join(sorted(wanted[source])[:3])
            remedy = f"terraform providers mirror {mirror} (used by {used})"
            yield Finding(PROBLEM, "providers", f"{source} is missing", remedy)


def _wanted() -> dict[str, set[str]]:
    """Providers that templates of active versions name, and the products that use them."""
    found: dict[str, set[str]] = {}
    rows = Version.objects.filter(
        active=True, template__kind=Template.Kind.TERRAFORM
    ).select_related("template", "product")
    for version in rows.iterator():
        for name, text in version.template.files.items():
            if name.endswith((".tf", ".tf.json")):
                for source in SOURCE.findall(_required(text)):
                    found.setdefault(source, set()).add(version.product.name)
    return found


def _required(text: str) -> str:
    """The part of a file in which providers are named; modules have sources too."""
    return text.partition("required_providers")[2]
