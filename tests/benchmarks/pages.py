"""Benchmark of the instance list and detail with a growing table: CPU time, queries, bytes.

python -m tests.benchmarks.pages [ROWS ...] (default 1000 100000)
"""

import gzip
import os
import statistics
import sys
import tempfile
import time
import uuid
from datetime import timedelta

PAGES = {
    "list, account": "/instances/?access=account",
    "list, filtered": "/instances/?access=account&status=Error",
    "list, name": "/instances/?access=account&q=instance-77",
    "list, own": "/instances/",
}
ROUNDS = 15


def fill(rows: int) -> str:
    from django.utils.timezone import now

    from catalog.models import Product, Region, Template, Version
    from console.lib.users import Role, User
    from instances.models import Instance

    admin = User.objects.create_user("bench-admin")
    admin.groups.add(Role.objects.get(name="Administrators"))
    people = [User.objects.create_user(f"bench{n}") for n in range(100)]
    template = Template.objects.from_files(
        {"main.tf": 'variable "x" {\n default = 1\n}\n'}
    )
    products = [
        Product.objects.create(name=f"Product {n}", provider="us") for n in range(20)
    ]
    versions = [
        Version.objects.create(product=product, template=template, name="1")
        for product in products
    ]
    region = Region.objects.create(pk="cn-hangzhou", name="Hangzhou")
    begun = now()
    for start in range(0, rows, 5000):
        Instance.objects.bulk_create(
            Instance(
                name=f"instance-{number}",
                product=versions[number % 20].product,
                version=versions[number % 20],
                region=region,
                owner=people[number % 100] if number % 500 else admin,
                status="Error" if number % 50 == 0 else "Available",
                stack_id=uuid.uuid4(),
                created_at=begun - timedelta(seconds=number),
            )
            for number in range(start, min(start + 5000, rows))
        )
    return Instance.objects.filter(owner=admin).values_list("pk", flat=True)[0]


def measure(rows: int) -> None:
    from django.core.management import call_command

    call_command("flush", interactive=False, verbosity=0)
    make_administrators()
    pk = fill(rows)
    time_pages(rows, "bench-admin", {**PAGES, "detail": f"/instances/{pk}/"})


def make_administrators() -> None:
    """Create the group of administrators, which a flush has removed."""
    from django.contrib.auth.models import Permission

    from console.demo import ADMINISTRATORS
    from console.lib.users import Role

    role, _ = Role.objects.get_or_create(name=ADMINISTRATORS)
    role.permissions.set(Permission.objects.filter(codename="administer"))


def time_pages(rows: int, username: str, pages: dict[str, str]) -> None:
    """Print CPU time, queries and bytes of each page for a user."""
    from django.db import connection
    from django.test import Client

    from console.lib.users import User

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client()
    client.force_login(User.objects.get(username=username))
    for label, url in pages.items():
        queries: list[str] = []

        def note(execute, sql, params, many, context, queries=queries):
            queries.append(sql)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            answer = client.get(url)
        assert answer.status_code == 200, (url, answer.status_code)
        times = []
        for _ in range(ROUNDS):
            begun = time.process_time()
            client.get(url)
            times.append((time.process_time() - begun) * 1000)
        print(
            f"{rows:>9} rows  {label:<22} {statistics.median(times):7.1f} ms"
            f"  {len(queries):2} queries"
            f"  {len(gzip.compress(answer.content)) / 1000:5.1f} kB gzipped",
            flush=True,
        )


def begin() -> None:
    """Set Django up with an empty SQLite database."""
    os.environ["CONSOLE_DATA_DIR"] = tempfile.mkdtemp()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    import django
    from django.conf import settings

    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    django.setup()
    settings.ALLOWED_HOSTS = ["testserver"]
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def benchmark_pages(sizes: list[int]) -> None:
    begin()
    for rows in sizes:
        measure(rows)


if __name__ == "__main__":
    benchmark_pages([int(text) for text in sys.argv[1:]] or [1000, 100_000])
