"""Lays out the directory of one run for the launcher and Terraform.

module/                  the template, and the override that puts the state beside it
state/terraform.tfstate  written by Terraform after every resource
terraform.tfvars.json    values that are not secret; secrets are in the environment
run.json cli.tfrc        the order for the launcher; Terraform's own settings
pid lock                 the launcher's process; held by every process of the run
events.jsonl stages.jsonl exit.json   the log, the offsets of its stages, the result
watched                  the uptime at which the worker's lease was last valid
plan.bin plan.json validate.json      the results of the stages
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from console.lib.exact import decimal_text, dumps
from instances.engines import run_lease, sandbox, terraform_state
from instances.engines.base import EngineError, Order, Settings
from instances.engines.binary import Binary
from instances.engines.run_record import Command, LauncherOrder

STATE = "state/terraform.tfstate"
ERRORED_STATE = "module/errored.tfstate"
VALUES = "terraform.tfvars.json"
PLAN = "plan.bin"
PLAN_DOCUMENT = "plan.json"
# Installing a large provider writes one file of most of a gigabyte.
FILE_BYTES = 2 << 30
# Relative, because a saved plan remembers it and is carried out in another directory.
BACKEND = {"terraform": {"backend": {"local": {"path": f"../{STATE}"}}}}
# Sorts after every name that a template may use, so that it has precedence.
OVERRIDE = "module/zz_override.tf.json"
NAME = re.compile(r"[^\W\d][\w-]*")
FROM_PARENT = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE")
# A variable of these types takes the text of its environment variable literally.
PLAIN = ("string", "number", "bool")
ESCAPED = re.compile(r"\\\\|\\[bf]|[$%]")
SPELLED = {
    "\\b": "\\u0008",
    "\\f": "\\u000c",
    "$": "\\u0024",
    "%": "\\u0025",
}
NETWORK = ["-input=false", "-no-color"]


def write(directory: Path, order: Order, binary: Binary, settings: Settings) -> None:
    """Write the directory of a run, which must be new. Raises EngineError."""
    if order.state is not None and terraform_state.parse(order.state) is None:
        raise EngineError(
            "The last state cannot be read. Restore an earlier one first."
        )
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise EngineError("This directory already contains a run.")
        for folder in ("module", "state", "tmp"):
            (directory / folder).mkdir(mode=0o700)
        write_template(directory, order.files)
        write_override(directory, {**BACKEND, **typed(order.secrets, order.types)})
        write_values(directory, order.parameters, settings)
        if order.state is not None:
            _write(directory / STATE, order.state)
        if order.plan is not None:
            _write(directory / PLAN, order.plan)
        run_lease.renew(directory, order.watched_at)
        write_run(
            directory, stages(order, directory, binary, settings), binary, settings
        )
    except (OSError, ValueError) as error:
        raise EngineError(f"The run could not be prepared: {error}.") from error


def write_template(directory: Path, files: Mapping[str, str]) -> None:
    """Write the files of a template, whose names were checked by the policy."""
    for name, text in files.items():
        path = directory / "module" / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, text.encode())


def write_override(directory: Path, blocks: Mapping[str, object]) -> None:
    """Write blocks that have precedence over the template's own files."""
    _write(directory / OVERRIDE, json.dumps(blocks).encode())


def typed(secrets: Mapping[str, object], types: Mapping[str, str]) -> dict[str, object]:
    """Return blocks with the type `any` for secret variables without a type.

    Without a type, a variable takes the value of its environment variable as text.
    """
    found = {
        name: {"type": "any"}
        for name, value in secrets.items()
        if types.get(name) == "" and not isinstance(value, str)
    }
    return {"variable": found} if found else {}


def write_values(
    directory: Path, values: Mapping[str, object], settings: Settings
) -> None:
    """Write the values that are not secret, and the settings of the tool.

    One key per line, because an error message quotes whole lines of the file.
    """
    _write(directory / VALUES, dumps(dict(values), indent=1).encode())
    _write(directory / "cli.tfrc", _cli_settings(settings).encode())


def write_run(
    directory: Path,
    commands: list[Command],
    binary: Binary,
    settings: Settings,
    **limits: int,
) -> None:
    """Write the order for the launcher; `limits` are those of `sandbox.limit`."""
    certificates = [os.environ.get(name, "") for name in CERTIFICATES]
    run: LauncherOrder = {
        "stages": commands,
        "working_directory": str(directory / "module"),
        "sandboxed": not settings.allow_unsandboxed or bool(sandbox.available()),
        "read": [
            *(os.path.realpath(path) for path in binary.read),
            *filter(None, (settings.provider_mirror, *certificates)),
        ],
        "limits": {"file_bytes": FILE_BYTES, **limits},
        "log_bytes": settings.log_bytes,
        "unwatched_seconds": settings.unwatched_seconds,
        "stop_seconds": settings.stop_seconds,
    }
    _write(directory / "run.json", json.dumps(run, indent=1).encode())


