"""Limits of failed sign-ins across the processes of a real server."""

import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from django.conf import settings

from tests import waiting

pytestmark = pytest.mark.process
PROCESSES = 4
ATTEMPTS = 50


@pytest.fixture
def address(tmp_path_factory):
    """The URL of four web processes with one database and no proxy."""
    environment = os.environ | {
        "CONSOLE_DATA_DIR": str(tmp_path_factory.mktemp("limits")),
        "DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "console.settings",
    }

    def manage(*words):
        subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=settings.BASE_DIR,
            env=environment,
            check=True,
            capture_output=True,
        )

    manage("migrate", "--verbosity=0")
    manage("createcachetable")
    manage("collectstatic", "--no-input", "--verbosity=0")
    manage("demo")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "console.wsgi:application"),
            *(f"--bind=127.0.0.1:{port}", f"--workers={PROCESSES}", "--preload"),
        ],
        cwd=settings.BASE_DIR,
        env=environment,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(waiting.PATIENCE_SECONDS)


def wait_for(address):
    waiting.wait_for(lambda: answers(address))


def answers(address):
    try:
        return requests.get(f"{address}/healthz", timeout=60).ok
    except requests.RequestException:
        return False


def attempt(address, name, number, password="wrong"):
    """Make one failed sign-in with a random address in every forwarded header."""
    told = f"10.{number}.{number}.{number}"
    browser = requests.Session()
    browser.headers = {
        "X-Forwarded-For": told,
        "X-Real-IP": told,
        "Forwarded": f"for={told}",
        "Connection": "close",
    }
    page = browser.get(
        f"{address}/accounts/login/", timeout=waiting.PATIENCE_SECONDS
    ).text
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page)[1]
    fields = {"login": name, "password": password, "csrfmiddlewaretoken": token}
    answer = browser.post(
        f"{address}/accounts/login/", fields, timeout=waiting.PATIENCE_SECONDS
    )
    return answer.text


def tried(address, name_of):
    """Return how many concurrent attempts were checked instead of throttled."""
    with ThreadPoolExecutor(8) as pool:
        pages = pool.map(lambda n: attempt(address, name_of(n), n), range(ATTEMPTS))
        return sum("not correct" in page for page in pages)


def test_concurrent_attempts_do_not_exceed_the_limit_of_the_account(address):
    assert 1 <= tried(address, lambda n: "alice") <= 5
    assert "Too many" in attempt(address, "alice", 99, password="catalog-demo")


def test_concurrent_attempts_do_not_exceed_the_limit_of_the_address(address):
    assert 1 <= tried(address, lambda n: f"somebody-{n}") <= 10
