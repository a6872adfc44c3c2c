"""The `doctor` command."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from catalog.models import Template
from console.lib.encryption import generate_key
from tests.factories import ProductFactory, TaskFactory, TemplateFactory, VersionFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("terraform")]
AWS = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
"""


@pytest.fixture
def examine(capsys, settings):
    settings.DATA_DIR.chmod(0o700)

    def run():
        try:
            call_command("doctor")
        except CommandError as error:
            return capsys.readouterr().out + str(error)
        return capsys.readouterr().out

    return run


def test_a_valid_installation_has_no_problems(examine):
    said = examine()
    assert "problem" not in said
    assert "keeps templates from the data directory" in said
    assert "runs in the sandbox" in said
    assert "all migrations are there" in said


def test_each_problem_has_a_remedy(examine, settings):
    TaskFactory()
    settings.ENCRYPTION_KEYS = [generate_key()]
    settings.TERRAFORM_BIN = "/nowhere/terraform"
    settings.DATA_DIR.chmod(0o755)
    said = examine()
    assert (
        "Add the key that they were encrypted with to CONSOLE_ENCRYPTION_KEYS" in said
    )
    assert "CONSOLE_TERRAFORM_BIN names /nowhere/terraform" in said
    assert f"chmod 700 {settings.DATA_DIR}" in said
    assert said.endswith("3 problems found.")


def test_invalid_keys_are_reported(examine, settings):
    settings.ENCRYPTION_KEYS = ["no key"]
    assert "each key is 32 bytes" in examine()


def test_a_kernel_without_landlock_is_a_problem(examine, monkeypatch):
    monkeypatch.setattr("instances.engines.sandbox.available", lambda: 0)
    said = examine()
    assert "this kernel does not support Landlock" in said
    assert "problems found" in said


def test_a_provider_missing_in_the_mirror_is_named_with_its_product(
    examine, settings, tmp_path
):
    product = ProductFactory(name="Cloud network")
    VersionFactory(product=product, template=TemplateFactory(files={"main.tf": AWS}))
    assert Template.objects.exists()
    assert "downloaded when required: hashicorp/aws" in examine()
    mirror = tmp_path / "mirror"
    settings.PROVIDER_MIRROR = str(mirror)
    assert "is not a directory" in examine()
    mirror.mkdir()
    said = examine()
    assert "hashicorp/aws is missing" in said
    assert "used by Cloud network" in said
    (mirror / "registry.terraform.io/hashicorp/aws").mkdir(parents=True)
    assert "hashicorp/aws is in the mirror" in examine()


@pytest.fixture
def doctor(tmp_path):
    """Run `manage.py doctor` in a process with a clean environment."""

    def run(**environment):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CONSOLE_")}
        kept.pop("DATABASE_URL", None)
        command = [sys.executable, "manage.py", "doctor"]
        return subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            env=kept | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_database_without_tables_is_reported(doctor, tmp_path):
    found = doctor(CONSOLE_DATA_DIR=str(tmp_path / "new/data"))
    assert found.returncode == 1
    assert "sqlite, no tables yet" in found.stdout
    assert "Run `manage.py serve`" in found.stdout
    assert found.stderr.strip() == "CommandError: 1 problem found."


def test_an_unusable_data_directory_is_named(doctor, tmp_path):
    (tmp_path / "file").touch()
    found = doctor(CONSOLE_DATA_DIR=str(tmp_path / "file/data"))
    assert found.returncode == 1
    assert "cannot be used: Not a directory" in found.stderr
    assert "set CONSOLE_DATA_DIR" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    "url",
    [
        "postgres://catalog@127.0.0.1:1/catalog",
        "mysql://catalog@127.0.0.1/catalog",
        "sqlite:////nowhere/at/all.sqlite3",
    ],
)
def test_an_unreachable_database_is_reported_without_a_traceback(doctor, tmp_path, url):
    # The keys are there already: beside an unknown database none would be made.
    doctor(CONSOLE_DATA_DIR=str(tmp_path / "data"))
    found = doctor(CONSOLE_DATA_DIR=str(tmp_path / "data"), DATABASE_URL=url)
    assert found.returncode == 1
    assert "Traceback" not in found.stderr
    assert "DATABASE_URL" in found.stdout + found.stderr
