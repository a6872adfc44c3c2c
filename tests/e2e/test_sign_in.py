"""Signing in, in a browser: codes, passkeys, single sign-on, sessions; the CSP is never broken."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from tests.console.accounts.oidc_provider import CLIENT, SECRET, Provider
from tests.e2e.conftest import PASSWORD, ROOT, send, wait_until_ready
from tests.e2e.test_accessibility import SCHEMES, SIZES, problems_of

expect = pytest.importorskip("playwright.sync_api").expect
WATCH = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""


@pytest.fixture(scope="module")
def provider():
    running = Provider()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def home(tmp_path_factory, provider):
    """An installation with single sign-on, under the one plain name that has passkeys."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--demo", f"--port={port}"],
        cwd=ROOT,
        env=os.environ
        | {
            "CONSOLE_DATA_DIR": str(tmp_path_factory.mktemp("home")),
            "CONSOLE_OIDC_URL": provider.url,
            "CONSOLE_OIDC_NAME": "Acme",
            "CONSOLE_OIDC_CLIENT_ID": CLIENT,
            "CONSOLE_OIDC_CLIENT_SECRET": SECRET,
            "CONSOLE_OIDC_GROUPS": "platform=Administrators",
        },
        start_new_session=True,
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", server)
        yield f"http://localhost:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


@pytest.fixture
def window(chromium, home):
    """Give windows of browsers of their own; nothing may be wrong in their consoles."""
    opened, problems = [], []

    def open_one(**options):
        context = chromium.new_context(
            base_url=home, locale="en", reduced_motion="reduce", **options
        )
        context.set_default_timeout(20_000)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.on(
            "console",
            lambda message: (
                problems.append(message.text) if message.type == "error" else None
            ),
        )
        page.on("pageerror", lambda error: problems.append(str(error)))
        opened.append(context)
        return page

    yield open_one
    for context in opened:
        context.close()
    assert problems == []


def enter(page, username):
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)


def sign_out(page):
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url(lambda url: "/accounts/login" in url)


def code_of(secret):
    """The code an app shows now, with time left to type it."""
    if (left := 30 - time.time() % 30) < 8:
        time.sleep(left + 0.2)
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def add_app(page):
    """Add an authenticator app; give the recovery codes."""
    page.goto("/accounts/2fa/totp/activate/")
    secret = page.locator(".keyvalue .mono").inner_text()
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Add authenticator app").click()
    page.wait_for_url(re.compile("/recovery-codes/"))
    return page.locator("#codes").inner_text().split()


