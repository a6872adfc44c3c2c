"""Mail and the cache are away (F33), clocks disagree (F28): the main flow works all the same."""

import os
import shutil
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from instances.models import Task
from tests.factories import InstanceFactory, TaskFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_sign_in_without_the_cache_is_never_let_through_uncounted(client, alice):
    """The limits are in the cache's table: while it is away, nobody can guess passwords."""
    alice.set_password("right-password-1")
    alice.save()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE console_cache RENAME TO console_cache_away")
    try:
        away = Client(raise_request_exception=False)
        answer = away.post(
            "/accounts/login/", {"login": "alice", "password": "right-password-1"}
        )
        assert answer.status_code >= 500
        assert not answer.wsgi_request.user.is_authenticated
        # Whoever is signed in goes on working.
        client.force_login(alice)
        for page in ("/products/", "/instances/", "/plans/"):
            assert client.get(page).status_code == 200, page
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE console_cache_away RENAME TO console_cache")


SKEWED = """
import json
from instances.models import Task
task = Task.objects.claim("skewed", "other-host")
print(json.dumps(task and task.pk))
"""


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="hosts share no SQLite: one clock"
)
@pytest.mark.parametrize("skew", ["+2h", "-2h", "+20m", "-1h"])
def test_a_worker_whose_clock_is_wrong_takes_nothing_that_is_held(alice, install, skew):
    """A lease is measured by the database's clock, whatever a host believes."""
    if not shutil.which("faketime"):
        if os.environ.get("CI"):
            pytest.fail("CI needs faketime", pytrace=False)
        pytest.skip("no faketime on PATH")
    task = TaskFactory(instance=InstanceFactory(owner=alice))
    held = Task.objects.claim("ours", "this-host")
    values = connection.settings_dict
    site = install(
        DATABASE_URL=f"postgres://{values['USER']}:{values['PASSWORD']}@{values['HOST']}"
        f":{values['PORT']}/{values['NAME']}"
    )
    done = subprocess.run(
        [
            "faketime",
            "-f",
            skew,
            sys.executable,
            "manage.py",
            "shell",
            "-v0",
            "-c",
            SKEWED,
        ],
        cwd=site.root,
        env=site.environment
        | {"CONSOLE_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "null", done.stderr
    task.refresh_from_db()
    assert (task.epoch, task.worker) == (held.epoch, "ours")


def test_durations_are_never_negative_when_a_clock_was_set_back(alice):
    task = TaskFactory(
        instance=InstanceFactory(owner=alice),
        state="running",
        started_at=now() + timedelta(hours=2),
    )
    assert task.seconds >= 0
