"""A form that outlives its sign-in: what was typed is still there, and said what happened."""

import re
import uuid

import pytest

from tests.e2e.conftest import PASSWORD
from tests.e2e.test_journey import SECRET, open_web_service, parameter

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def wizard(sign_in):
    """The launch wizard with everything typed."""
    page = sign_in("alice")
    open_web_service(page)
    page.get_by_label("Product instance name").fill(f"kept-{uuid.uuid4().hex[:6]}")
    parameter(page, "Number of servers").fill("3")
    parameter(page, "Administrator password").fill(SECRET)
    return page


def sign_in_beside(page, username):
    """Sign somebody in in another tab of the same browser."""
    tab = page.context.new_page()
    tab.goto("/accounts/login/")
    tab.get_by_label("Username").fill(username)
    tab.get_by_label("Password", exact=False).first.fill(PASSWORD)
    tab.get_by_role("button", name="Sign in", exact=True).click()
    tab.wait_for_url(lambda url: "/accounts/login" not in url)
    tab.close()


def sign_out_beside(page):
    tab = page.context.new_page()
    tab.goto("/accounts/logout/")
    tab.get_by_role("main").get_by_role("button", name="Sign out").click()
    tab.wait_for_url("**/accounts/login/**")
    tab.close()


def press_next(page):
    page.get_by_role("button", name="Next").last.click()


def still_typed(page):
    expect(page.get_by_label("Product instance name")).to_have_value(
        re.compile("kept-")
    )
    expect(parameter(page, "Number of servers")).to_have_value("3")
    expect(parameter(page, "Administrator password")).to_have_value(SECRET)


def test_a_sign_in_in_another_tab_does_not_stop_the_wizard(wizard):
    sign_out_beside(wizard)
    sign_in_beside(wizard, "alice")
    press_next(wizard)
    wizard.wait_for_url("**/launch/review/?plan=*")
    told = wizard.get_by_text("You signed in again in another tab")
    expect(told.locator("visible=true")).to_be_visible()


def test_a_session_that_ends_leaves_the_wizard_as_it_is(wizard):
    wizard.context.clear_cookies(name="catalog_session")
    press_next(wizard)
    notice = wizard.locator("#sign-in-ended")
    expect(notice).to_contain_text("You are no longer signed in as alice")
    still_typed(wizard)
    sign_in_beside(wizard, "alice")
    press_next(wizard)
    wizard.wait_for_url("**/launch/review/?plan=*")


def test_what_one_user_typed_is_not_sent_by_another(wizard):
    sign_out_beside(wizard)
    sign_in_beside(wizard, "bob")
    press_next(wizard)
    expect(wizard.locator("#sign-in-ended")).to_be_visible()
    assert "/review/" not in wizard.url
    still_typed(wizard)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_long_form_of_an_administrator_comes_back(sign_in, javascript):
    page = sign_in("admin", java_script_enabled=javascript)
    page.goto("/manage/portfolios/new/")
    name = f"Kept {uuid.uuid4().hex[:6]}"
    page.get_by_label("Name").first.fill(name)
    page.get_by_label("Provider").fill("Platform team")
    page.get_by_label("Description").fill("Typed for half an hour")
    page.context.clear_cookies(name="catalog_session")
    page.get_by_role("main").get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "You have been signed out"
    )
    sign_in_beside(page, "admin")
    page.get_by_role("button", name="Submit again").click()
    # The token of that page is older than the new sign-in.
    expect(page.get_by_role("heading", level=1)).to_have_text("Submit the form again")
    page.get_by_role("button", name="Submit again").click()
    page.wait_for_url(re.compile(r"/manage/portfolios/port-\w+/"))
    expect(page.get_by_role("main")).to_contain_text("Typed for half an hour")
