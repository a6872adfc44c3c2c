"""Hostile templates are refused at the upload, and again when they run.

The tests of the engine show what the sandbox denies, read by read; these tests cover
the whole path from the upload to the pages.
"""

import base64
import json
import os
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from catalog.models import Template, Version
from instances.engines import sandbox
from instances.models import Instance, ProvisioningSpec, Task
from instances.worker.loop import Worker
from tests.factories import (
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    TemplateFactory,
    VersionFactory,
)
from tests.instances.engines.test_policy import (
    BAD_NAMES,
    REFUSED,
    REFUSED_JSON,
)
from tests.security.listener import listening

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "correct-horse-battery-staple"
CALLS = {
    "a backend": 'terraform {{\n  backend "http" {{\n    address = "http://127.0.0.1:{port}/"\n  }}\n}}\n',
    "a cloud": 'terraform {{\n  cloud {{\n    hostname = "127.0.0.1:{port}"\n    organization = "x"\n    workspaces {{\n      name = "x"\n    }}\n  }}\n}}\n',
    "a module": 'module "m" {{\n  source = "http://127.0.0.1:{port}/m.zip"\n}}\n',
    "a module by git": 'module "m" {{\n  source = "git::http://127.0.0.1:{port}/m.git"\n}}\n',
    "a module of a registry": 'module "m" {{\n  source = "127.0.0.1:{port}/a/b/c"\n}}\n',
    "an http source": 'data "http" "x" {{\n  url = "http://127.0.0.1:{port}/"\n}}\n',
    "another state": 'data "terraform_remote_state" "x" {{\n  backend = "http"\n  config = {{ address = "http://127.0.0.1:{port}/" }}\n}}\n',
    "an option for ssh": 'module "m" {{\n  source = "git::ssh://-oProxyCommand=true/x"\n}}\n',
}


@pytest.fixture
def engine_binary(terraform):
    """Real Terraform in the real sandbox."""
    if not sandbox.available():
        pytest.skip("this kernel has no landlock")
    return terraform


def upload(files):
    return [SimpleUploadedFile(name, text.encode()) for name, text in files.items()]


def upload_version(client, product, files):
    """Upload the files as a new version."""
    return client.post(
        f"/manage/products/{product.pk}/versions/new/",
        {
            "name": "1.0",
            "guidance": "Default",
            "source": "uploads",
            "uploads": upload(files),
        },
    )


@pytest.mark.parametrize("name", CALLS)
def test_connections_to_other_hosts_are_refused_at_upload_and_run(
    admin_browser, alice, engine_binary, name
):
    with listening() as listener:
        text = CALLS[name].format(port=listener.port)
        answer = upload_version(admin_browser, ProductFactory(), {"main.tf": text})
        assert answer.status_code == 422
        assert "main.tf" in answer.content.decode()
        assert not Version.objects.exists()
        task = run_as_stored(alice, {"main.tf": text})
        assert task.status == Task.Status.FAILED
        assert "main.tf, line" in task.status_message
        assert listener.hits == 0
    assert not task.instance.resources.exists()


@pytest.mark.parametrize("name", REFUSED)
def test_forbidden_templates_are_refused_at_upload(admin_browser, name):
    text, _line = REFUSED[name]
    answer = upload_version(admin_browser, ProductFactory(), {"main.tf": text})
    assert answer.status_code == 422
    assert not Template.objects.exists()


@pytest.mark.parametrize("name", REFUSED_JSON)
def test_forbidden_json_templates_are_refused_at_upload(admin_browser, name):
    text = json.dumps(REFUSED_JSON[name])
    answer = upload_version(admin_browser, ProductFactory(), {"main.tf.json": text})
    assert answer.status_code == 422
    assert not Template.objects.exists()


