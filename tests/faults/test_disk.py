"""Disks that are really full, or may not be written (F17, F18, F19)."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from datetime import timedelta

import pytest
from django.db import connection
from django.utils.timezone import now

from console.accounts.sessions import Session
from instances.models import Instance, StateVersion, Task
from tests.factories import (
    InstanceFactory,
    RegionFactory,
    launchable,
    version_of,
)
from tests.faults.conftest import (
    THINGS,
    Scene,
    launcher_of,
    reload,
    run_of,
    said,
    stage_of,
    wait_for,
    work,
)
from tests.signing import Caller
from tests.waiting import beside, over

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]

KINDS = ["launch", "update", "terminate"]
FILLING_TF = """\
resource "terraform_data" "first" {}

resource "terraform_data" "filling" {
  input = terraform_data.first.id

  provisioner "local-exec" {
    command = "cat /dev/zero > ../tmp/filler; true"
  }
}

resource "terraform_data" "last" {
  input = join("", [for n in range(1000) : terraform_data.filling.id])
}
"""


class Disk:
    """A small disk in memory, mounted for one test."""

    def __init__(self, path):
        self.path = path

    def mount(self, *options):
        return subprocess.run(
            ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", self.path],
            capture_output=True,
            text=True,
            check=False,
        )

    def unmount(self):
        subprocess.run(["umount", "--lazy", self.path], check=False)

    def fill(self):
        """Leave not one page of it."""
        with open(self.path / "filler", "ab", buffering=0) as filler:
            for size in (1 << 16, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while filler.write(b"x" * size):
                        pass

    def free(self):
        (self.path / "filler").unlink()


@pytest.fixture
def small_disk():
    """Mounts small disks, which only root may do."""
    if not shutil.which("mount"):
        if os.environ.get("CI"):
            pytest.fail("CI needs mount", pytrace=False)
        pytest.skip("no mount on PATH")
    mounted = []

    def make(path, size):
        path.mkdir(parents=True, exist_ok=True)
        disk = Disk(path)
        done = disk.mount(f"size={size}")
        if done.returncode:
            pytest.skip(f"may not mount a disk: {done.stderr.strip()}")
        mounted.append(disk)
        return disk

    yield make
    for disk in mounted:
        disk.unmount()


@pytest.fixture
def runs_disk(small_disk, data_dir, settings):
    """The runs on two megabytes of their own, and no floor that would keep them waiting."""
    settings.FREE_BYTES = 0
    return small_disk(data_dir / "runs", "2m")


@pytest.mark.parametrize("kind", KINDS)
def test_disk_full_during_apply_keeps_the_recorded_state(scene, runs_disk, kind):
    task = scene.fault(kind, FAULT="full")
    assert task.status == "Failed"
    assert "did not leave a readable state" in task.status_message
    instance = Instance.objects.get()
    assert (instance.status, instance.terminated_at) == ("Error", None)
    known = StateVersion.objects.latest_of(instance)
    # A launch may have been seen with its first resource before the disk was full.
    assert kind == "launch" or known.resource_count
    assert not list(runs_disk.path.glob("task-*")), "the disk is free again"
    # With room the instance can be removed; what was in flight is named, not forgotten.
    last = scene.order("terminate")
    work()
    assert reload(last).status == "Succeeded"


def test_terraforms_disk_full_error_is_reported(alice, runs_disk, settings, terraform):
    settings.TERRAFORM_BIN = terraform
    settings.ALLOW_PROVISIONERS = True
    scene = Scene(alice)
    scene.version = version_of(FILLING_TF)
    task = scene.order()
    work()
    task = reload(task)
    assert task.status == "Failed"
    instance = Instance.objects.get()
    assert instance.status == "Error"
    # The first was recorded before the disk was full; it is neither lost nor made twice.
    made = instance.resources.filter(status="CREATE_COMPLETE")
    assert "terraform_data.first" in made.values_list("address", flat=True)
    assert StateVersion.objects.latest_of(instance).resource_count >= 1
    assert '"lineage"' not in said(task)
    last = instance.terminate(by=alice)
    work()
    assert reload(last).status == "Succeeded"


@pytest.mark.parametrize("kind", KINDS)
def test_read_only_run_directory_fails_before_the_run_starts(
    scene, small_disk, data_dir, kind
):
    scene.standing(kind)
    before = scene.status if kind != "launch" else "Error"
    disk = small_disk(data_dir / "runs", "64k,ro")
    task = scene.order(kind)
    work()
    task = reload(task)
    assert task.status == "Failed"
    assert "Read-only file system" in task.status_message
    assert not task.stages
    assert scene.status == before
    disk.unmount()
    last = scene.order("terminate" if kind == "terminate" else "update", COUNT=3)
    work()
    assert reload(last).status == "Succeeded"


@pytest.fixture
def begin(scene):
    """A change in the middle of its apply, with a worker in a thread."""
    threads = []

    def start(kind, seconds=0.3):
        """Each of its resources takes some seconds."""
        scene.standing(kind)
        task = scene.order(kind, COUNT=4, SLEEP=f"apply {seconds}")
        threads.append(beside(work))
        directory = run_of(task)
        wait_for(lambda: stage_of(directory) == "apply")
        return task, threads[-1]

    yield start
    for thread in threads:
        over(thread)


@pytest.mark.parametrize("kind", KINDS)
def test_run_with_lost_directory_does_not_succeed(scene, begin, tmp_path_factory, kind):
    """Taken away by somebody in the middle of a change: what was known stays, and it is told."""
    # Longer than the test takes: who ends before that has rightly succeeded.
    task, thread = begin(kind, seconds=60)
    wait_for(lambda: reload(task).stage == "apply")
    away = tmp_path_factory.mktemp("away") / "run"
    run_of(task).rename(away)
    over(thread)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(launcher_of(away), signal.SIGKILL)
    assert reload(task).status == "Failed"
    assert scene.status == "Error"
    assert Instance.objects.get().terminated_at is None


@pytest.fixture
def database_disk(small_disk, tmp_path, transactional_db):
    """The database on a disk of its own."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's disk is the business of its server")
    disk = small_disk(tmp_path / "database", "24m")
    values = connection.settings_dict
    was, name = values["NAME"], disk.path / "console.sqlite3"
    with closing(sqlite3.connect(was)) as old, closing(sqlite3.connect(name)) as new:
        old.backup(new)
    connection.close()
    values["NAME"] = str(name)
    yield disk
    connection.close()
    values["NAME"] = was


