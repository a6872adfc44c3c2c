"""Forty secrets, each in another place, must not appear anywhere after a full journey.

It extends `tests/test_secrets_sweep.py` by two encodings, the command lines and
directories of running tasks, mail, spreadsheets and a backup.
"""

import logging
import threading
import time
from pathlib import Path

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client

from catalog.models import LaunchRole
from console.api.access_keys import AccessKey
from console.lib.users import User
from instances.models import Instance, Plan, ProvisioningSpec, Task
from instances.worker.loop import Worker
from tests.everything import Everything
from tests.factories import TemplateFactory, VersionFactory
from tests.instances.planning import constrain
from tests.security.hostile import Forms
from tests.signing import Caller
from tests.test_secrets_sweep import Sweep, calls, canary, pages, spellings

pytestmark = [
    pytest.mark.engine,
    pytest.mark.usefixtures("terraform"),
    pytest.mark.django_db(transaction=True),
]
PARAMETERS = [f"parameter{number}" for number in range(8)]
SOURCE = (
    "".join(
        f'variable "{name}" {{\n  type      = string\n  sensitive = true\n}}\n\n'
        for name in PARAMETERS
    )
    + """\
variable "deep" {
  type      = object({ inner = string, list = list(string) })
  sensitive = true
}

variable "fail" {
  type    = bool
  default = false
}

resource "terraform_data" "all" {
  input = [PARAMETERS]

  lifecycle {
    postcondition {
      condition     = !(var.fail && self.id != "")
      error_message = "refused: ${nonsensitive(var.parameter0)} and ${base64encode(nonsensitive(var.parameter1))}"
    }
  }
}

resource "terraform_data" "named" {
  for_each = nonsensitive(toset([var.parameter6, var.parameter7]))
}

resource "terraform_data" "deep" {
  input = var.deep
}

output "plain" {
  value = "it is ${nonsensitive(var.parameter2)}"
}

output "encoded" {
  value = base64encode("xx${nonsensitive(var.parameter3)}")
}

output "json" {
  value = jsonencode({ a = nonsensitive(var.parameter4) })
}

output "url" {
  value = urlencode(nonsensitive(var.parameter5))
}

output "sensitive" {
  value     = var.parameter6
  sensitive = true
}
""".replace("PARAMETERS", ", ".join(f"var.{name}" for name in PARAMETERS))
)


def wider(secret):
    """Return two more encodings: UTF-16, and reversed."""
    return spellings(secret) | {
        secret.encode("utf-16-le"),
        secret.encode("utf-16-be"),
        secret[::-1].encode(),
    }