@pytest.mark.parametrize("name", [each for each in BAD_NAMES if each])
def test_forbidden_file_names_are_refused_at_upload(admin_api, name, settings):
    """Through the API, because browsers remove folders from file names."""
    settings.API_RATE = 0
    document = {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Transform": "Aliyun::Terraform-v1.5",
        "Workspace": {"main.tf": "", name: 'variable "x" {}'},
    }
    product = ProductFactory()
    made = admin_api.send(
        "CreateTemplate",
        {
            "TemplateType": "RosTerraformTemplate",
            "TemplateBody": json.dumps(document),
        },
    )
    if made.status_code == 200:
        made = admin_api.send(
            "CreateProductVersion",
            {
                "ProductId": product.pk,
                "ProductVersionName": "1",
                "TemplateType": "RosTerraformTemplate",
                "TemplateUrl": made.json()["TemplateUrl"],
            },
        )
    assert 400 <= made.status_code < 500
    assert not Version.objects.exists()


def places(tmp_path, data_dir):
    """Files that a template could try to read, with the secret in those that a test can write."""
    database = data_dir / "console.sqlite3"
    keys = data_dir / "encryption_keys"
    home = tmp_path / "home" / ".aws" / "credentials"
    other = data_dir / "runs" / "another" / "state" / "terraform.tfstate"
    for path in (database, keys, home, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET)
    return [
        *(database, keys, home, other, "../../another/state/terraform.tfstate"),
        *("/etc/passwd", "/etc/shadow", "/root/.ssh/id_rsa", "/proc/1/environ"),
        *(f"/proc/{os.getpid()}/environ", f"/proc/{os.getppid()}/cmdline"),
        *(
            "/proc/self/environ",
            "/proc/self/mem",
            "/sys/kernel/notes",
        ),
        *(Path(__file__), "/dev/mem", "/proc/self/root/etc/passwd"),
    ]


def test_reading_other_files_fails_without_disclosure(
    alice, browser, engine_binary, tmp_path, data_dir, monkeypatch
):
    """Each read is a launch; no page shows any of the secret."""
    monkeypatch.setenv("CONSOLE_SECRET_KEY", SECRET)
    encoded = base64.b64encode(SECRET.encode()).decode()
    for number, path in enumerate(places(tmp_path, data_dir)):
        reader = f'output "stolen" {{\n  value = filebase64("{path}")\n}}\n'
        task = run_as_stored(alice, {"main.tf": reader}, name=f"reader-{number}")
        assert task.status == Task.Status.FAILED, path
        base = task.get_absolute_url()
        pages = [browser.get(f"{base}{tab}") for tab in ("", "log/", "output/")]
        shown = "".join(page.content.decode() for page in pages)
        assert not task.outputs.exists()
        for text in (SECRET, encoded, encoded[4:-4], "root:x:0"):
            assert text not in shown, path
            assert text not in task.status_message, path


NAMES = ("-destroy", "--help", "-var-file=/etc/passwd", "$(id)", "a\nb", "`id`", "-")
NAMER = (
    'variable "name" {\n  type = string\n}\n\noutput "name" {\n  value = var.name\n}\n'
)


@pytest.mark.parametrize(
    "value", [*NAMES, '${file("/etc/passwd")}', "%{ for x in [] }", '"\n-x']
)
def test_a_value_is_never_a_command_line_option(alice, engine_binary, value):
    task = run_as_stored(alice, {"main.tf": NAMER}, values={"name": value})
    assert task.status == Task.Status.SUCCEEDED, task.status_message
    assert task.outputs.get().value == value


def run_as_stored(alice, files, *, values=None, name="hostile"):
    """Launch a template without the checks of the pages; return the ended task."""
    version = VersionFactory(template=TemplateFactory(files=files))
    portfolio = PortfolioFactory(products=[version.product], users=[alice])
    spec = ProvisioningSpec(version, portfolio, values or {})
    region = RegionFactory()
    task = Instance.objects.launch(spec, name=name, region=region, by=alice)
    Worker().work(once=True)
    return Task.objects.get(pk=task.pk)
