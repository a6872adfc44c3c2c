"""A stand-in for Terraform that does what it is told to, and workers that can be killed."""

import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection

from instances.engines import sandbox
from instances.models import Instance, ProvisioningSpec, Task, TaskLog
from instances.worker.loop import Worker
from tests.factories import RegionFactory, VersionFactory, version_of
from tests.faults.forked import Forked
from tests.faults.installation import kill_runs
from tests.waiting import PATIENCE_SECONDS, wait_for

ROOT = Path(__file__).parents[2]
SHIM = Path(__file__).with_name("terraform")
THINGS = 'resource "terraform_data" "thing" {}\n'


@pytest.fixture(autouse=True)
def shim(settings):
    """The stand-in for Terraform, and leases short enough to be waited for."""
    if not sandbox.available():
        pytest.skip("no landlock")
    settings.TERRAFORM_BIN = str(SHIM)
    settings.LEASE_SECONDS = 1
    settings.STOP_SECONDS = 1
    return SHIM


class Scene:
    """One instance, and what a test makes happen to it."""

    def __init__(self, person):
        self.person = person
        self.version = version_of(THINGS)
        self.instance = None

    def behave(self, **shim):
        """Tell the stand-in what to do from now on, by the region's environment."""
        region = RegionFactory()
        region.credentials = {f"SHIM_{name}": str(v) for name, v in shim.items()}
        region.save()
        return region

    def order(self, kind="launch", **shim):
        """Ask for a change; its task waits for a worker."""
        region = self.behave(**shim)
        spec = ProvisioningSpec(self.version, None)
        if kind == "launch":
            task = Instance.objects.launch(
                spec, name="shop", region=region, by=self.person
            )
            self.instance = task.instance
            return task
        instance = Instance.objects.get(pk=self.instance.pk)
        if kind == "terminate":
            return instance.terminate(by=self.person)
        # Another version of the same template: something to update to.
        other = VersionFactory(
            product=self.version.product, template=self.version.template
        )
        return instance.update_to(ProvisioningSpec(other, None), by=self.person)

    def beside(self, name):
        """Launch another instance of the same product."""
        spec, region = ProvisioningSpec(self.version, None), RegionFactory()
        return Instance.objects.launch(spec, name=name, region=region, by=self.person)

    def standing(self, kind):
        """Have the instance that an update or termination needs."""
        if kind != "launch":
            self.order()
            work()

    def fault(self, kind, **shim):
        """Run one change with a fault, on an instance that is well; the task as it ended."""
        self.standing(kind)
        task = self.order(kind, **{"COUNT": 5, **shim} if kind == "update" else shim)
        work()
        return reload(task)

    @property
    def status(self):
        return Instance.objects.get(pk=self.instance.pk).status


def work():
    """Run a worker in this process until nothing is left to do."""
    worker = Worker()
    alarm = threading.Timer(PATIENCE_SECONDS, worker.stop)
    alarm.daemon = True
    alarm.start()
    worker.work(once=True)
    alarm.cancel()
    if worker.stopping.is_set():
        left = Task.objects.exclude(state="ended")
        pytest.fail(
            f"{PATIENCE_SECONDS} s of work did not end {[facts(t) for t in left]}"
        )


def facts(task):
    """How it stands with a task, in a line."""
    names = "pk state status stage attempt epoch worker host lease_until status_message"
    return {name: str(getattr(task, name)) for name in names.split()}


def reload(task):
    return Task.objects.get(pk=task.pk)


def ended(task, seconds=PATIENCE_SECONDS):
    """The task, once it has ended."""
    rows = Task.objects.filter(pk=task.pk, state="ended")
    return wait_for(lambda: rows.all().first(), seconds, lambda: facts(reload(task)))


def said(task):
    return "\n".join(
        line[2] for chunk in TaskLog.objects.filter(task=task) for line in chunk.lines
    )


@pytest.fixture
def scene(alice):
    return Scene(alice)


def database_url():
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    return (
        f"postgres://{values['USER']}:{values['PASSWORD']}@{values['HOST']}"
        f":{values['PORT']}/{values['NAME']}"
    )


@pytest.fixture
def worker(data_dir, tmp_path_factory):
    """Starts worker processes; `host=` gives one a data directory of its own.

    They are copies of this process, or with `program=True` begun as an operator does. A copy
    takes the step `first` before it begins to work.
    """
    started = []

    def start(host="", lease=1, grace=None, program=False, stop=1, first=None):
        directory = data_dir
        if host:
            directory = tmp_path_factory.getbasetemp() / f"{data_dir.name}-{host}"
            directory.mkdir(exist_ok=True)
        values = {
            "DATA_DIR": directory,
            "LEASE_SECONDS": lease,
            "STOP_SECONDS": stop,
            "HOST_GRACE": grace or django_settings.HOST_GRACE,
            "LOG_BYTES": django_settings.LOG_BYTES,
        }
        process = (
            _program(values) if program else Forked(partial(_serve, values, first))
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
    kill_runs(data_dir)


def _serve(values, first):
    if first is not None:
        first()
    for name, value in values.items():
        setattr(django_settings, name, value)
    call_command("work")


def _program(values):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "console.settings",
        "DATABASE_URL": database_url(),
        "CONSOLE_SECRET_KEY": django_settings.SECRET_KEY,
        "CONSOLE_ENCRYPTION_KEYS": ",".join(django_settings.ENCRYPTION_KEYS),
        "CONSOLE_TERRAFORM_BIN": str(SHIM),
        **{f"CONSOLE_{name}": str(value) for name, value in values.items()},
    }
    command = [sys.executable, "manage.py", "work"]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


def run_of(task):
    """The directory of the task's run, once it has begun."""
    path = wait_for(lambda: reload(task).run_directory)
    wait_for(lambda: Path(path, "pid").exists())
    return Path(path)


def stage_of(directory):
    """The stage the run itself says it is in."""
    try:
        lines = (directory / "stages.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return ""
    return lines[-1].split('"stage": "')[1].split('"')[0] if lines else ""


def begun(directory):
    """Whether the run has begun to change something, in its own words."""
    return b"create start" in (directory / "events.jsonl").read_bytes()


def go_on(directory):
    """Let a run go on whose stage is held."""
    (directory / "go").touch()


def launcher_of(directory):
    return int((directory / "pid").read_text().split()[0])
