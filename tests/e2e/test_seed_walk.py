"""The vendor's page *Manage product instances*, walked step by step with its own addresses.

Its words are in single quotes where a step repeats them. Nothing is added to an address: a
query or a fragment more, and a browser may load what it otherwise only scrolls to.
"""

import re
import uuid

import pytest

from tests.e2e.test_journey import (
    RUN_MS,
    SECRET,
    confirm,
    fill_launch_form,
    open_web_service,
    parameter,
    wait_for_status,
)

expect = pytest.importorskip("playwright.sync_api").expect

INFORMATION = (
    *("Product instance ID", "Instance status", "Owner", "Created time"),
    *("Product name", "Version name", "Product ID", "Version ID"),
    *("Stack region", "Resource stack ID"),
)
TABS = {
    "Tasks": (
        *("Task ID", "Task Type", "Version name", "Version ID"),
        *("Created time", "Task status"),
    ),
    "Resources": (
        *("Resource Name/Resource Type", "Resource ID", "Resource status"),
        "Description",
    ),
    "Tags": ("Key", "Value"),
    "Plans": (
        *("PlanID", "OperationType", "PlanName", "Owner"),
        *("PlanStatus", "Description"),
    ),
}


def path(page):
    return re.sub(r"^https?://[^/]+", "", page.url)


def mark(page):
    """Leave something in the page that is gone when the page is loaded anew."""
    page.evaluate("window.marked = true")


def marked(page):
    return page.evaluate("window.marked === true")


def heads(page):
    return [
        each.strip() for each in page.locator("#instance-tabs th").all_inner_texts()
    ]


def open_instances(page, access):
    """'In the left-side navigation pane, click Instances', and select the access filter."""
    page.locator("#nav").get_by_role("link", name="Instances", exact=True).click()
    page.wait_for_url("**/instances/")
    if access == "Account":
        page.get_by_label("Access filter").select_option(label="Account")
        page.wait_for_url("**/instances/?access=account")
    return path(page)


@pytest.fixture
def instance(sign_in):
    """An end user's instance with a tag and a plan; its name and its page's address."""
    page = sign_in("alice")
    name = f"seed-{uuid.uuid4().hex[:6]}"
    open_web_service(page)
    page.get_by_text("Custom tags", exact=True).click()
    page.get_by_label("Key of tag 1").fill("team")
    page.get_by_label("Value of tag 1").fill("shop")
    fill_launch_form(page, name)
    confirm(page, "Launch")
    page.wait_for_url("**/instances/pp-*/")
    wait_for_status(page, "Available")
    address = re.match(r"/instances/pp-\w+/", path(page))[0]
    page.goto(f"{address}update/")
    parameter(page, "Number of servers").fill("5")
    page.get_by_role("button", name="Next").last.click()
    page.wait_for_url("**/review/?plan=*")
    page.locator("#plan-form").get_by_label("Name").fill(f"Five for {name}")
    page.get_by_role("button", name="Create plan").click()
    page.wait_for_url("**/plans/plan-*/")
    return name, address


