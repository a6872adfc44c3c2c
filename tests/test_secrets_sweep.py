"""Unique secrets go in everywhere; afterwards they are looked for everywhere, in every spelling."""

import base64
import html
import json
import logging
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import connection
from django.test import Client

from catalog.models import LaunchRole
from console.api.endpoint import OPERATIONS
from console.lib.users import User
from instances.models import Instance, Plan, ProvisioningSpec, Task
from instances.worker.loop import Worker
from tests.access_table import TABLE
from tests.everything import Everything
from tests.factories import TemplateFactory, VersionFactory
from tests.passkey import prove_with
from tests.signing import Caller
from tests.test_access_operations import call_about

pytestmark = [
    pytest.mark.engine,
    pytest.mark.usefixtures("terraform"),
    pytest.mark.django_db(transaction=True),
]
SOURCE = """\
variable "password" {
  type      = string
  sensitive = true
}

variable "fail" {
  type    = bool
  default = false
}

resource "terraform_data" "account" {
  input = var.password

  lifecycle {
    postcondition {
      condition     = !(var.fail && self.id != "")
      error_message = "refused: ${nonsensitive(var.password)}"
    }
  }
}

resource "terraform_data" "named" {
  for_each = nonsensitive(toset([var.password]))
}

output "password" {
  value     = var.password
  sensitive = true
}

output "echo" {
  value = "it is ${nonsensitive(var.password)}"
}
"""
ADMIN_PAGES = ("task", "plan", "output", "instance", "stateversion", "resource")


def canary(name):
    """A secret nobody else has, with characters that every escaping treats differently."""
    return f'{name}-{uuid.uuid4().hex}"&é/+'


def spellings(secret):
    """How a secret may be written: raw, escaped for JSON, URLs and HTML, base64, hex."""
    raw = secret.encode()
    texts = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret),
        quote(secret, safe=""),
        html.escape(secret),
        raw.hex(),
        raw.hex().upper(),
    }
    for shift in range(3):
        # The characters at both ends depend on what stands beside the secret.
        encoded = base64.b64encode(b"\0" * shift + raw).decode()[4:-4]
        texts |= {encoded, encoded.replace("+", "-").replace("/", "_")}
    return {text.encode() for text in texts}


class Sweep:
    """The places in which secrets are looked for: name to bytes."""

    def __init__(self, secrets):
        self.needles = {name: spellings(secret) for name, secret in secrets.items()}
        self.places = {}

    def add(self, name, content):
        self.places[name] = content if isinstance(content, bytes) else content.encode()

    def add_response(self, name, response):
        content = b"".join(response) if response.streaming else response.content
        heads = "".join(f"{key}: {value}\n" for key, value in response.headers.items())
        self.add(name, heads.encode() + content)

    def add_files(self, folder):
        for path in Path(folder).rglob("*"):
            if path.is_file():
                self.add(f"file {path}", path.read_bytes())

    def add_database(self):
        """Every row of every table; on SQLite the file and its log too, with what was deleted."""
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
                rows = [
                    bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode()
                    for row in cursor.fetchall()
                    for v in row
                ]
                self.add(f"table {table}", b"\n".join(rows))
        if connection.vendor == "sqlite":
            for end in ("", "-wal"):
                path = Path(f"{connection.settings_dict['NAME']}{end}")
                if path.exists():
                    self.add(f"database file {path.name}", path.read_bytes())

    def hits(self):
        return [
            f"{secret} in {place}"
            for place, content in self.places.items()
            for secret, needles in self.needles.items()
            if any(needle in content for needle in needles)
        ]


@pytest.fixture
def secrets():
    return {
        name: canary(name)
        for name in ("parameter", "failing", "form", "region", "role", "login")
    }


