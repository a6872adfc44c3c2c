"""The data of version 0.1.0, migrated in this process: all of it is there and goes on."""

import re
import shutil
from contextlib import contextmanager

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connections
from django.db.utils import load_backend
from django.test import Client, override_settings
from django.urls import resolve

from console.settings import database
from instances.models import Instance, Plan, Task
from tests.markup import compact
from tests.signing import Caller
from tests.upgrade.checks import FILLED, Visit, opened_columns
from tests.upgrade.stored import CENTURY, DATA, unpack

HREF = re.compile(r'href="(/[^"#]*)"')
# Pages that lead elsewhere or hand out files.
NO_PAGES = re.compile(r"/-/|/static/|.*(export\.csv|download/|/open/)")


@contextmanager
def inside(data, blocker):
    """Work with the data directory of an installation, as its processes would."""
    values = database(f"sqlite:///{data}/console.sqlite3")
    [values] = connections.configure_settings({"default": values}).values()
    ours = connections["default"]
    theirs = load_backend(values["ENGINE"]).DatabaseWrapper(values, "default")
    made = override_settings(
        DATA_DIR=data,
        SECRET_KEY=(data / "secret_key").read_text(),
        ENCRYPTION_KEYS=[(data / "encryption_keys").read_text()],
        SESSION_IDLE_MINUTES=int(CENTURY["CONSOLE_SESSION_IDLE_MINUTES"]),
        SESSION_HOURS=int(CENTURY["CONSOLE_SESSION_HOURS"]),
        PASSWORD_HASHERS=["django.contrib.auth.hashers.Argon2PasswordHasher"],
    )
    with blocker.unblock(), made:
        connections["default"] = theirs
        ContentType.objects.clear_cache()
        try:
            yield
        finally:
            theirs.close()
            connections["default"] = ours
            ContentType.objects.clear_cache()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory, django_db_blocker):
    """The stored data directory, after the first steps of `serve`; and the facts."""
    data = tmp_path_factory.mktemp("migrated")
    facts = unpack(DATA / "0.1.0.tar.gz", data)
    with inside(data, django_db_blocker):
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
    return data, facts


@pytest.fixture
def visit(migrated, tmp_path, django_db_blocker):
    """A copy of the migrated installation, which the test may change."""
    data, facts = migrated
    copy = shutil.copytree(data, tmp_path / "data")
    with inside(copy, django_db_blocker):
        yield Visit(Client, lambda name: Caller(*facts["keys"][name]), facts)


def test_every_encrypted_value_opens(visit):
    found = opened_columns()
    assert {name for name, count in found.items() if count} == FILLED


def test_sessions_go_on_and_users_sign_in_with_their_factors(visit):
    visit.check_sessions()


def test_instances_show_what_they_showed(visit):
    visit.check_instances()


def test_access_key_signs_a_call(visit):
    visit.check_script()


def test_audit_log_is_whole(visit, capsys):
    call_command("verify_audit")
    assert re.search(r"[1-9]\d* entries, chain intact", capsys.readouterr().out)


def test_waiting_plan_is_approved_and_executed(visit):
    visit.decide("waiting")
    visit.execute("waiting")
    task = Task.objects.get(state="queued")
    assert task.plan.status == Plan.Status.EXECUTE_IN_PROGRESS
    assert task.instance.name == "database-waiting"


def test_approved_plan_is_executed(visit):
    visit.execute("approved")
    assert Task.objects.get(state="queued").instance.name == "database-approved"


def test_reviewed_launch_is_launched(visit):
    visit.launch()
    assert Task.objects.get(state="queued").plan.draft
    assert Instance.objects.named("drafted").exists()


@pytest.mark.parametrize(
    ("name", "start", "seen"),
    [
        ("admin", "/instances/?access=account", "admin/instances/task/"),
        ("alice", "/instances/", "instances/<str:pk>/tasks/<str:task>/output/"),
        ("bob", "/plans/", "plans/<str:pk>/delete/"),
        ("carol", "/plans/?tab=received", "plans/<str:pk>/"),
    ],
)
def test_pages_that_a_user_can_reach_answer(visit, name, start, seen):
    """Follow the links, to one page of each kind."""
    client, known, waiting = visit.as_before(name), set(), [start]
    while waiting:
        path = waiting.pop(0)
        if NO_PAGES.match(path):
            continue
        route = resolve(path.partition("?")[0]).route
        if route in known:
            continue
        known.add(route)
        answer = client.get(path)
        assert answer.status_code in (200, 302), path
        waiting += HREF.findall(compact(answer).replace("&amp;", "&"))
    assert seen in known
