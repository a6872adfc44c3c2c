"""Bob asks, Carol approves what will run, Bob executes exactly that; and the stale case."""

import re
import uuid

import pytest

from tests.e2e.conftest import send
from tests.e2e.test_journey import confirm

expect = pytest.importorskip("playwright.sync_api").expect
RUN_MS = 300_000


def wait_for_status(page, status):
    expect(page.locator(f"[data-status={status}]").first).to_be_visible(timeout=RUN_MS)


def create_plan(page, name):
    """Fill the plan form on a review page and go to the plan."""
    page.get_by_label(re.compile("name", re.I)).last.fill(name)
    page.get_by_role("button", name="Create plan").click()
    expect(page).to_have_url(re.compile(r"/plans/plan-"))
    return page.url


def ask_for_a_launch(page, name):
    page.goto("/products/")
    page.get_by_role("link", name="Production database", exact=True).click()
    page.get_by_role("link", name="Launch product").first.click()
    page.get_by_label("Product instance name").fill(name)
    page.get_by_role("button", name="Next").last.click()
    page.wait_for_url(re.compile("/review/"))
    expect(page.get_by_role("button", name="Launch", exact=True)).to_have_count(0)
    return create_plan(page, f"{name} please")


def test_a_launch_is_asked_for_approved_and_executed(sign_in):
    name = f"prod-{uuid.uuid4().hex[:6]}"
    bob = sign_in("bob")
    address = ask_for_a_launch(bob, name)
    wait_for_status(bob, "ApplicationInProgress")
    expect(bob.get_by_role("button", name="Approve")).to_have_count(0)
    expect(bob.get_by_role("button", name="Execute")).to_have_count(0)

    carol = sign_in("carol")
    carol.goto("/plans/")
    carol.get_by_role("link", name="Received requests").click()
    carol.get_by_role("link", name=f"{name} please").first.click()
    carol.get_by_label("Comment").fill("Enough room in the budget")
    carol.get_by_role("button", name="Approve").click()
    wait_for_status(carol, "ApplicationApproved")

    bob.goto(address)
    expect(bob.get_by_role("main")).to_contain_text("Enough room in the budget")
    send(bob, bob.get_by_role("button", name="Execute"))
    bob.goto("/instances/")
    bob.get_by_role("link", name=name, exact=True).click()
    wait_for_status(bob, "Available")
    bob.goto(address)
    wait_for_status(bob, "ExecuteSuccess")


def test_a_plan_whose_instance_changed_is_stale(sign_in):
    page = sign_in("alice")
    name = f"stale-{uuid.uuid4().hex[:6]}"
    page.goto("/products/")
    page.get_by_role("link", name="Database", exact=True).click()
    page.get_by_role("link", name="Launch product").first.click()
    page.get_by_label("Product instance name").fill(name)
    page.get_by_role("button", name="Next").last.click()
    page.wait_for_url(re.compile("/review/"))
    confirm(page, "Launch")
    page.wait_for_url(re.compile("/instances/pp-"))
    wait_for_status(page, "Available")
    instance = re.sub(r"(/instances/[^/]+/).*", r"\1", page.url)

    review_change(page, instance, "25")
    address = create_plan(page, "grow to 25")
    wait_for_status(page, "PreviewSuccess")
    review_change(page, instance, "30")
    confirm(page, "Update product")
    page.wait_for_url(re.compile("/instances/pp-"))
    wait_for_status(page, "Available")

    page.goto(address)
    expect(page.get_by_role("main")).to_contain_text("out of date")
    expect(page.get_by_role("button", name="Execute")).to_have_count(0)
    page.get_by_role("button", name="Preview again").first.click()
    wait_for_status(page, "PreviewSuccess")
    send(page, page.get_by_role("button", name="Execute"))
    page.goto(address)
    wait_for_status(page, "ExecuteSuccess")


def review_change(page, instance, size):
    page.goto(f"{instance}update/?new=1")
    page.get_by_label("Storage").first.fill(size)
    page.get_by_role("button", name="Next").last.click()
    page.wait_for_url(re.compile("/review/"))