def environment(
    directory: Path,
    secrets: Mapping[str, object],
    region: Mapping[str, str],
    types: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the environment of a run: of this process it has only proxies and CAs."""
    inherited = {name: os.environ[name] for name in FROM_PARENT if name in os.environ}
    return {
        **inherited,
        **region,
        **_variables(secrets, types or {}),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(directory),
        "PWD": str(directory / "module"),
        "TMPDIR": str(directory / "tmp"),
        # A socket's path may have 108 bytes, which a deep data directory would exceed.
        # Relative to the working directory, which providers share with Terraform.
        "PLUGIN_UNIX_SOCKET_DIR": "../tmp",
        "TF_CLI_CONFIG_FILE": str(directory / "cli.tfrc"),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
    }


def stages(
    order: Order, directory: Path, binary: Binary, settings: Settings
) -> list[Command]:
    """Return the commands of an action, in order."""
    values = f"-var-file={directory / VALUES}"
    plan_file = str(directory / PLAN)
    parallel = [f"-parallelism={settings.parallelism}", "-lock-timeout=3s"]
    json_init = ["-json"] if binary.streams_init else []
    commands = [stage(binary, "init", *NETWORK, *json_init)]
    if order.action == "validate":
        return [*commands, stage(binary, "validate", "-json", stdout="validate.json")]
    if order.plan is None:
        destroys = order.action in ("destroy", "plan-destroy")
        options = [*NETWORK, "-json", *parallel, *(["-destroy"] if destroys else [])]
        commands.append(stage(binary, "plan", *options, f"-out={plan_file}", values))
    if order.action in ("plan", "plan-destroy"):
        commands.append(stage(binary, "show", "-json", plan_file, stdout=PLAN_DOCUMENT))
    else:
        commands.append(stage(binary, "apply", *NETWORK, "-json", *parallel, plan_file))
    return commands


def stage(binary: Binary, name: str, *options: str, stdout: str = "") -> Command:
    return {
        "name": name,
        "title": f"{binary.name} {name}",
        "argv": [*binary.command, name, *options],
        "stdout": stdout,
    }


def _variables(
    secrets: Mapping[str, object], types: Mapping[str, str]
) -> dict[str, str]:
    """Return secret values as environment variables."""
    found = {}
    for name, value in secrets.items():
        if not NAME.fullmatch(name):
            raise EngineError(f"{name} is not the name of a variable.")
        kind = types.get(name, "string" if isinstance(value, str) else "any")
        if kind in PLAIN or (kind == "" and isinstance(value, str)):
            # Null has no text. Without a value Terraform takes the default.
            if value is not None:
                found[f"TF_VAR_{name}"] = _plain(value)
        else:
            found[f"TF_VAR_{name}"] = _expression(value)
    return found


def _plain(value: object) -> str:
    """Return a value as Terraform reads it for a variable of a simple type."""
    if isinstance(value, float):
        return decimal_text(value)
    return value if isinstance(value, str) else dumps(value)


def _expression(value: object) -> str:
    """Return a value as an HCL expression without interpolation.

    HCL lacks some escapes of JSON, and takes `${` and `%{` in a text as interpolation.
    """
    text = dumps(value, ensure_ascii=False)
    return ESCAPED.sub(lambda match: SPELLED.get(match[0], match[0]), text)


def _cli_settings(settings: Settings) -> str:
    """Return Terraform's own settings: no calls home, and the source of providers."""
    lines = ["disable_checkpoint = true"]
    if settings.provider_mirror:
        lines += _provider_source("filesystem_mirror", "path", settings.provider_mirror)
    elif settings.providers:
        lines += _provider_source("direct", "include", list(settings.providers))
    return "\n".join(lines) + "\n"


def _provider_source(kind: str, name: str, value: str | list[str]) -> list[str]:
    """Return the only source of providers; any other provider cannot be installed."""
    text = json.dumps(value).replace("${", "$${").replace("%{", "%%{")
    return [
        "provider_installation {",
        f"  {kind} {{",
        f"    {name} = {text}",
        "  }",
        "}",
    ]


def _write(path: Path, content: bytes) -> None:
    """Write a new file, readable by its owner only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