def add_key(page, name="Laptop", alone=True):
    """Plug a security key of Chromium's own into the browser, and add it as a passkey."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    key = tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Name").fill(name)
    if alone:
        page.get_by_label("Use this passkey to sign in without a password").check()
    page.get_by_role("button", name="Add passkey").click()
    page.wait_for_url(re.compile("/accounts/(2fa/recovery-codes/)?$"))
    return tools, key["authenticatorId"]


def unplug(tools, key):
    tools.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": key})


def test_an_app_and_recovery_codes_without_javascript(window):
    page = window(java_script_enabled=False)
    enter(page, "alice")
    codes = add_app(page)
    assert len(codes) == 10
    sign_out(page)
    enter(page, "alice")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Multi-factor authentication"
    )
    page.goto("/products/")
    expect(page).to_have_url(re.compile("/accounts/"))
    page.goto("/accounts/2fa/authenticate/")
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/products/")
    page.goto("/accounts/2fa/totp/deactivate/")
    send(page, page.get_by_role("button", name="Remove authenticator app"))
    sign_out(page)
    enter(page, "alice")
    page.wait_for_url("**/products/")


def test_a_passkey_signs_in_alone_and_proves_who_it_is(window):
    page = window()
    enter(page, "bob")
    tools, key = add_key(page)
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/products/")
    expect(page.locator("#topbar")).to_contain_text("bob")
    sign_out(page)
    enter(page, "bob")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Multi-factor authentication"
    )
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/products/")
    page.goto("/accounts/2fa/webauthn/reauthenticate/?next=/accounts/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/accounts/")
    page.wait_for_load_state("networkidle")
    unplug(tools, key)
    page.goto("/accounts/2fa/webauthn/")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove passkey").click()
    page.wait_for_url("**/webauthn/")
    sign_out(page)
    enter(page, "bob")
    page.wait_for_url("**/products/")


def test_a_passkey_that_fails_is_told_in_the_page(window):
    page = window()
    page.goto("/accounts/login/")
    broken = "() => { navigator.credentials.get = () => Promise.reject(Error('no')) }"
    page.evaluate(broken)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("could not be used")


def test_single_sign_on_and_back(window, provider):
    provider.at_the_keyboard = {
        "sub": "77",
        "preferred_username": "nora",
        "name": "Nora Berg",
    }
    provider.claims = {"groups": ["platform"]}
    for options in ({}, {"java_script_enabled": False}):
        page = window(**options)
        page.goto("/manage/people/nora/")
        page.get_by_role("button", name="Sign in with Acme").click()
        page.wait_for_url("**/manage/people/nora/")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Nora Berg")
        expect(page.locator("#topbar")).to_contain_text("Administrator")


def test_one_browser_signs_the_other_out(window):
    here, there = window(), window(user_agent="An old phone")
    enter(here, "alice")
    enter(there, "alice")
    here.goto("/accounts/sessions/")
    expect(here.get_by_role("main")).to_contain_text("An old phone")
    here.get_by_role("button", name="Sign out An old phone").click()
    expect(here.get_by_role("main")).to_contain_text("1 browser has been signed out")
    there.get_by_role("link", name="Instances").first.click()
    there.wait_for_url(re.compile("/accounts/login/"))


def test_signing_in_by_keyboard(window):
    page = window()
    page.goto("/accounts/login/")
    page.get_by_label("Username").focus()
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/products/")
    page.goto("/accounts/")
    page.get_by_role("link", name="Add authenticator app").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/activate/")
    ratio = page.evaluate("getComputedStyle(document.querySelector('.qr')).aspectRatio")
    assert ratio.startswith("1")


def test_every_page_of_an_account_is_sound(window):
    first = window()
    # Carol keeps her factors: no other test signs in as her.
    entrance = ["/accounts/login/", "/accounts/inactive/"]
    enter(first, "carol")
    add_app(first)
    add_key(first, alone=False)
    first.goto("/accounts/2fa/webauthn/")
    edit = first.get_by_role("link", name="Rename").get_attribute("href")
    pages = [
        *("/accounts/", "/accounts/?required", "/accounts/sessions/"),
        *("/accounts/password/change/", "/accounts/logout/"),
        *("/accounts/2fa/totp/deactivate/", "/accounts/2fa/recovery-codes/"),
        *("/accounts/2fa/recovery-codes/generate/", "/accounts/2fa/webauthn/"),
        *("/accounts/2fa/webauthn/add/", edit, edit.replace("/edit/", "/remove/")),
        *("/accounts/reauthenticate/", "/accounts/2fa/reauthenticate/"),
        "/accounts/2fa/webauthn/reauthenticate/",
    ]
    state = first.context.storage_state()
    found = []
    for size in SIZES:
        for scheme in SCHEMES:
            look = {"viewport": size, "color_scheme": scheme}
            page, stranger = window(**look, storage_state=state), window(**look)
            for address in pages:
                found += problems_of(page, address)
            for address in entrance:
                found += problems_of(stranger, address)
            enter(stranger, "carol")
            found += problems_of(stranger, "/accounts/2fa/authenticate/")
            other = window(**look)
            enter(other, "alice")
            found += problems_of(other, "/accounts/2fa/totp/activate/")
    admin = window(viewport=SIZES[1])
    enter(admin, "admin")
    for address in ("", "second-factors/remove/"):
        found += problems_of(admin, f"/manage/people/carol/{address}")
    assert found == []
