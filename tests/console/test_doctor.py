"""`manage.py doctor`: says what is wrong and what to do, and fails only then."""

import pytest
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


def test_a_sound_installation_has_no_problem(examine):
    said = examine()
    assert "problem" not in said
    assert "keeps templates out of the data" in said
    assert "runs in the sandbox" in said
    assert "all migrations are there" in said


def test_each_problem_comes_with_what_to_do(examine, settings):
    TaskFactory()
    settings.ENCRYPTION_KEYS = [generate_key()]
    settings.TERRAFORM_BIN = "/nowhere/terraform"
    settings.DATA_DIR.chmod(0o755)
    said = examine()
    assert "Add the key they were encrypted with to CONSOLE_ENCRYPTION_KEYS" in said
    assert "CONSOLE_TERRAFORM_BIN names /nowhere/terraform" in said
    assert f"chmod 700 {settings.DATA_DIR}" in said
    assert said.endswith("3 problems found.")


def test_keys_that_are_none_are_told(examine, settings):
    settings.ENCRYPTION_KEYS = ["no key"]
    assert "each key is 32 bytes" in examine()


def test_a_kernel_that_cannot_confine_is_a_problem(examine, monkeypatch):
    monkeypatch.setattr("instances.engines.sandbox.available", lambda: 0)
    said = examine()
    assert "this kernel has no landlock" in said
    assert "problems found" in said


def test_a_provider_that_the_mirror_lacks_is_named_with_its_product(
    examine, settings, tmp_path
):
    product = ProductFactory(name="Cloud network")
    VersionFactory(product=product, template=TemplateFactory(files={"main.tf": AWS}))
    assert Template.objects.exists()
    assert "downloaded when needed: hashicorp/aws" in examine()
    mirror = tmp_path / "mirror"
    settings.PROVIDER_MIRROR = str(mirror)
    assert "is not a directory" in examine()
    mirror.mkdir()
    said = examine()
    assert "hashicorp/aws is missing" in said
    assert "used by Cloud network" in said
    (mirror / "registry.terraform.io/hashicorp/aws").mkdir(parents=True)
    assert "hashicorp/aws is in the mirror" in examine()