class Watch(threading.Thread):
    """Records the command lines and environments of all processes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.over = set(), threading.Event()

    def run(self):
        while not self.over.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    continue
            time.sleep(0.05)


def values_of(secrets, run):
    """Return the parameters of a launch, each with its own secret."""
    values = {name: secrets[f"{run}-{name}"] for name in PARAMETERS}
    deep = {"inner": secrets[f"{run}-deep"], "list": [secrets[f"{run}-deep-list"]]}
    return {**values, "deep": deep}


RUNS = ("good", "bad", "planned")
SINGLE = (
    *("region", "region-form", "role", "role-form", "login", "wrong-login"),
    *("launch-form", "update-form", "api-form", "admin-form"),
)


@pytest.fixture
def secrets():
    """Return forty unique texts."""
    names = [
        f"{run}-{name}" for run in RUNS for name in (*PARAMETERS, "deep", "deep-list")
    ]
    found = {name: canary(name) for name in (*names, *SINGLE)}
    assert len(found) == 40
    return found


@pytest.fixture
def watch():
    found = Watch()
    found.start()
    yield found
    found.over.set()


@pytest.fixture
def lived(alice, bob, admin, secrets, watch, caplog):
    """Launch successfully, fail a launch, wait with a plan, and store credentials."""
    caplog.set_level(logging.DEBUG)
    everything = Everything(alice, bob, admin)
    alice.set_password(secrets["login"])
    for person in (alice, bob):
        person.email = f"{person.username}@example.com"
        person.save()
    everything.region.credentials = {"CLOUD_TOKEN": secrets["region"]}
    everything.region.save()
    role = LaunchRole.objects.get()
    role.environment = {"CLOUD_TOKEN": secrets["role"]}
    role.save()
    everything.version = VersionFactory(
        product=everything.product, template=TemplateFactory(files={"main.tf": SOURCE})
    )
    for run in ("good", "bad"):
        values = {**values_of(secrets, run), "fail": run == "bad"}
        spec = ProvisioningSpec(everything.version, everything.portfolio, values)
        where = {"region": everything.region, "by": alice}
        task = Instance.objects.launch(spec, name=f"{run}-one", **where)
        Worker().work(once=True)
        if run == "good":
            everything.instance, everything.task = task.instance, task
    constrain(everything.version, "bob")
    everything.plan = Plan.objects.submit(
        "LaunchProduct",
        ProvisioningSpec(
            everything.version, everything.portfolio, values_of(secrets, "planned")
        ),
        name="a plan",
        by=alice,
        region=everything.region,
        instance_name="planned",
    )
    Worker().work(once=True)
    return everything


def typed(everything, secrets, clients, sweep):
    """Submit invalid forms with secrets in their fields."""
    asked = {
        "products/<str:pk>/launch/": ("alice", "launch-form", PARAMETERS[0]),
        "instances/<str:pk>/update/": ("alice", "update-form", PARAMETERS[0]),
        "manage/regions/<str:pk>/": ("admin", "region-form", "credentials"),
        "manage/launch-roles/new/": ("admin", "role-form", "environment"),
    }
    for route, (role, name, field) in asked.items():
        address = everything.address(route)
        client = clients[role]
        found = Forms(address, client.get(address).content.decode()).found
        fields = dict(found[-1][1]) if found else {}
        prefix = "parameters-" if field in PARAMETERS else ""
        text = (
            f"T={secrets[name]}"
            if field in ("credentials", "environment")
            else secrets[name]
        )
        # A name no form takes, so that it comes back.
        sent = {**fields, f"{prefix}{field}": text, "name": "!" * 300}
        sweep.add_response(f"form {route}", client.post(address, sent))


def called(everything, secrets, sweep):
    """Send invalid API requests with secrets in their parameters."""
    api = (
        Caller.of(everything.alice)
        if AccessKey.objects.count() < 2
        else Caller(everything.key.pk, everything.key.secret_text)
    )
    answer = api.send(
        "LaunchProduct",
        {
            "ProductId": everything.product.pk,
            "ProductVersionId": everything.version.pk,
            "PortfolioId": everything.portfolio.pk,
            "ProvisionedProductName": "refused",
            "StackRegionId": "nowhere",
            "Parameters": [
                {
                    "ParameterKey": PARAMETERS[0],
                    "ParameterValue": secrets["api-form"],
                }
            ],
        },
    )
    assert answer.status_code >= 400
    sweep.add_response("refused call", answer)
    calls(everything, api, sweep)
    sweep.needles["access key"] = wider(api.secret)


def test_no_secret_is_found_anywhere(
    lived, secrets, watch, data_dir, tmp_path, caplog, capfd
):
    assert {"Succeeded", "Failed"} <= set(Task.objects.values_list("status", flat=True))
    sweep = Sweep({})
    sweep.needles = {name: wider(secret) for name, secret in secrets.items()}
    guest = Client(raise_request_exception=False)
    wrong = {"login": "alice", "password": secrets["wrong-login"]}
    sweep.add_response("refused sign-in", guest.post("/accounts/login/", wrong))
    clients = {"alice": lived.client("alice"), "admin": Client()}
    root = User.objects.create_superuser("root")
    clients["admin"].force_login(root)
    for role in ("alice", "admin"):
        pages(lived, clients[role], sweep, role)
    typed(lived, secrets, clients, sweep)
    clients["admin"].post(
        f"/admin/console/user/{lived.bob.pk}/password/",
        {"password1": secrets["admin-form"], "password2": secrets["admin-form"] + "x"},
    )
    called(lived, secrets, sweep)
    for address in ("/instances/export.csv?access=account", "/manage/audit/export.csv"):
        sweep.add_response(address, clients["admin"].get(address))
    for number, each in enumerate(mail.outbox):
        sweep.add(f"mail {number}", each.message().as_bytes())
    call_command("backup", str(tmp_path / "backup.file"))
    sweep.add_database()
    sweep.add_files(data_dir)
    sweep.add_files(tmp_path)
    sweep.add("command lines", b"\n".join(watch.seen))
    sweep.add("log", caplog.text)
    sweep.add("output", "".join(capfd.readouterr()))
    assert len(sweep.places) > 200
    assert any(b"terraform" in line for line in watch.seen)
    assert sweep.hits() == []


@pytest.mark.parametrize("place", ["run directory", "command line", "mail"])
def test_a_planted_secret_is_found(secrets, place):
    sweep = Sweep({})
    sweep.needles = {name: wider(secret) for name, secret in secrets.items()}
    planted = secrets["good-deep-list"].encode("utf-16-le")
    sweep.add(place, b"x" * 10 + planted)
    assert sweep.hits() == [f"good-deep-list in {place}"]