def test_full_database_serves_reads_and_stores_no_partial_change(
    database_disk, alice, client
):
    client.force_login(alice)
    client.raise_request_exception = False
    version = launchable(alice, source=THINGS)
    instances = {
        "UpdateProvisionedProduct": InstanceFactory(owner=alice, version=version),
        "TerminateProvisionedProduct": InstanceFactory(owner=alice, version=version),
    }
    spec = {"ProductId": version.product_id, "ProductVersionId": version.pk}
    calls = {
        "LaunchProduct": {
            **spec,
            "ProvisionedProductName": "new",
            "StackRegionId": RegionFactory().pk,
        },
        "UpdateProvisionedProduct": spec,
        "TerminateProvisionedProduct": {},
    }
    for action, instance in instances.items():
        calls[action]["ProvisionedProductId"] = instance.pk
    api = Caller.of(alice)
    # A session that was not used for a while notes that it is used now.
    Session.objects.update(seen_at=now() - timedelta(minutes=5))
    count = Instance.objects.count()
    database_disk.fill()
    for page in ("/instances/", "/products/", instances[action].get_absolute_url()):
        assert client.get(page).status_code == 200, page
    for action, params in calls.items():
        answer = api.send(action, params)
        assert answer.status_code == 503, answer.content
        assert answer.json()["Code"] == "ServiceUnavailable"
    url = f"{instances[action].get_absolute_url()}terminate/"
    answer = client.post(url, {"confirm": "terminate"})
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert "Traceback" not in answer.content.decode()
    database_disk.free()
    assert (Task.objects.count(), Instance.objects.count()) == (0, count)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        assert cursor.fetchone() == ("ok",)
    for action, params in calls.items():
        assert api.send(action, params).status_code == 200, action
    assert Task.objects.count() == 3


@pytest.mark.parametrize("kind", KINDS)
def test_temporarily_full_database_only_delays_the_run(database_disk, begin, kind):
    task, thread = begin(kind)
    database_disk.fill()
    wait_for((run_of(task) / "exit.json").exists)
    assert reload(task).state == "running"
    database_disk.free()
    over(thread)
    task = reload(task)
    assert (task.status, task.attempt) == ("Succeeded", 0)
