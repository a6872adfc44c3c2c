"""A whole installation in a directory of its own: real processes, as an operator runs them."""

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

try:
    import psycopg
except ImportError:  # an extra; without it there is no PostgreSQL to ask
    psycopg = None

from instances.engines import processes
from tests.waiting import PATIENCE_SECONDS, beside, over, wait_for

ROOT = Path(__file__).parent.parent.parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Installation:
    """A data directory, the environment that goes with it, and the processes begun there."""

    def __init__(self, data, **environment):
        self.data = data
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.root = ROOT
        self.started = []
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CONSOLE_", "DATABASE_URL", "DJANGO_", "PYTEST_"))
        }
        self.environment = kept | {
            "CONSOLE_DATA_DIR": str(data),
            "DJANGO_SETTINGS_MODULE": "console.settings",
            "CONSOLE_LEASE_SECONDS": "3",
            **environment,
        }

    def run(self, *arguments, fails=False, **environment):
        """A command to its end; its output, or with `fails` what it complained."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.root,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, said
        self.printed = done.stdout
        return said

    def python(self, code):
        """What some code prints that runs inside the installation."""
        self.run("shell", "-v0", "-c", code)
        return self.printed.strip()

    def rows(self, query):
        """What the database has, without starting the whole program for it."""
        url = self.environment.get("DATABASE_URL")
        if url:
            with psycopg.connect(url) as opened:
                return opened.execute(query).fetchall()
        path = self.data / "console.sqlite3"
        with closing(sqlite3.connect(path, timeout=20)) as opened:
            return opened.execute(query).fetchall()

    def start(self, *arguments, **options):
        """A command that goes on; stopped at the end of the test."""
        log = (self.data.parent / f"{self.data.name}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=self.root,
            env=self.environment | options.pop("environment", {}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **options,
        )
        self.started.append(process)
        return process

    @property
    def log(self):
        return (self.data.parent / f"{self.data.name}.log").read_text()

    def serve(self, *arguments):
        """`serve --demo`, ready to answer with a worker alive."""
        process = self.start("serve", "--demo", f"--port={self.port}", *arguments)
        wait_for(lambda: process.poll() is not None or self.ready())
        assert process.poll() is None, self.log
        return process

    def ready(self):
        return self.get("/readyz")[0] == 200

    def get(self, path):
        """Status and body; 0 when there was no answer."""
        try:
            with urllib.request.urlopen(
                self.address + path, timeout=PATIENCE_SECONDS
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def stop(self):
        for process in self.started:
            if process.poll() is None:
                process.terminate()
        for process in self.started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_SECONDS)
            process.kill()
            process.wait()


def kill_runs(data_dir):
    """End what runs detached, so that no test leaves anything behind."""
    for path in Path(data_dir).glob("runs/*/pid"):
        with contextlib.suppress(ProcessLookupError, ValueError, FileNotFoundError):
            pid, began = path.read_text().split()
            # Its group outlives it; another process may have its number by now.
            if processes.start_time(pid) in (None, began):
                os.killpg(int(pid), signal.SIGKILL)
    shutil.rmtree(Path(data_dir) / "runs", ignore_errors=True)


def furnish(site):
    """Give an installation its tables, people and products; nothing runs there yet."""
    site.run("migrate", "-v0")
    site.run("createcachetable")
    site.run("demo")


class Load:
    """Requests without a pause, from several threads, with what came back."""

    def __init__(self, installation, paths, threads=4):
        self.installation = installation
        self.paths = paths
        self.statuses = []
        self.done = threading.Event()
        self.count, self.threads = threads, []

    def _ask(self):
        while not self.done.is_set():
            for path in self.paths:
                self.statuses.append(self.installation.get(path))

    def __enter__(self):
        self.threads = [beside(self._ask) for _ in range(self.count)]
        return self

    def __exit__(self, *error):
        self.done.set()
        for thread in self.threads:
            over(thread)

    @property
    def failed(self):
        return [each for each in self.statuses if each[0] != 200]


LAUNCH = """
from catalog.models import Product, Region
from console.lib.users import User
from instances.models import Instance, ProvisioningSpec
product = Product.objects.get(name={product!r})
version = product.versions.get()
spec = ProvisioningSpec(version, product.portfolios.get(), {values!r})
task = Instance.objects.launch(
    spec, name={name!r}, region=Region.objects.get(pk="eu-central-1"),
    by=User.objects.get(username="alice"))
print(task.pk)
"""
TASK = """
SELECT t.state, t.status, t.attempt, t.resources_done, t.epoch, i.status,
       t.status_message
FROM instances_task t JOIN instances_instance i ON i.id = t.instance_id
WHERE t.id = '{pk}'
"""


def launch(installation, product="Container cluster", name="box", **values):
    """Queue a launch as alice; the task's ID."""
    code = LAUNCH.format(product=product, name=name, values=values)
    return installation.python(code)


def task(installation, pk):
    """Where a task is: state, status, attempt, resources done, epoch, instance, message."""
    [row] = installation.rows(TASK.format(pk=pk))
    return [str(value) for value in row]


def children_of(pid):
    """The processes a process started, by its ID."""
    found = set()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found |= {int(word) for word in (task / "children").read_text().split()}
    return found


def hang_up(process):
    process.send_signal(signal.SIGHUP)
