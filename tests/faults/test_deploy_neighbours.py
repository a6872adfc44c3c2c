"""Mail and the cache are away (F33), clocks disagree (F28): the main flow works all the same."""

import contextlib
import os
import shutil
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from console.doctor.data import database
from instances.models import Task
from tests.factories import InstanceFactory, TaskFactory

pytestmark = pytest.mark.django_db(transaction=True)


@contextlib.contextmanager
def cache_away():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE console_cache RENAME TO console_cache_away")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE console_cache_away RENAME TO console_cache")


def try_to_sign_in():
    fields = {"login": "alice", "password": "right-password-1"}
    return Client(raise_request_exception=False).post("/accounts/login/", fields)


@pytest.fixture
def alice_can_sign_in(alice):
    alice.set_password("right-password-1")
    alice.save()


@pytest.mark.usefixtures("alice_can_sign_in")
def test_a_sign_in_without_the_cache_is_never_let_through_uncounted(client, alice):
    """The limits are in the cache's table: while it is away, nobody can guess passwords."""
    with cache_away():
        answer = try_to_sign_in()
        assert answer.status_code == 503
        assert not answer.wsgi_request.user.is_authenticated
        # Whoever is signed in goes on working.
        client.force_login(alice)
        for page in ("/products/", "/instances/", "/plans/"):
            assert client.get(page).status_code == 200, page


@pytest.mark.usefixtures("alice_can_sign_in")
def test_without_the_cache_people_are_told_what_to_do(caplog):
    with cache_away():
        assert Client().get("/accounts/login/").status_code == 200
        answer = try_to_sign_in()
        page = answer.content.decode()
        assert "Sign-in is unavailable" in page
        assert "manage.py createcachetable" in page
        assert answer.headers["Retry-After"] == "60"
        assert answer.headers["x-acs-request-id"] in page
        assert "console_cache" in caplog.text
        assert "manage.py createcachetable" in {each.remedy for each in database()}


@pytest.mark.usefixtures("alice_can_sign_in")
def test_advice_to_users_works():
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE console_cache")
    try:
        assert try_to_sign_in().status_code == 503
    finally:
        call_command("createcachetable")
    assert try_to_sign_in().status_code == 302


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
def test_worker_with_a_wrong_clock_claims_no_held_work(alice, install, skew):
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
