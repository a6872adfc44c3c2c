"""A template can access its own directory and the system's programs only."""

import base64
import json
import os
from pathlib import Path

import pytest

from catalog.terraform.policy import violations
from instances.engines import sandbox
from instances.engines.base import EngineMissingError, Order, Settings
from instances.engines.terraform import Terraform
from tests.instances.engines.conftest import log_text, wait_for

pytestmark = pytest.mark.engine

SECRET = "correct-horse-battery-staple"


def reading(path: Path | str) -> str:
    """Return a template whose output is the content of a file."""
    return f'output "stolen" {{\n  value = filebase64("{path}")\n}}\n'


def refuses(engine, start, finish, path: Path | str) -> bool:
    """Return whether a plan that reads the path fails without showing its content."""
    directory = start("plan", reading(path))
    outcome = finish(directory)
    log = log_text(engine.events(directory, 0))
    encoded = base64.b64encode(SECRET.encode()).decode()
    return not outcome.ok and SECRET not in log and encoded not in log


def test_template_can_read_its_own_files(engine, start, finish):
    files = {"main.tf": reading("./note.md"), "note.md": "hello"}
    directory = start("apply", files)
    assert finish(directory).ok
    assert engine.state(directory).outputs[0].value == "aGVsbG8="


def test_template_cannot_read_the_data_directory(engine, start, finish, folder: Path):
    (folder / "db.sqlite3").write_text(SECRET)
    assert refuses(engine, start, finish, folder / "db.sqlite3")


def test_template_cannot_leave_its_directory(engine, start, finish, folder: Path):
    (folder / "db.sqlite3").write_text(SECRET)
    assert refuses(engine, start, finish, "../../db.sqlite3")


def test_template_cannot_read_another_run(engine, start, finish):
    other = start("apply", f'output "x" {{\n  value = "{SECRET}"\n}}\n')
    finish(other)
    assert refuses(engine, start, finish, other / "state/terraform.tfstate")


def test_template_cannot_read_the_home_directory(engine, start, finish, tmp_path: Path):
    (tmp_path / ".credentials").write_text(SECRET)
    assert refuses(engine, start, finish, tmp_path / ".credentials")


def test_template_cannot_read_the_accounts_of_the_machine(engine, start, finish):
    assert refuses(engine, start, finish, "/etc/passwd")


@pytest.mark.parametrize(
    "process",
    [os.getpid(), os.getppid(), "1", "self"],
    ids=["worker", "parent", "first", "self"],
)
def test_template_cannot_read_an_environment(engine, start, finish, process):
    assert refuses(engine, start, finish, f"/proc/{process}/environ")


def test_template_cannot_read_the_source_of_the_application(engine, start, finish):
    assert refuses(engine, start, finish, Path(__file__))


def test_provisioner_cannot_write_outside_its_directory(start, finish, folder: Path):
    target = folder / "written"
    template = provisioner(f"echo x > {target}")
    assert not finish(start("apply", template, trusted=True)).ok
    assert not target.exists()


def test_provisioner_cannot_signal_the_worker(start, finish):
    template = provisioner(f"kill -0 {os.getpid()}")
    if sandbox.available() < 6:
        pytest.skip(
            "this kernel's landlock does not confine signals (before Linux 6.12)"
        )
    assert not finish(start("apply", template, trusted=True)).ok


def test_run_writes_no_core_dump(engine, start, finish):
    directory = start("apply", provisioner("ulimit -c"), trusted=True)
    finish(directory)
    assert "(local-exec): 0" in log_text(engine.events(directory, 0))


def test_run_does_not_inherit_the_environment(engine, start, finish, monkeypatch):
    monkeypatch.setenv("CONSOLE_SECRET_KEY", SECRET)
    directory = start("apply", provisioner("env"), trusted=True)
    finish(directory)
    assert SECRET not in log_text(engine.events(directory, 0))


def test_run_gets_the_credentials_of_its_region(engine, start, finish):
    region = {"CLOUD_ENDPOINT": "http://127.0.0.1:1"}
    directory = start("apply", provisioner("env"), trusted=True, environment=region)
    finish(directory)
    assert "CLOUD_ENDPOINT=http://127.0.0.1:1" in log_text(engine.events(directory, 0))


def test_secrets_are_in_no_file_and_on_no_command_line(engine, start):
    template = """
    variable "password" {
      type      = string
      sensitive = true
    }
    """ + provisioner("while [ ! -e ../go ]; do sleep 0.05; done")
    directory = start("apply", template, secrets={"password": SECRET}, trusted=True)
    wait_for(lambda: "Provisioning with" in log_text(engine.events(directory, 0)))
    assert SECRET not in command_lines()
    texts = [path.read_text() for path in directory.glob("*.json*")]
    assert all(SECRET not in text for text in texts)


def test_run_directory_is_private(start, finish):
    directory = start("plan", reading("./main.tf"))
    finish(directory)
    assert directory.stat().st_mode & 0o077 == 0


def test_files_of_a_run_are_private(start, finish):
    directory = start("plan", reading("./main.tf"))
    finish(directory)
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_values_are_written_one_per_line(start, finish):
    directory = start("plan", "", parameters={"one": 1, "two": [2]})
    finish(directory)
    text = (directory / "terraform.tfvars.json").read_text()
    assert json.loads(text) == {"one": 1, "two": [2]}
    assert len(text.splitlines()) > 3


def test_run_without_a_sandbox_is_refused(folder: Path, monkeypatch):
    monkeypatch.setattr(sandbox, "available", lambda: 0)
    with pytest.raises(EngineMissingError, match="Landlock"):
        Terraform(Settings(template_policy=violations)).start(
            folder / "run", Order("plan", {"main.tf": ""})
        )


def test_setting_allows_runs_without_a_sandbox(
    engine, folder: Path, monkeypatch, finish
):
    monkeypatch.setattr(sandbox, "available", lambda: 0)
    bare = Terraform(Settings(allow_unsandboxed=True, template_policy=violations))
    bare.start(folder / "run", Order("plan", {"main.tf": reading("/etc/passwd")}))
    assert finish(folder / "run").ok


def provisioner(command: str) -> str:
    """Return a template that runs a command."""
    return f"""
resource "terraform_data" "command" {{
  provisioner "local-exec" {{
    command = "{command}"
  }}
}}
"""


def command_lines() -> str:
    """Return the command lines of all processes on this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)
