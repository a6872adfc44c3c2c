"""`kill -9` of a worker in the middle of an apply: the run goes on, and the next worker adopts it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection

from catalog.models import Template
from catalog.models.trusted import example_files
from instances.engines import processes
from instances.models import (
    Instance,
    ProvisioningSpec,
    Resource,
    StateVersion,
    Task,
    TaskLog,
)
from tests.factories import RegionFactory, VersionFactory
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.engine,
    pytest.mark.usefixtures("terraform"),
    pytest.mark.django_db(transaction=True),
]
ROOT = Path(__file__).parents[3]


def database_url():
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    return (
        f"postgres://{values['USER']}:{values['PASSWORD']}@{values['HOST']}"
        f":{values['PORT']}/{values['NAME']}"
    )


@pytest.fixture
def worker(data_dir):
    """Start a real worker process on the test's database; all are killed at the end."""
    started = []
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "console.settings",
        "DATABASE_URL": database_url(),
        "CONSOLE_DATA_DIR": str(data_dir),
        "CONSOLE_SECRET_KEY": django_settings.SECRET_KEY,
        "CONSOLE_ENCRYPTION_KEYS": ",".join(django_settings.ENCRYPTION_KEYS),
        "CONSOLE_LEASE_SECONDS": "2",
    }

    def start(**more):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "work"], cwd=ROOT, env=environment | more
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def launch_slowly(by):
    template = Template.objects.from_files(example_files("slow-cluster"))
    spec = ProvisioningSpec(
        VersionFactory(template=template),
        None,
        {"node_count": 3, "seconds_per_step": 1},
    )
    return Instance.objects.launch(spec, name="slow", region=RegionFactory(), by=by)


def reload(task):
    return Task.objects.get(pk=task.pk)


def logged(task):
    return [
        line[2] for chunk in TaskLog.objects.filter(task=task) for line in chunk.lines
    ]


def test_next_worker_adopts_an_active_run(alice, worker):
    task = launch_slowly(alice)
    first = worker()
    wait_for(lambda: reload(task).resources_done >= 1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    worker()
    wait_for(lambda: reload(task).status != "InProgress")

    ended = reload(task)
    assert (ended.status, ended.status_message) == ("Succeeded", "")
    assert ended.epoch == 2
    assert ended.attempt == 0
    assert ended.resources_done == ended.resources_total == 9
    messages = logged(task)
    complete = [text for text in messages if "Creation complete" in text]
    assert len(complete) == len(set(complete)) == 9
    assert Instance.objects.get().status == "Available"


def test_run_killed_with_its_worker_is_reported_as_interrupted(alice, worker):
    task = launch_slowly(alice)
    first = worker()
    wait_for(lambda: reload(task).resources_done >= 1)
    first.send_signal(signal.SIGKILL)
    directory = reload(task).run_directory
    assert processes.kill(Path(directory))
    first.wait()
    worker()
    wait_for(lambda: reload(task).status != "InProgress")

    ended = reload(task)
    instance = Instance.objects.get()
    assert ended.status == "Failed"
    assert ended.attempt == 0
    assert "Interrupted" in ended.status_message
    assert instance.status == "Error"
    in_flight = Resource.objects.filter(status="CREATE_IN_PROGRESS")
    assert all(row.address in ended.status_message for row in in_flight)
    assert StateVersion.objects.latest_of(instance).resource_count >= 1
