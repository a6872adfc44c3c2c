"""Finds the versions of a provider that a provider mirror has for this machine.

Layouts: https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror
"""

import platform
import re
from pathlib import Path

# The host of a provider without one depends on the tool, Terraform or OpenTofu.
HOSTS = ("registry.terraform.io", "registry.opentofu.org")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
NO_MATCH = re.compile(
    r"for provider (?P<source>\S+): no available releases match the given "
    r"constraints (?P<constraint>[^\n]+)"
)
MAX_VERSIONS_SHOWN = 10


def hint(mirror: str, detail: str) -> str:
    """Return the versions in the mirror for an error about a missing one, else an empty text.

    `detail` is the text of the error.
    """
    found = NO_MATCH.search(detail)
    if not mirror or found is None:
        return ""
    source, wanted = found["source"], found["constraint"].strip()
    known = versions(Path(mirror), source)
    if not known:
        return ""
    return (
        f"The provider mirror has {source} in version {', '.join(known[:MAX_VERSIONS_SHOWN])}; "
        f"the template asks for {wanted}. Change its version constraint, or have an "
        "administrator add that version."
    )


def versions(mirror: Path, source: str) -> list[str]:
    """Return the versions of a provider that this machine can run, newest first."""
    parts = source.split("/")
    if any(part in ("", ".", "..") for part in parts):
        return []
    hosts = HOSTS if len(parts) == 2 else ("",)
    found = {version for host in hosts for version in _in(mirror / host / source)}
    return sorted(found, key=_order, reverse=True)


def _in(folder: Path) -> set[str]:
    machine = platform.machine()
    system = f"{platform.system().lower()}_{ARCHITECTURES.get(machine, machine)}"
    unpacked = {path.parent.name for path in folder.glob(f"*/{system}")}
    packed = re.compile(
        rf"terraform-provider-{re.escape(folder.name)}_(.+)_{system}\.zip"
    )
    names = [packed.fullmatch(path.name) for path in folder.glob("*.zip")]
    return unpacked | {name[1] for name in names if name}


def _order(version: str) -> tuple[list[int], bool, str]:
    """Return a key to sort by: the numbers, with a pre-release before its release."""
    numbers, _dash, pre = version.partition("-")
    return [int(n) for n in re.findall(r"\d+", numbers)], not pre, pre
