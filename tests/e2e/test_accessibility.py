"""Every page, in both schemes and on a phone: no axe violation, no sideways scroll."""

import re
import uuid

import pytest

from tests.e2e.test_journey import confirm

Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe
SIZES = ({"width": 1440, "height": 900}, {"width": 390, "height": 844})
SCHEMES = ("light", "dark")


def addresses(page):
    """The pages of somebody who has launched something, failed with something, and drafts."""
    found = ["/products/", "/instances/", "/instances/?q=nothing-has-this-name"]
    page.goto("/products/")
    page.get_by_role("link", name="Data warehouse", exact=True).click()
    product = path_of(page)
    page.get_by_role("link", name="Launch product").first.click()
    page.get_by_label("Product instance name").fill(f"axe-{uuid.uuid4().hex[:6]}")
    page.get_by_role("button", name="Next").last.click()
    page.wait_for_url(re.compile("/review/"))
    review = path_of(page)
    confirm(page, "Launch")
    page.wait_for_url(re.compile("/instances/pp-"))
    page.locator("[data-status=Failed]").first.wait_for(timeout=300_000)
    instance = re.sub(r"(/instances/[^/]+/).*", r"\1", path_of(page))
    task = page.locator("a[href*='/tasks/task-']").first.get_attribute("href")
    task = re.sub(r"(task-[0-9a-z]+/).*", r"\1", task)
    found += [product, f"{product}launch/", review, instance, task]
    found += [f"{instance}{tab}/" for tab in ("resources", "tags", "plans")]
    found += [f"{instance}update/", f"{instance}terminate/"]
    found += [f"{task}{part}/" for part in ("output", "parameters", "log", "cancel")]
    found += ["/access-keys/", "/instances/pp-bp1missing0000/", "/accounts/logout/"]
    found += ["/docs/api/", "/docs/api/LaunchProduct/"]
    found += ["/docs/api/GetProvisionedProductPlan/", "/plans/", "/notices/"]
    found += ["/accounts/password/change/"]
    return found


def path_of(page):
    return re.sub(r"^https?://[^/]+", "", page.url)


def problems_of(page, address):
    page.goto(address)
    return problems_here(page, address)


def problems_here(page, address):
    found = []
    wider = (
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    if page.evaluate(wider):
        found.append(f"{address}: scrolls sideways")
    for violation in Axe().run(page).response["violations"]:
        targets = [node["target"] for node in violation["nodes"]][:3]
        found.append(f"{address}: {violation['id']} {targets}")
    return found


def test_pages_of_an_end_user(sign_in):
    pages = addresses(sign_in("carol"))
    found = []
    for size in SIZES:
        for scheme in SCHEMES:
            page = sign_in("carol", viewport=size, color_scheme=scheme)
            for address in pages:
                found += [
                    f"{size['width']} {scheme} {each}"
                    for each in problems_of(page, address)
                ]
    assert found == []


def test_the_sign_in_page(open_page):
    found = []
    for size in SIZES:
        for scheme in SCHEMES:
            page = open_page(viewport=size, color_scheme=scheme)
            found += problems_of(page, "/accounts/login/")
    assert found == []


def test_pages_about_users_and_the_audit_log(sign_in):
    instance = next(each for each in addresses(sign_in("bob")) if "/pp-" in each)
    pages = [
        f"{instance}transfer/",
        "/manage/known-errors/",
        "/manage/known-errors/new/",
        "/manage/people/",
        "/manage/people/bob/",
        "/manage/people/admin/",
        "/manage/audit/",
        "/manage/audit/?who=nobody",
        "/instances/?access=account",
    ]
    found = []
    for size in SIZES:
        for scheme in SCHEMES:
            page = sign_in("admin", viewport=size, color_scheme=scheme)
            for address in pages:
                found += [
                    f"{size['width']} {scheme} {each}"
                    for each in problems_of(page, address)
                ]
    assert found == []


def send_form(page):
    with page.expect_navigation():
        page.get_by_role("main").get_by_role("button").first.click()


def test_pages_that_refuse_a_form_and_keep_its_entries(sign_in):
    listed = sign_in("admin")
    listed.goto("/manage/portfolios/")
    listed.get_by_role("link", name="Everyday services", exact=True).click()
    listed.wait_for_url("**/portfolios/port-*/")
    edit = f"{path_of(listed)}edit/"
    found = []
    for size in SIZES:
        for scheme in SCHEMES:
            pages = [sign_in("admin", viewport=size, color_scheme=scheme)]
            pages.append(pages[0].context.new_page())
            for page in pages:
                page.goto(edit)
                text = f"Written by {uuid.uuid4().hex[:6]}"
                page.get_by_label("Description").fill(text)
            for page in reversed(pages):
                send_form(page)
            page = pages[0]
            assert "Another change was saved first" in page.content()
            found += problems_here(page, f"{size['width']} {scheme} conflict")
            page.goto("/manage/portfolios/new/")
            page.get_by_label("Name").first.fill("Kept")
            page.get_by_label("Provider").fill("Platform team")
            page.context.clear_cookies(name="catalog_session")
            send_form(page)
            assert "You have been signed out" in page.title()
            found += problems_here(page, f"{size['width']} {scheme} signed out")
    assert found == []
