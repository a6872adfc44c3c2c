"""A launch is killed while it changes resources; its owner sees what is true and goes on."""

import os
import re
import signal
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.test_journey import confirm, confirm_without_javascript
from tests.waiting import wait_for

expect = pytest.importorskip("playwright.sync_api").expect
RUN_MS = 300_000
SHOTS = os.environ.get("SCREENSHOTS")


def launch_cluster(page, name, confirm=confirm):
    """Launch the slow product, and give the address of its instance."""
    page.goto("/products/")
    page.get_by_role("link", name="Container cluster", exact=True).click()
    page.get_by_role("link", name="Launch product").first.click()
    page.get_by_label("Product instance name").fill(name)
    page.get_by_label("Seconds per step").first.fill("4")
    page.get_by_role("button", name="Next").last.click()
    page.wait_for_url(re.compile("/review/"))
    confirm(page, "Launch")
    page.wait_for_url(re.compile("/instances/pp-"))
    return re.sub(r"(/instances/[^/]+/).*", r"\1", page.url)


def kill_while_applying(data):
    """`kill -9` of launcher, Terraform and its children while a second resource is made."""
    for process in wait_for(lambda: processes_applying(data)):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def processes_applying(data):
    """Return the processes of a run that made a resource and has begun to make another."""
    for directory in (data / "runs").glob("task-*"):
        log, pid = directory / "events.jsonl", directory / "pid"
        if log.exists() and pid.exists():
            _, made, after = log.read_bytes().partition(b"Creation complete")
            if made and b'"type":"apply_start"' in after:
                return list(session_of(int(pid.read_text().split()[0])))
    return []


def session_of(leader):
    """The processes of a run, which has a session of its own."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            yield int(stat.parent.name)


def shoot(page, name):
    """Keep a picture of the page in both schemes and sizes, when a folder is given."""
    if not SHOTS:
        return
    for width, height in ((1440, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png", full_page=True)


def test_an_interrupted_launch_is_retried_from_where_it_was(sign_in, site_data):
    page = sign_in("alice")
    instance = launch_cluster(page, f"cut-{uuid.uuid4().hex[:6]}")
    kill_while_applying(site_data)

    left = page.locator("#task-failure")
    expect(left).to_contain_text("Interrupted while changing resources", timeout=RUN_MS)
    expect(left).to_contain_text("terraform_data.control_plane")
    expect(left).to_contain_text("These resources might exist without being recorded.")
    expect(page.locator("[data-status=Error]").first).to_be_visible()
    expect(page.locator("[data-status-unknown]")).to_have_count(0)
    for step in ("Retry from here", "Edit and retry", "Clean up"):
        expect(left.get_by_text(step, exact=True)).to_be_visible()
    shoot(page, "interrupted")

    left.get_by_role("button", name="Retry from here").click()
    expect(page).to_have_url(re.compile(r"/tasks/task-"))
    expect(page.locator("#task-progress")).to_contain_text("last worker heartbeat")
    shoot(page, "retrying")
    expect(page.locator("[data-status=Succeeded]").first).to_be_visible(timeout=RUN_MS)
    page.goto(instance)
    expect(page.locator("[data-status=Available]").first).to_be_visible()
    expect(page.locator("#task-failure")).to_have_count(0)
    page.goto(f"{instance}resources/")
    expect(page.get_by_role("main")).to_contain_text("dashboard")


def test_an_interrupted_launch_is_retried_without_javascript(sign_in, site_data):
    page = sign_in("bob", java_script_enabled=False)
    instance = launch_cluster(
        page, f"plain-{uuid.uuid4().hex[:6]}", confirm_without_javascript
    )
    kill_while_applying(site_data)
    until(page, instance, "Error")
    page.get_by_role("button", name="Retry from here").click()
    expect(page).to_have_url(re.compile(r"/tasks/task-"))
    until(page, instance, "Available")


def until(page, instance, status):
    def there():
        page.goto(instance)
        return page.locator(f"h1 [data-status={status}]").count()

    wait_for(there)
