"""A web process is killed after it has written and before it commits: nothing is half made (F09)."""

import http.client
import os
import signal
import subprocess
import sys
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from console.api.access_keys import AccessKey
from console.lib.audit import AuditEntry
from instances.models import Instance, Task
from tests.factories import (
    InstanceFactory,
    RegionFactory,
    launchable,
)
from tests.faults.conftest import ROOT, THINGS, database_url, wait_for
from tests.faults.installation import free_port
from tests.form_fields import Fields
from tests.signing import FORM, headers_for
from tests.waiting import PATIENCE_SECONDS, beside, over

pytestmark = pytest.mark.django_db(transaction=True)
CSRF = "c" * 32


class Web:
    """A gunicorn whose database can be made to fall asleep."""

    def __init__(self, directory):
        self.stalled = directory / "stall"
        self.port = free_port()
        arguments = ("--config=python:console.web", "--preload", "--workers=1")
        arguments += (f"--bind=127.0.0.1:{self.port}", "tests.faults.stalling")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *arguments],
            cwd=ROOT,
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "console.settings",
                "PYTHONPATH": str(ROOT),
                "DATABASE_URL": database_url(),
                "CONSOLE_DATA_DIR": str(directory),
                "CONSOLE_SECRET_KEY": django_settings.SECRET_KEY,
                "CONSOLE_ENCRYPTION_KEYS": ",".join(django_settings.ENCRYPTION_KEYS),
                "STALL": str(self.stalled),
            },
            start_new_session=True,
        )

    def kill(self):
        """End gunicorn and its workers, which notice only after a while that it is gone."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def post(self, path, body, headers):
        """Status and body of the answer; None when the connection ends without one."""
        door = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=PATIENCE_SECONDS
        )
        try:
            door.request("POST", path, body, headers)
            answer = door.getresponse()
            return answer.status, answer.read().decode()
        except (ConnectionError, http.client.HTTPException):
            return None
        finally:
            door.close()

    def answers(self):
        return self.post("/healthz", b"", {}) is not None

    def kill_in(self, request):
        """Have a request killed between its writes and its commit; what its sender gets."""
        self.stalled.with_suffix(".armed").touch()
        got = []
        sender = beside(lambda: got.append(request()))
        wait_for(self.stalled.exists)
        pid = int(self.stalled.read_text())
        assert pid != self.process.pid
        os.kill(pid, signal.SIGKILL)
        over(sender)
        self.stalled.unlink()
        return got[0]


@pytest.fixture
def web(tmp_path):
    web = Web(tmp_path)
    wait_for(lambda: web.process.poll() is not None or web.answers())
    assert web.process.poll() is None
    yield web
    web.kill()


def records():
    """Everything a change writes."""
    return (
        list(
            Instance.objects.order_by("pk").values("pk", "status", "last_task", "owner")
        ),
        list(Task.objects.order_by("pk").values_list("pk", flat=True)),
        list(AuditEntry.objects.order_by("sequence").values_list("action", flat=True)),
    )


def settled():
    """Return what is recorded once the database has noticed that its client is gone."""
    wait_for(lambda: not transactions_of_others())
    return records()


def transactions_of_others():
    """Count the open transactions of other clients. SQLite ends them with their process."""
    if connection.vendor == "sqlite":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
        )
        return cursor.fetchone()[0]


def test_change_is_rolled_back_when_its_web_process_is_killed(web, alice, bob, admin):
    version = launchable(alice, source=THINGS)
    key = AccessKey.objects.issue(alice, by=alice)
    made = {
        name: InstanceFactory(owner=alice, version=version, last_task=None)
        for name in ("update", "terminate", "transfer")
    }
    spec = {"ProductId": version.product_id, "ProductVersionId": version.pk}
    where = {"ProvisionedProductName": "shop", "StackRegionId": RegionFactory().pk}

    def call(action, **params):
        body = urlencode(params).encode()
        host = f"127.0.0.1:{web.port}"
        headers = headers_for(
            action, key.pk, key.secret_text, query={}, body=body, host=host
        )
        return web.post("/", body, headers)

    def transfer():
        client = Client()
        client.force_login(admin)
        cookies = {name: each.value for name, each in client.cookies.items()}
        cookies[django_settings.CSRF_COOKIE_NAME] = CSRF
        sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
        url = f"{made['transfer'].get_absolute_url()}transfer/"
        body = urlencode(
            {
                **Fields(client.get(url).content.decode()).sent,
                "to": f"user/{bob.username}",
                "csrfmiddlewaretoken": CSRF,
            }
        )
        return web.post(url, body, {"Cookie": sent, "Content-Type": FORM})

    requests = {
        "launch": lambda: call("LaunchProduct", **spec, **where),
        "update": lambda: call(
            "UpdateProvisionedProduct",
            ProvisionedProductId=made["update"].pk,
            **spec,
        ),
        "terminate": lambda: call(
            "TerminateProvisionedProduct", ProvisionedProductId=made["terminate"].pk
        ),
        "transfer": transfer,
    }
    for name, request in requests.items():
        before = records()
        assert web.kill_in(request) is None, name
        assert settled() == before, name
        status, said = request()
        assert status in (200, 302), said
        after = records()
        assert len(after[2]) == len(before[2]) + 1, name
        assert len(after[1]) == len(before[1]) + (name != "transfer"), name
    assert Instance.objects.filter(name="shop").count() == 1
    assert Instance.objects.get(pk=made["transfer"].pk).owner == bob
