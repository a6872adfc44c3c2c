"""Alice launches a web service, watches it, updates it and terminates it."""

import re
import uuid

import pytest

from tests.e2e.conftest import send
from tests.waiting import wait_for

expect = pytest.importorskip("playwright.sync_api").expect
SECRET = "correct-horse-battery"
RUN_MS = 300_000


def parameter(page, label):
    return page.get_by_label(label, exact=False).first


def fill_launch_form(page, name):
    page.get_by_label("Product instance name").fill(name)
    parameter(page, "Number of servers").fill("3")
    parameter(page, "Administrator password").fill(SECRET)
    page.get_by_role("button", name="Next").last.click()


def open_web_service(page):
    page.goto("/products/")
    page.get_by_role("link", name="Web service", exact=True).click()
    page.get_by_role("link", name="Launch product").first.click()


def launch(page, name):
    open_web_service(page)
    fill_launch_form(page, name)
    expect(page.locator("#plan-preview")).to_contain_text("7", timeout=RUN_MS)
    assert SECRET not in page.content()
    confirm(page, "Launch")
    expect(page).to_have_url(re.compile(r"/instances/pp-"))


def confirm(page, name):
    """Press the review's button as soon as the check of resource changes lets it be pressed."""
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_be_enabled(timeout=RUN_MS)
    button.click()


def confirm_without_javascript(page, name):
    button = page.get_by_role("button", name=name, exact=True)

    def enabled():
        if not button.is_enabled():
            page.get_by_role("link", name="Refresh").click()
        return button.is_enabled()

    wait_for(enabled)
    button.click()


def wait_for_status(page, status):
    expect(page.locator(f"[data-status={status}]").first).to_be_visible(timeout=RUN_MS)


def terminate(page, name):
    page.get_by_role("link", name="Terminate").first.click()
    page.get_by_label(re.compile("terminate", re.I)).last.fill(" Terminate ")
    with page.expect_navigation():
        page.get_by_role("button", name="Terminate Instance").click()


def test_launch_watch_update_and_terminate(sign_in):
    page = sign_in("alice")
    name = f"shop-{uuid.uuid4().hex[:6]}"
    launch(page, name)
    wait_for_status(page, "Available")
    assert SECRET not in page.content()
    instance = page.url.split("/tasks/")[0].rstrip("/")

    page.goto(f"{instance}/resources/")
    expect(page.get_by_role("main")).to_contain_text("load_balancer")
    page.goto(f"{instance}/tasks/")
    page.get_by_role("link", name="View output").first.click()
    expect(page.get_by_role("main")).to_contain_text("https://shop.example.test/")
    assert SECRET not in page.content()

    page.goto(f"{instance}/update/")
    parameter(page, "Number of servers").fill("4")
    page.get_by_role("button", name="Next").last.click()
    expect(page.get_by_role("main")).to_contain_text("Number of servers")
    confirm(page, "Update product")
    expect(page).to_have_url(re.compile(r"/instances/pp-"))
    wait_for_status(page, "Available")
    page.goto(f"{instance}/tasks/")
    expect(page.get_by_role("main")).to_contain_text("Update instance")

    page.goto(instance)
    terminate(page, name)
    page.goto("/instances/")
    expect(page.get_by_role("main")).not_to_contain_text(name, timeout=RUN_MS)


def test_the_same_journey_without_javascript(sign_in):
    page = sign_in("bob", java_script_enabled=False)
    name = f"plain-{uuid.uuid4().hex[:6]}"
    open_web_service(page)
    fill_launch_form(page, name)
    confirm_without_javascript(page, "Launch")
    instance = page.url.split("/tasks/")[0].rstrip("/")
    until(page, instance, "Available")
    page.goto(f"{instance}/update/")
    parameter(page, "Number of servers").fill("1")
    page.get_by_role("button", name="Next").last.click()
    confirm_without_javascript(page, "Update product")
    until(page, instance, "Available")
    page.goto(f"{instance}/terminate/")
    page.get_by_label(re.compile("terminate", re.I)).last.fill("terminate")
    send(page, page.get_by_role("button", name="Terminate Instance"))
    wait_for(lambda: name not in page.goto("/instances/").text())


def until(page, instance, status):
    def there():
        page.goto(instance)
        return page.locator(f"[data-status={status}]").count()

    wait_for(there)


def test_an_administrator_manages_what_somebody_else_launched(sign_in):
    alice = sign_in("alice")
    name = f"left-{uuid.uuid4().hex[:6]}"
    launch(alice, name)
    wait_for_status(alice, "Available")

    admin = sign_in("admin")
    admin.goto("/instances/")
    expect(admin.get_by_role("main")).not_to_contain_text(name)
    admin.get_by_label("Access filter").select_option("account")
    expect(admin).to_have_url(re.compile("access=account"))
    admin.get_by_role("link", name=name, exact=True).click()
    wait_for_status(admin, "Available")
    terminate(admin, name)
    alice.goto("/instances/")
    expect(alice.get_by_role("main")).not_to_contain_text(name, timeout=RUN_MS)


def test_wrong_values_come_back_beside_their_field(sign_in):
    page = sign_in("alice")
    open_web_service(page)
    page.get_by_label("Product instance name").fill("wrong")
    parameter(page, "Number of servers").fill("99")
    parameter(page, "Administrator password").fill(SECRET)
    page.get_by_role("button", name="Next").last.click()
    expect(page.get_by_role("main")).to_contain_text(
        "Choose a whole number of servers from 1 to 20."
    )
    assert SECRET not in page.content()
    expect(parameter(page, "Number of servers")).to_have_value("99")
