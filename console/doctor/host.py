"""Checks of the host: sandbox, disk space, Terraform and its providers."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import Error

from catalog.models import Template, Version
from console.doctor.result import OK, PROBLEM, WARNING, DoctorResult
from instances.engine_setup import engine_of
from instances.engines import processes, sandbox
from instances.engines.base import EngineError
from instances.worker.host import has_free_disk_space

# Tries to read a file of the data directory from inside the sandbox.
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
MIN_OPEN_FILES = 1024
TEST_TEMPLATE = {"main.tf": 'variable "word" {\n  type = string\n}\n'}
SOURCE = re.compile(r'source\s*=\s*"((?:[\w.-]+/){1,2}[\w-]+)"')
REGISTRY = "registry.terraform.io"


def confinement() -> Iterator[DoctorResult]:
    """Check, by trying it, that the sandbox keeps templates from the data directory."""
    if not sandbox.available():
        yield DoctorResult(
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
        yield DoctorResult(
            PROBLEM,
            "sandbox",
            "a sandboxed process could read the data directory",
            (
                "Do not run templates on this host. Report this problem with your kernel "
                "version."
            ),
        )
    else:
        message = f"landlock ABI {sandbox.available()} keeps templates from the data directory"
        yield DoctorResult(OK, "sandbox", message)


def disk() -> Iterator[DoctorResult]:
    """Check free space and permissions of the data directory, and the limit of open files."""
    path = Path(settings.DATA_DIR)
    free = shutil.disk_usage(path).free
    message = f"{free / (1 << 30):.1f} GiB free in {path}"
    remedy = "Free disk space. Terraform can lose its state on a full disk."
    yield DoctorResult(OK if free >= FREE_BYTES else PROBLEM, "disk", message, remedy)
    if not has_free_disk_space():
        message = f"{path} is below the minimum free space (CONSOLE_FREE_BYTES), so no task starts on this host"
        remedy = (
            "Free disk space or inodes. Until then, tasks wait or run on other hosts."
        )
        yield DoctorResult(PROBLEM, "disk", message, remedy)
    if not os.access(path, os.W_OK):
        remedy = "Change its owner to the user that runs the console."
        yield DoctorResult(PROBLEM, "disk", f"{path} cannot be written", remedy)
    if path.stat().st_mode & 0o077:
        remedy = f"chmod 700 {path}"
        yield DoctorResult(
            PROBLEM, "disk", f"{path} can be read by other users", remedy
        )
    soft = _open_files()
    if soft < MIN_OPEN_FILES:
        message = f"only {soft} files may be open at once"
        yield DoctorResult(
            WARNING, "files", message, "Raise the limit (ulimit -n, LimitNOFILE)."
        )


def _open_files() -> int:
    found = re.search(r"Max open files\s+(\d+)", Path("/proc/self/limits").read_text())
    return int(found[1]) if found else MIN_OPEN_FILES


def terraform() -> Iterator[DoctorResult]:
    """Check that Terraform runs in the sandbox and can validate a value."""
    engine = engine_of(None)
    try:
        version = engine.version()
        answer = engine.check_values(TEST_TEMPLATE, {"word": "well"}, {})
    except EngineError as error:
        remedy = "See *Terraform* in the README."
        yield DoctorResult(PROBLEM, "terraform", str(error), remedy)
        return
    if answer:
        yield DoctorResult(PROBLEM, "terraform", f"{version}: {answer[0].summary}", "")
    elif answer is None:
        message = f"{version} did not plan a variable within 2 seconds"
        yield DoctorResult(
            WARNING,
            "terraform",
            message,
            "The host is slow or busy. Run the command again.",
        )
    else:
        yield DoctorResult(OK, "terraform", f"{version} runs in the sandbox")


def providers() -> Iterator[DoctorResult]:
    """Check that the mirror has the providers of all active versions."""
    try:
        required = _required_providers()
    except Error:
        return  # reported by the check of the database
    if not settings.PROVIDER_MIRROR:
        message = ", ".join(sorted(required)) or "none required"
        yield DoctorResult(OK, "providers", f"downloaded when required: {message}")
        return
    mirror = Path(settings.PROVIDER_MIRROR)
    if not mirror.is_dir():
        remedy = "Set CONSOLE_PROVIDER_MIRROR to a filesystem mirror, or unset it."
        yield DoctorResult(PROBLEM, "providers", f"{mirror} is not a directory", remedy)
        return
    for source in sorted(required):
        host = source if source.count("/") == 2 else f"{REGISTRY}/{source}"
        if (mirror / host).is_dir():
            yield DoctorResult(OK, "providers", f"{source} is in the mirror")
        else:
            used = ", ".join(sorted(required[source])[:3])
            remedy = f"terraform providers mirror {mirror} (used by {used})"
            yield DoctorResult(PROBLEM, "providers", f"{source} is missing", remedy)


def _required_providers() -> dict[str, set[str]]:
    """Return the products of active Terraform versions by provider."""
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
    """Return the text after `required_providers`: modules have sources, too."""
    return text.partition("required_providers")[2]
