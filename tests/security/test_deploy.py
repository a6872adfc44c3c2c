"""The settings of production, in a process with a clean environment."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from console.lib.encryption import generate_key
from console.settings import database

PRODUCTION = {
    "CONSOLE_ALLOWED_HOSTS": "catalog.example.com",
    "CONSOLE_HTTPS": "1",
    "DJANGO_SETTINGS_MODULE": "console.settings",
}


def manage(tmp_path, *arguments, **environment):
    kept = {"PATH": os.environ["PATH"], "CONSOLE_DATA_DIR": str(tmp_path)}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.process
def test_production_settings_pass_the_system_checks(tmp_path):
    told = manage(
        tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION
    )
    assert told.returncode == 0, told.stderr
    assert "0 silenced" in told.stdout + told.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("CONSOLE_ALLOWED_HOSTS", "*", "console.E001"),
        ("CONSOLE_ALLOWED_HOSTS", "localhost", "console.W001"),
        ("CONSOLE_ALLOW_UNSANDBOXED", "1", "console.W002"),
        ("CONSOLE_DEBUG", "1", "security.W018"),
        ("CONSOLE_HTTPS", "0", "security.W004"),
        ("DATABASE_URL", "postgres://a:b@db.example.com/c", "console.W003"),
        (
            "DATABASE_URL",
            "postgres://a:b@db.example.com/c?sslmode=require",
            "console.W003",
        ),
    ],
)
def test_unsafe_settings_are_named(tmp_path, name, value, code):
    if name == "DATABASE_URL":
        pytest.importorskip("psycopg", reason="needs the extra [postgres]")
    # With a key, nobody asks the database whether it is new.
    changed = PRODUCTION | {"CONSOLE_ENCRYPTION_KEYS": generate_key(), name: value}
    told = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **changed)
    assert told.returncode != 0
    assert code in told.stderr


def test_the_connection_to_postgresql_can_use_tls():
    found = database(
        "postgres://a:b@db:5432/c?sslmode=verify-full&sslrootcert=/etc/ca.pem"
        "&sslcert=/etc/console.pem&sslkey=/etc/console.key"
    )
    wanted = {
        "sslmode": "verify-full",
        "sslrootcert": "/etc/ca.pem",
        "sslcert": "/etc/console.pem",
        "sslkey": "/etc/console.key",
    }
    assert wanted.items() <= found["OPTIONS"].items()
    assert found["NAME"] == "c"
    assert not wanted.keys() & database("postgres://a:b@db/c")["OPTIONS"].keys()


@pytest.mark.parametrize("query", ["sslmod=require", "options=-c", "x", "host=evil"])
def test_unknown_options_of_the_database_url_are_refused(query):
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        database(f"postgres://a:b@db/c?{query}")


@pytest.mark.process
def test_debug_is_off_by_default(tmp_path):
    told = manage(
        tmp_path, "shell", "-c", "from django.conf import settings as s; print(s.DEBUG)"
    )
    assert told.stdout.strip().endswith("False")


@pytest.mark.parametrize(
    "path",
    [
        *("/.git/config", "/.git/HEAD", "/static/", "/static/css/", "/manage.py"),
        *(
            "/console/settings.py",
            "/.data/console.sqlite3",
            "/.env",
            "/static/../manage.py",
        ),
        *(
            "/console.sqlite3",
            "/secret_key",
            "/-/",
            "/README.md",
            "/static/%2e%2e/manage.py",
        ),
    ],
)
def test_nothing_but_pages_and_static_files_is_served(db, admin, path):
    client = Client()
    client.force_login(admin)
    assert client.get(path).status_code == 404
