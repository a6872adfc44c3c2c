"""`/metrics`: access, values, and a cost that does not grow with the past."""

import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from console.metrics import latencies
from instances.models import Check, Counter, Heartbeat, Task
from tests.factories import InstanceFactory, TaskFactory

pytestmark = pytest.mark.django_db
TOKEN = {"HTTP_AUTHORIZATION": "Bearer tell-me"}


@pytest.fixture
def samples(client, settings):
    """Return the samples by name and labels, read with the token."""
    settings.METRICS_TOKEN = "tell-me"

    def ask():
        answer = client.get("/metrics", **TOKEN)
        assert answer.status_code == 200
        lines = answer.content.decode().splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: float(value) for name, value in pairs}

    return ask


def test_metrics_require_an_administrator_or_the_token(
    client, browser, admin_browser, settings
):
    assert admin_browser.get("/metrics").status_code == 200
    assert browser.get("/metrics").status_code == 404
    client.logout()
    assert client.get("/metrics").status_code == 302
    # Loopback proves nothing, and without a token in the settings none is right.
    for header in ("Bearer ", "Bearer tell-me", "Bearer None"):
        assert client.get("/metrics", HTTP_AUTHORIZATION=header).status_code == 401
    settings.METRICS_TOKEN = "tell-me"
    assert client.get("/metrics", **TOKEN).status_code == 200
    wrong = client.get("/metrics", HTTP_AUTHORIZATION="Bearer tell-mé")
    assert (wrong.status_code, wrong.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_the_queue_is_counted_by_kind(samples, alice):
    for number in range(3):
        TaskFactory(
            instance=InstanceFactory(owner=alice, name=f"i{number}"),
            queued_at=now() - timedelta(seconds=90 - number),
        )
    Task.objects.filter(instance__name="i1").update(state="running")
    found = samples()
    assert found['catalog_queue_depth{kind="LaunchProduct"}'] == 2
    assert found['catalog_running{kind="LaunchProduct"}'] == 1
    assert found['catalog_queue_depth{kind="Preview"}'] == 0
    assert 90 <= found["catalog_oldest_waiting_seconds"] < 120


def test_task_seconds_are_a_histogram_by_kind_and_result(samples):
    for seconds in (0.5, 3.0, 4.0, 5000.0):
        Counter.objects.add_task("LaunchProduct", "Succeeded", seconds)
    found = samples()
    labels = 'kind="LaunchProduct",result="Succeeded"'
    name = "catalog_task_seconds"
    assert found[f'{name}_bucket{{{labels},le="1"}}'] == 1
    assert found[f'{name}_bucket{{{labels},le="5"}}'] == 3
    assert found[f'{name}_bucket{{{labels},le="3600"}}'] == 3
    assert found[f'{name}_bucket{{{labels},le="+Inf"}}'] == 4
    assert found[f"{name}_count{{{labels}}}"] == 4
    assert found[f"{name}_sum{{{labels}}}"] == 5007.5


def test_workers_of_all_hosts_are_counted(samples):
    Heartbeat.objects.beat("a", host="one", capacity=4, busy=1)
    Heartbeat.objects.beat("b", host="two", capacity=2, busy=2)
    found = samples()
    assert found["catalog_workers_alive"] == 2
    assert found["catalog_workers_capacity"] == 6
    assert found["catalog_workers_busy"] == 3


def test_lost_leases_are_counted_but_not_released_ones(samples, alice):
    task = TaskFactory(instance=InstanceFactory(owner=alice))
    first = Task.objects.claim("first", "host")
    first.release()
    second = Task.objects.claim("second", "host")
    assert (second.pk, second.epoch) == (task.pk, 2)
    assert samples()["catalog_lease_losses_total"] == 0
    past = now() - timedelta(hours=1)
    Task.objects.update(lease_until=past)
    assert Task.objects.claim("third", "host").epoch == 3
    assert samples()["catalog_lease_losses_total"] == 1


def test_requests_are_counted_by_view_and_status(samples, client):
    client.get("/accounts/login/")
    client.get("/healthz")
    client.get("/instances/", HTTP_HX_REQUEST="true")
    client.get("/", HTTP_X_ACS_ACTION="GetTask")
    client.get("/admin/")
    found = samples()
    for view, status in (
        ("page", "2xx"),
        ("probe", "2xx"),
        ("fragment", "2xx"),
        ("api", "4xx"),
        ("admin", "3xx"),
    ):
        name = f'catalog_http_request_seconds_count{{view="{view}",status="{status}"}}'
        assert found[name] == 1, (name, found)


COUNT = """
import os
from django.conf import settings
settings.configure(DATA_DIR={folder!r})
from console.metrics.latencies import observe
for _ in range({times}):
    observe("page", 200, 0.02)
print("counted", flush=True)
input()
"""


def test_counts_are_summed_over_running_and_ended_processes(data_dir):
    def count(times):
        code = COUNT.format(folder=str(data_dir), times=times)
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        assert process.stdout.readline() == "counted\n"
        return process

    latencies.observe("page", 200, 0.02)
    first, second = count(100), count(1000)
    place = latencies.BOUNDS.index(0.025)
    assert latencies.totals()[place] == 1101
    for process in (first, second):
        process.communicate("\n")
    for _ in range(3):
        assert latencies.totals()[place] == 1101
    third = count(10)
    assert latencies.totals()[place] == 1111
    third.kill()
    third.communicate()
    assert latencies.totals()[place] == 1111
    # What has ended is kept in one file, not in one for each process.
    names = {path.name for path in (data_dir / "metrics").iterdir()}
    assert len(names - {"lock", "past.json"}) == 1


def test_pages_are_served_if_requests_cannot_be_counted(client, settings):
    settings.DATA_DIR = "/proc/nowhere"
    assert client.get("/healthz").status_code == 200


def test_the_cost_depends_on_the_work_in_progress(samples, alice):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            samples()
        return len(captured)

    few = queries()
    instance = InstanceFactory(owner=alice)
    template = TaskFactory(instance=instance, ended=True)
    columns = {
        field.attname: getattr(template, field.attname)
        for field in Task._meta.concrete_fields
        if field.name not in ("id", "secrets")
    }
    Task.objects.bulk_create(
        (Task(pk=f"task-{n:08}", **columns) for n in range(5000)), batch_size=500
    )
    begun = time.monotonic()
    assert queries() == few <= 12
    assert time.monotonic() - begun < 2
    assert Check.objects.count() == 0


def test_an_administrator_without_required_mfa_sees_no_metrics(admin_browser, settings):
    assert admin_browser.get("/metrics").status_code == 200
    settings.REQUIRE_MFA = True
    assert admin_browser.get("/metrics").status_code == 404