def test_view_information_about_a_product_instance(sign_in, instance):
    name, address = instance
    # 1. 'Log on to the Service Catalog console as the administrator.'
    page = sign_in("admin")
    # 2. and 3.
    assert open_instances(page, "Account") == "/instances/?access=account"
    # 4. 'Click the name of the product instance whose information you want to query.'
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(f"**{address}")
    section = page.get_by_role("region", name="Product instance information")
    for label in INFORMATION:
        expect(section.get_by_text(label, exact=True)).to_be_visible()
    tabs = page.get_by_role("navigation", name="Instance sections")
    for tab, columns in TABS.items():
        mark(page)
        tabs.get_by_role("link", name=re.compile(f"^{tab}")).click()
        page.wait_for_url(f"**{address}{tab.lower()}/")
        expect(tabs.locator("[aria-current]")).to_have_text(re.compile(tab))
        assert marked(page), f"{tab} loaded the whole page"
        expect(page).to_have_title(re.compile(f"^{tab} · {name} "))
        expect(page.locator("#instance-tabs")).to_contain_text(columns[0])
        assert tuple(heads(page))[: len(columns)] == columns
        expect(tabs.locator("[aria-current]")).to_be_focused()
    expect(page.get_by_role("cell", name=f"Five for {name}")).to_be_visible()
    page.go_back()
    page.wait_for_url(f"**{address}tags/")
    expect(tabs.locator("[aria-current]")).to_have_text(re.compile("Tags"))
    expect(page).to_have_title(re.compile(f"^Tags · {name} "))
    expect(tabs.locator("[aria-current]")).to_be_focused()
    page.reload()
    expect(tabs.locator("[aria-current]")).to_have_text(re.compile("Tags"))
    expect(page).to_have_title(re.compile(f"^Tags · {name} "))
    # 'Click View output to view the output information about the product instance.'
    for link, text in (
        ("View output", "https://shop.example.test/"),
        ("Parameter", "******"),
        ("Log", "load_balancer"),
    ):
        tabs.get_by_role("link", name=re.compile("^Tasks")).click()
        page.wait_for_url(f"**{address}tasks/")
        page.get_by_role("link", name=link, exact=True).first.click()
        expect(page.locator("#task-tabs")).to_contain_text(text)
        assert SECRET not in page.content()
        page.go_back()
        page.wait_for_url(f"**{address}tasks/")


def test_update_a_product_instance(sign_in, instance):
    name, address = instance
    page = sign_in("admin")
    open_instances(page, "Account")
    # 1. 'Click Update in the Operation column of the instance'
    page.get_by_role("link", name=f"Update {name}").click()
    page.wait_for_url(f"**{address}update/")
    for section in ("Launch Options", "Product version", "Parameter Settings"):
        expect(page.get_by_role("region", name=section)).to_be_visible()
    # 2. 'Modify the information … in the Parameter Settings section. Then, click Next.'
    parameter(page, "Number of servers").fill("4")
    page.get_by_role("button", name="Next").last.click()
    page.wait_for_url(f"**{address}update/review/?plan=*")
    # 3. 'Check and confirm the information in the … sections and click Update product.'
    for section in ("Product information", "Instance information", "Parameter"):
        expect(page.get_by_role("region", name=section, exact=True)).to_be_visible()
    confirm(page, "Update product")
    # 'a new task whose Task Type is Update instance is displayed on the … details page.'
    page.wait_for_url(f"**{address}")
    task = page.locator("#instance-tasks tbody tr[data-id]").first
    expect(task).to_contain_text("Update instance")
    expect(page.locator("#flash")).to_contain_text(f"{name} is being updated.")
    wait_for_status(page, "Available")
    expect(page.locator("#flash")).not_to_contain_text("is being updated")


@pytest.mark.parametrize(
    ("username", "access", "listed"),
    [
        ("admin", "Account", "/instances/?access=account"),
        ("alice", "User", "/instances/"),
    ],
)
def test_terminate_a_product_instance(sign_in, instance, username, access, listed):
    name, address = instance
    page = sign_in(username)
    assert open_instances(page, access) == listed
    # 1. 'Find the product instance … and click Terminate in the Operation column.'
    page.get_by_role("link", name=f"Terminate {name}").click()
    # 2. 'In the Terminate product instance dialog box, enter terminate and click …'
    dialog = page.get_by_role("dialog", name="Terminate product instance")
    dialog.get_by_role("textbox").fill("terminate")
    with page.expect_navigation():
        dialog.get_by_role("button", name="Terminate Instance").click()
    expect(dialog).to_have_count(0)
    assert path(page) in (listed, f"{listed}#instances")
    expect(page.locator("#flash")).to_contain_text(
        f"Termination of {name} has started."
    )
    expect(page.locator("#flash")).to_be_focused()
    # 'the product instance is removed from the product instance list'
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(
        0, timeout=RUN_MS
    )
    expect(page.locator("#flash")).not_to_contain_text("has started")
    # 'and you cannot manage the product instance'
    page.goto(address)
    for action in ("Update", "Terminate"):
        expect(page.get_by_role("link", name=action, exact=True)).to_have_count(0)
