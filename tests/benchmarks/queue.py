"""Benchmark of the queue: claims, the list page, the start of a launch, the end of a worker.

    python -m tests.benchmarks.queue [TASKS]

There are TASKS (10,000) waiting tasks of 50 users. DATABASE_URL selects the database,
which must be empty; without it a new SQLite file is used.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PEOPLE = 50
CLAIMS = 1000
LAUNCHES = 20
ROOT = Path(__file__).parents[2]


def prepare() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings"
    os.environ["CONSOLE_DATA_DIR"] = tempfile.mkdtemp(prefix="queue-")
    # The stand-in for Terraform: what is measured is ours.
    os.environ["CONSOLE_TERRAFORM_BIN"] = str(ROOT / "tests" / "faults" / "terraform")
    os.environ["CONSOLE_ALLOWED_HOSTS"] = "127.0.0.1,testserver"
    os.environ["CONSOLE_HTTPS"] = "0"
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        }
    }
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def ask(version, people, count):
    """Create this many waiting tasks, each with its position in the queue."""
    from instances.models import Instance, Task
    from tests.factories import RegionFactory

    region = RegionFactory()
    instances = [
        Instance(
            name=f"queued-{number}",
            version=version,
            product=version.product,
            region=region,
            owner=people[number % len(people)],
            status="UnderChange",
        )
        for number in range(count)
    ]
    Instance.objects.bulk_create(instances, batch_size=500)
    Task.objects.bulk_create(
        [
            Task(
                instance=instance,
                version=version,
                kind=Task.Kind.LAUNCH,
                created_by=instance.owner,
                turn=number // len(people),
            )
            for number, instance in enumerate(instances)
        ],
        batch_size=500,
    )


def claim(count):
    """Measure the claims per second and how evenly they are distributed over users."""
    from instances.models import Task

    begun, cpu = time.perf_counter(), time.process_time()
    taken = [Task.objects.claim("w", "h") for _ in range(count)]
    rate = count / (time.perf_counter() - begun)
    # What others do on the machine does not show in this one.
    cost = (time.process_time() - cpu) / count * 1000
    served = Counter(task.created_by_id for task in taken)
    print(
        f"claims                       {rate:7.0f} a second, {cost:.1f} ms of CPU each"
    )
    print(
        f"served, most and least       {max(served.values())} and {min(served.values())}"
    )


def pages(admin):
    """Measure the list with all waiting tasks."""
    from django.test import Client
    from django.urls import reverse

    client = Client()
    client.force_login(admin)
    address = reverse("instances:instance-list")
    times, cpu = [], time.process_time()
    for _ in range(40):
        begun = time.perf_counter()
        assert client.get(address).status_code == 200
        times.append((time.perf_counter() - begun) * 1000)
    cost = (time.process_time() - cpu) / len(times) * 1000
    print(
        f"instance list, p95           {p95(times):7.0f} ms, {cost:.0f} ms of CPU each"
    )


def enqueue(version, person):
    """Measure a launch with a full queue."""
    from instances.models import Instance, ProvisioningSpec
    from tests.factories import RegionFactory

    times = []
    for number in range(40):
        begun = time.perf_counter()
        spec, region = ProvisioningSpec(version, None), RegionFactory()
        Instance.objects.launch(spec, name=f"more-{number}", region=region, by=person)
        times.append((time.perf_counter() - begun) * 1000)
    print(f"launch, button to row, p95   {p95(times):7.0f} ms")


def worker():
    return subprocess.Popen(
        [sys.executable, "manage.py", "work"],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )


def wait(condition):
    while not condition():
        time.sleep(0.005)


def starts(version, person):
    """Measure the time from the button to the claim and to the first log line."""
    from instances.models import Heartbeat, Instance, ProvisioningSpec, Task
    from tests.factories import RegionFactory

    process, taken, spoke = worker(), [], []
    wait(lambda: Heartbeat.objects.exists())
    time.sleep(1)
    for number in range(LAUNCHES):
        begun = time.time()
        spec, region = ProvisioningSpec(version, None), RegionFactory()
        task = Instance.objects.launch(
            spec, name=f"start-{number}", region=region, by=person
        )
        rows = Task.objects.filter(pk=task.pk)
        wait(lambda rows=rows: rows.exclude(stage="").exists())
        spoke.append((time.time() - begun) * 1000)
        wait(lambda rows=rows: rows.filter(state="ended").exists())
        row = rows.get()
        taken.append((row.started_at.timestamp() - begun) * 1000)
    print(f"button to claim, p95         {p95(taken):7.0f} ms")
    print(f"button to first line, p95    {p95(spoke):7.0f} ms")
    return process


def truth(version, person, process, victims):
    """Measure the time from SIGKILL of a worker to a correct status, with a lease of 30 seconds."""
    from instances.models import Instance, ProvisioningSpec, Task
    from tests.factories import RegionFactory

    region = RegionFactory()
    region.credentials = {"SHIM_SLEEP": "apply 600"}
    region.save()
    task = Instance.objects.launch(
        ProvisioningSpec(version, None),
        name=f"killed-{victims}",
        region=region,
        by=person,
    )
    rows = Task.objects.filter(pk=task.pk)
    wait(lambda: rows.filter(stage="apply").exists())
    launcher = int(Path(rows.get().run_directory, "pid").read_text().split()[0])
    begun = time.time()
    os.killpg(launcher, signal.SIGKILL)
    if victims == "worker and run":
        process.kill()
        process.wait()
        process = worker()
    wait(lambda: rows.filter(state="ended").exists())
    print(f"{victims} killed, to the truth  {time.time() - begun:5.1f} s")
    return process


def benchmark_queue(count: int) -> None:
    prepare()
    from instances.models import Instance, Task
    from tests.factories import AdministratorFactory, UserFactory, VersionFactory

    admin, version = AdministratorFactory(), VersionFactory()
    people = [UserFactory() for _ in range(PEOPLE)]
    ask(version, people, count)
    pages(admin)
    enqueue(version, people[0])
    claim(min(CLAIMS, count))
    Task.objects.all().delete()
    Instance.objects.all().delete()
    process = starts(version, people[0])
    try:
        process = truth(version, people[0], process, "run")
        process = truth(version, people[0], process, "worker and run")
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    benchmark_queue(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