@pytest.fixture
def lived(alice, bob, admin, secrets, settings, caplog):
    """A catalogue in which all of it has been used: one launch succeeded, one failed."""
    caplog.set_level(logging.DEBUG)
    everything = Everything(alice, bob, admin)
    alice.set_password(secrets["login"])
    alice.save()
    everything.region.credentials = {"CLOUD_TOKEN": secrets["region"]}
    everything.region.save()
    role = LaunchRole.objects.get()
    role.environment = {"CLOUD_TOKEN": secrets["role"]}
    role.save()
    everything.version = VersionFactory(
        product=everything.product, template=TemplateFactory(files={"main.tf": SOURCE})
    )
    for name, fails in (("failing", True), ("parameter", False)):
        values = {"password": secrets[name], "fail": fails}
        spec = ProvisioningSpec(everything.version, everything.portfolio, values)
        task = Instance.objects.launch(
            spec, name=f"{name}-one", region=everything.region, by=alice
        )
        Worker().work(once=True)
    everything.instance = task.instance
    everything.task = Task.objects.get(pk=task.pk)
    everything.plan = Plan.objects.submit(
        "LaunchProduct",
        ProvisioningSpec(
            everything.version, everything.portfolio, {"password": secrets["parameter"]}
        ),
        name="a plan",
        by=alice,
        region=everything.region,
        instance_name="planned",
    )
    Worker().work(once=True)
    return everything


def sign_in_with_passkey(everything, secrets):
    """Sign in with the password, and fail with a misspelt one that contains it."""
    Client().post(
        "/accounts/login/", {"login": "alice", "password": secrets["login"] + "x"}
    )
    client = Client(raise_request_exception=False)
    client.post("/accounts/login/", {"login": "alice", "password": secrets["login"]})
    prove_with(everything.soft_key, client)
    assert client.session.get("_auth_user_id")
    return client


def pages(everything, client, sweep, role):
    for route, (who, methods) in TABLE.items():
        if role in who and "GET" in methods and "-/" not in route:
            for task in Task.objects.filter(state="ended"):
                everything.instance, everything.task = task.instance, task
                address = everything.address(route)
                sweep.add_response(f"{role} {address}", client.get(address))
                if "<str:task>" not in route:
                    break


def forms(everything, client, sweep, secrets):
    """A form that comes back with errors, a secret among its values."""
    for route in ("products/<str:pk>/launch/", "instances/<str:pk>/update/"):
        answer = client.post(
            everything.address(route),
            {
                "version": everything.version.pk,
                "password": secrets["form"],
                "fail": "?",
            },
        )
        sweep.add_response(f"form {route}", answer)


def calls(everything, api, sweep):
    for operation in OPERATIONS:
        if operation.startswith(("Get", "List")):
            answer = api.send(operation, call_about(everything, operation))
            sweep.add_response(f"call {operation}", answer)


def test_no_secret_is_found_anywhere(lived, secrets, data_dir, caplog, capfd):
    states = set(Task.objects.values_list("status", flat=True))
    assert {"Succeeded", "Failed"} <= states
    sweep = Sweep(secrets)
    alice = sign_in_with_passkey(lived, secrets)
    root = User.objects.create_superuser("root")
    admin = Client(raise_request_exception=False)
    admin.force_login(root)
    seed = generate_totp_secret()
    TOTP.activate(root, seed)
    sweep.needles["authenticator app"] = spellings(seed)
    sweep.needles["session cookie"] = spellings(alice.session.session_key)
    pages(lived, alice, sweep, "alice")
    pages(lived, admin, sweep, "admin")
    forms(lived, alice, sweep, secrets)
    for user in (lived.alice, lived.admin):
        api = (
            Caller.of(user)
            if user != lived.alice
            else Caller(lived.key.pk, lived.key.secret_text)
        )
        calls(lived, api, sweep)
        sweep.needles[f"access key of {user}"] = spellings(api.secret)
    for model in ADMIN_PAGES:
        found = admin.get(f"/admin/instances/{model}/")
        sweep.add_response(f"admin {model}", found)
    sweep.add_database()
    sweep.add_files(data_dir)
    sweep.add("log", caplog.text)
    sweep.add("output", "".join(capfd.readouterr()))
    assert len(sweep.places) > 150
    assert sweep.hits() == []


@pytest.mark.parametrize("spelling", ["raw", "hex", "base64", "json", "url"])
def test_a_planted_secret_is_found(lived, secrets, data_dir, spelling):
    secret = secrets["parameter"]
    written = {
        "raw": secret,
        "hex": secret.encode().hex(),
        "base64": base64.b64encode(b"x" + secret.encode()).decode(),
        "json": json.dumps({"a": secret}),
        "url": quote(secret, safe=""),
    }[spelling]
    (data_dir / "left-behind").write_text(f"before {written} after")
    Instance.objects.filter(pk=lived.instance.pk).update(status_message=written)
    sweep = Sweep(secrets)
    sweep.add_files(data_dir)
    sweep.add_database()
    found = "\n".join(sweep.hits())
    assert "left-behind" in found
    assert "table instances_instance" in found
