"""A whole installation with people who use it, and somebody who kills it piece by piece."""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import OperationalError, connection  # noqa: E402

from console.api.access_keys import AccessKey  # noqa: E402
from instances.models import Instance, Task  # noqa: E402
from tests.campaign.cloud import Cloud  # noqa: E402
from tests.campaign.oracle import violations  # noqa: E402
from tests.factories import (  # noqa: E402
    PortfolioFactory,
    RegionFactory,
    UserFactory,
    version_of,
)
from tests.signing import headers_for, wire  # noqa: E402

ROOT = Path(__file__).parents[2]
SHIM = ROOT / "tests" / "faults" / "terraform"
TEMPLATE = """\
variable "things" {
  type    = number
  default = 2
}
variable "password" {
  type      = string
  sensitive = true
}
resource "terraform_data" "thing" {}
"""
PATIENCE_SECONDS = 240
PAUSE_SECONDS = 5
# A worker is let start before it is killed: else nothing would ever run.
YOUNG_SECONDS = 4
# What is killed, and how often compared with the rest.
VICTIMS = {
    "worker": 4,
    "launcher": 4,
    "tool": 5,
    "run": 4,
    "web": 2,
    "database": 2,
    "pause": 2,
}


class Site:
    """Web server, two workers, a cloud, and the people."""

    def __init__(self, data, options):
        self.data, self.options = data, options
        self.random = random.Random(options.seed)
        self.cloud = Cloud()
        self.password = f"campaign-secret-{options.seed}-{os.getpid()}"
        self.accepted, self.endings = set(), {}
        self.kills, self.steps = Counter(), Counter()
        self.over = threading.Event()
        self.workers = [None, None]
        self.paused, self.born = set(), {}
        self.web = None
        self._furnish()

    def _furnish(self):
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        self.version = version_of(TEMPLATE, active=True)
        self.people = [UserFactory() for _ in range(self.options.people)]
        self.portfolio = PortfolioFactory(
            products=[self.version.product], users=self.people
        )
        region = RegionFactory()
        region.credentials = {
            "SHIM_CLOUD": str(self.cloud.port),
            "SHIM_SLEEP": "apply 0.5",
        }
        region.save()
        self.keys = [AccessKey.objects.issue(user, by=user) for user in self.people]

    # The processes

    def start(self):
        """Start the web server and the workers."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.web = self._spawn(
            *("-m", "gunicorn", "console.wsgi:application", "--workers=2"),
            *(f"--bind=127.0.0.1:{self.port}", "--log-level=error", "--preload"),
        )
        self._keep_workers()

    def _spawn(self, *arguments):
        log = open(f"{self.data}/processes.log", "a")  # noqa: SIM115 - the child's
        with log:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=os.environ | {"CONSOLE_TERRAFORM_BIN": str(SHIM)},
                stdout=log,
                stderr=log,
            )

    def _keep_workers(self):
        """Start each worker that is not there."""
        for place, process in enumerate(self.workers):
            if process is None or process.poll() is not None:
                plant = [self.options.plant] if self.options.plant else []
                process = self._spawn("-m", "tests.campaign.worker", *plant)
                self.workers[place] = process
                self.born[process.pid] = time.monotonic()

    def _wake(self, process):
        process.send_signal(signal.SIGCONT)
        self.paused.discard(process)

    def end(self):
        """Stop everything that is left."""
        self.over.set()
        for process in [*self.workers, self.web]:
            if process is not None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in [*self.workers, self.web]:
            if process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE_SECONDS)
                process.kill()

    # The campaign

    def campaign(self):
        """Kill as often as asked, let everything settle, and judge."""
        self.start()
        threads = [
            threading.Thread(target=self._live, args=[n], daemon=True)
            for n in range(self.options.people)
        ]
        for thread in [*threads, threading.Thread(target=self._look_on, daemon=True)]:
            thread.start()
        begun = time.monotonic()
        while not self.steps["ended"]:
            time.sleep(0.2)  # what does not stand yet cannot be struck down
            if time.monotonic() - begun > PATIENCE_SECONDS:
                return [f"I10 nothing runs: see {self.data}/processes.log"]
        while self.kills.total() < self.options.kills:
            time.sleep(self.random.uniform(0, 2 * self.options.every))
            self._keep_workers()
            self._strike()
            if self.kills.total() % 50 == 0:
                print(self.report(), flush=True)
        self.over.set()
        self._keep_workers()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        late = self._settle()
        return [*late, *self._still_works(), *violations(self)]

    def _strike(self):
        chosen = self.options.victims.split(",") if self.options.victims else VICTIMS
        weights = [VICTIMS[name] for name in chosen]
        victim = self.random.choices(list(chosen), weights)[0]
        if getattr(self, f"_kill_{victim}")():
            self.kills[victim] += 1

    def _kill_worker(self):
        process = self.random.choice(self.workers)
        if time.monotonic() - self.born[process.pid] < YOUNG_SECONDS:
            return False
        process.kill()
        return True

    def _kill_pause(self):
        process = self.random.choice(self.workers)
        if process in self.paused or process.poll() is not None:
            return False
        process.send_signal(signal.SIGSTOP)
        self.paused.add(process)
        # By a clock of its own: one that sleeps while it opens the database keeps it from
        # everybody, also from who counts the kills.
        threading.Timer(PAUSE_SECONDS, self._wake, [process]).start()
        return True

    def _kill_launcher(self):
        return self._signal_run(lambda pid: [pid])

    def _kill_tool(self):
        return self._signal_run(children_of)

    def _kill_run(self):
        return self._signal_run(lambda pid: [pid, *children_of(pid)])

    def _signal_run(self, targets):
        pids = list(Path(self.data).glob("runs/*/pid"))
        if not pids:
            return False
        with contextlib.suppress(OSError, ValueError):
            pid, began = self.random.choice(pids).read_text().split()
            facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if facts[19] != began:
                return False
            chosen = targets(int(pid))
            for target in chosen:
                os.kill(target, signal.SIGKILL)
            return bool(chosen)
        return False

    def _kill_web(self):
        children = children_of(self.web.pid)
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.random.choice(children), signal.SIGKILL)
        return bool(children)

    def _kill_database(self):
        """Cut every connection; on SQLite, which has none, hold its lock for a while."""
        if connection.vendor == "postgresql":
            with contextlib.suppress(OperationalError), connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            return True
        name = str(connection.settings_dict["NAME"])
        with (
            contextlib.suppress(sqlite3.OperationalError),
            contextlib.closing(sqlite3.connect(name, timeout=10)) as other,
        ):
            other.execute("BEGIN IMMEDIATE")
            time.sleep(self.random.uniform(0, 3))
            other.rollback()
        return True

    # The people

    def _call(self, person, action, **params):
        """A signed call; None when nobody answered."""
        body = urlencode(wire(params)).encode()
        key = self.keys[person]
        host = f"127.0.0.1:{self.port}"
        headers = headers_for(
            action, key.pk, key.secret_text, query={}, body=body, host=host
        )
        try:
            web = http.client.HTTPConnection(host, timeout=60)
            web.request("POST", "/", body, headers)
            answer = web.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def _live(self, person):
        """Launch, change and terminate instances until it is over."""
        own, number, moves = None, 0, random.Random(self.options.seed * 100 + person)
        while not self.over.is_set():
            if own is None:
                number += 1
                own = self._launch(person, f"i-{person}-{number}", moves)
            else:
                own = self._change(person, own, moves)

    def _parameters(self, things):
        pairs = {"things": str(things), "password": self.password}
        return [
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in pairs.items()
        ]

    def _launch(self, person, name, moves):
        self._call(
            person,
            "LaunchProduct",
            ProductId=self.version.product_id,
            ProductVersionId=self.version.pk,
            PortfolioId=self.portfolio.pk,
            ProvisionedProductName=name,
            StackRegionId="cn-hangzhou",
            Parameters=self._parameters(moves.randint(1, 3)),
        )
        # Whether answered or not: it is there with its task, or it is not there.
        found = self._read(lambda: Instance.objects.filter(name=name).first())
        return self._wait(found.pk) if found else None

    def _change(self, person, pk, moves):
        action = "TerminateProvisionedProduct"
        params = {}
        if moves.random() < 0.6:
            action = "UpdateProvisionedProduct"
            params = {
                "ProductVersionId": self.version.pk,
                "PortfolioId": self.portfolio.pk,
                "Parameters": self._parameters(moves.randint(1, 6)),
            }
        self._call(person, action, ProvisionedProductId=pk, **params)
        return self._wait(pk)

    def _wait(self, pk):
        """Wait until the instance's task has ended; its ID, or None once it is gone."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            row = self._read(
                lambda: (
                    Instance.objects.filter(pk=pk)
                    .values_list("last_task", "last_task__state", "terminated_at")
                    .first()
                )
            )
            self.accepted.add(row[0])
            if row[1] == "ended":
                self.steps["ended"] += 1
                return None if row[2] else pk
            time.sleep(0.2)
        self.steps["waited too long"] += 1
        return None

    def _read(self, question):
        """Ask the database, which may be cut off at any moment."""
        while True:
            try:
                return question()
            except django.db.Error:
                connection.close()
                time.sleep(0.2)

    def _look_on(self):
        """Remember how each task ended: it must never be told otherwise."""
        while not self.over.is_set():
            rows = self._read(
                lambda: list(
                    Task.objects.filter(state="ended").values_list(
                        "pk", "status", "status_message"
                    )
                )
            )
            for pk, status, message in rows:
                self.endings.setdefault(pk, (status, message))
            time.sleep(0.5)

    # The end

    def _settle(self):
        """Wait until nothing is in progress, at most a lease and half a minute."""
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE_SECONDS:
            self._keep_workers()
            if not self._read(lambda: Task.objects.exclude(state="ended").exists()):
                break
            time.sleep(0.2)
        self.settled = time.monotonic() - begun
        if self.settled > 32:
            return [f"I1 it took {self.settled:.0f} s until everything had ended"]
        time.sleep(3)  # what runs left behind is given a few seconds
        return []

    def _still_works(self):
        """A launch after all that is a launch like any other."""
        pk = self._launch(0, "after-all", random.Random(0))
        instance = pk and self._read(lambda: Instance.objects.get(pk=pk))
        if not instance or instance.status != "Available":
            said = instance.status_message if instance else "nothing"
            return [f"I10 a launch after the campaign came to {said}"]
        return []

    def report(self):
        """The kills so far, and what went on meanwhile."""
        tasks = self._read(
            lambda: Counter(Task.objects.values_list("status", flat=True))
        )
        kinds = ", ".join(f"{n} {kind}" for kind, n in self.kills.most_common())
        applies = len(self.cloud.applies)
        return f"{self.kills.total()} kills ({kinds}), tasks {dict(tasks)}, {applies} applies"


def children_of(pid):
    """The processes a process has started and that live."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]
