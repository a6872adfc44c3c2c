"""A real server with its worker, and a real browser. Run alone: `pytest tests/e2e`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.requirements import missing
from tests.waiting import PATIENCE_SECONDS, wait_for

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = (
    os.environ.get("CHROMIUM")
    or shutil.which("chromium-headless-shell")
    or shutil.which("chromium")
)
PASSWORD = "catalog-demo"
# A page answers long before, also on a loaded machine.
PAGE_MS = 60_000
# A 422 is how a refused form answers, a 403 how a stale token, a 404 what a missing page is:
# Chromium calls them errors.
EXPECTED = tuple(f"status of {code}" for code in (403, 404, 409, 422))


@pytest.fixture(scope="session")
def site_data(tmp_path_factory):
    """The data directory of the site."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="session")
def site(site_data):
    """`manage.py serve --demo`, as the README starts it, on a free port; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--demo", f"--port={port}"],
        cwd=ROOT,
        env=os.environ | {"CONSOLE_DATA_DIR": str(site_data)},
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(address, server)
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(PATIENCE_SECONDS)


def wait_until_ready(address, server):
    def ready():
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=60) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    wait_for(ready)


@pytest.fixture(scope="session")
def chromium():
    if not CHROMIUM:
        missing("no Chromium: apt-get install chromium-headless-shell, or set CHROMIUM")
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        missing("Playwright is not installed: pip install -e '.[browser]'")
    expect.set_options(timeout=PAGE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, site):
    """Give pages in contexts of their own; each must end without a problem in its console."""
    opened = []

    def open_one(**options):
        # Colours are judged at their end, not on their way there.
        calm = {"locale": "en", "reduced_motion": "reduce"}
        context = chromium.new_context(base_url=site, **calm, **options)
        context.set_default_timeout(PAGE_MS)
        page = context.new_page()
        problems = []
        page.on(
            "console",
            lambda message: (
                problems.append(message.text)
                if message.type in ("error", "warning")
                and not any(text in message.text for text in EXPECTED)
                else None
            ),
        )
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda request: (
                problems.append(f"off origin: {request.url}")
                if not request.url.startswith((site, "blob:"))
                else None
            ),
        )
        opened.append((context, problems))
        return page

    yield open_one
    for context, problems in opened:
        context.close()
        assert problems == []


def send(page, button):
    """Press a button that sends a form, and wait for the page that follows.

    Leaving earlier drops the request. Requests that the page makes meanwhile are no answer.
    """
    with page.expect_navigation():
        button.click()


@pytest.fixture
def sign_in(open_page):
    """Sign somebody in and give their page."""

    def enter(username, **options):
        page = open_page(**options)
        page.goto("/accounts/login/")
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password", exact=False).first.fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(lambda url: "/accounts/login" not in url)
        return page

    return enter
