"""The sign-in pages: which exist, where they redirect, and what they disclose."""

import json
import os
import statistics
import subprocess
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location

import pytest
from django.conf import settings as configured
from django.contrib.auth.hashers import identify_hasher, make_password
from django.test import Client

from console.lib.audit import AuditEntry
from tests.console.accounts.sign_in import (
    LOGIN,
    page_text,
    sign_in,
    signed_in,
    with_password,
)

pytestmark = pytest.mark.django_db
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "http:evil.example",
    "https:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://testserver@evil.example/",
    "http://testserver.evil.example/",
    "https://evil.example\\@testserver/",
    "\thttps://evil.example/",
    "/\t/evil.example/",
    " //evil.example/",
    "http://127.0.0.1/",
    "http://localhost/",
]


@pytest.mark.parametrize(
    "path",
    [
        "signup/",
        "signup/passkey/",
        "email/",
        "confirm-email/",
        "confirm-email/abc/",
        "password/set/",
        "password/reset/",
        "password/reset/done/",
        "password/reset/key/1-abc/",
        "login/code/",
        "login/code/confirm/",
        "3rdparty/",
        "3rdparty/signup/",
        "social/signup/",
        "sso/login/",
        "sso/callback/",
        "2fa/trust/",
        "2fa/webauthn/signup/",
    ],
)
def test_unused_pages_of_allauth_do_not_exist(browser, path):
    assert "/accounts/sso/" not in Client().get(LOGIN).content.decode()
    assert Client().get(f"/accounts/{path}").status_code in (302, 404)
    assert browser.get(f"/accounts/{path}").status_code == 404


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_redirects_to_no_other_site(alice, target):
    with_password(alice)
    _, answer = sign_in("alice", next=target)
    assert answer.status_code == 302
    assert answer.url == "/"


@pytest.mark.parametrize("target", ELSEWHERE)
@pytest.mark.parametrize("path", ["logout/", "reauthenticate/", "password/change/"])
def test_other_forms_redirect_to_no_other_site(alice, target, path):
    with_password(alice)
    client, _ = sign_in("alice")
    fields = {
        "next": target,
        "password": "a-long-enough-secret",
        "oldpassword": "a-long-enough-secret",
        "password1": "another-long-enough-one",
        "password2": "another-long-enough-one",
    }
    answer = client.post(f"/accounts/{path}?next={target}", fields)
    assert answer.status_code == 302
    assert answer.url in ("/", "/accounts/", LOGIN)


def test_signing_in_redirects_to_the_requested_page(alice):
    with_password(alice)
    _, answer = sign_in("alice", next="/instances/?q=x")
    assert answer.url == "/instances/?q=x"


def test_django_admin_uses_the_sign_in_page_of_the_console(alice, admin):
    for path in ("/admin/", "/admin/login/", "/admin/console/user/"):
        answer = Client().get(path, follow=True)
        assert answer.redirect_chain[-1][0].startswith(LOGIN), path
    posted = Client().post("/admin/login/", {"username": "x", "password": "y"})
    assert posted.status_code == 302
    assert posted.url.startswith(LOGIN)


def test_django_admin_uses_the_password_page_of_the_console(admin):
    admin.is_staff = admin.is_superuser = True
    admin.save()
    client = Client()
    client.force_login(admin)
    assert client.get("/admin/password_change/").url == "/accounts/password/change/"
    for secret in ("mfa", "socialaccount", "account"):
        assert client.get(f"/admin/{secret}/").status_code == 404


def test_wrong_name_and_wrong_password_have_the_same_message(alice):
    with_password(alice)
    answers = [sign_in(name, "wrong")[1] for name in ("alice", "nobody")]
    first, second = (page_text(each).replace("nobody", "alice") for each in answers)
    assert first == second
    assert answers[0].status_code == answers[1].status_code == 200


def test_an_inactive_user_is_told_so_only_with_the_right_password(alice):
    with_password(alice)
    alice.is_active = False
    alice.save()
    client, right = sign_in("alice")
    assert right.url == "/accounts/inactive/"
    assert not signed_in(client)
    _, wrong = sign_in("alice", "wrong")
    assert page_text(wrong) == page_text(sign_in("nobody", "wrong")[1]).replace(
        "nobody", "alice"
    )


def test_an_unknown_login_takes_as_long_as_a_known_one(alice, settings):
    settings.PASSWORD_HASHERS = configured_hashers()
    settings.ACCOUNT_RATE_LIMITS = False
    with_password(alice)
    assert identify_hasher(alice.password).algorithm == "argon2"
    times = {"alice": [], "nobody": []}
    for _ in range(9):
        for name, taken in times.items():
            started = time.process_time()
            sign_in(name, "wrong")
            taken.append(time.process_time() - started)
    known, unknown = (statistics.median(each) for each in times.values())
    assert 0.67 < known / unknown < 1.5, (known, unknown)


def configured_hashers():
    """Use the password hashers of the settings instead of the fast one of the tests."""
    path = configured.BASE_DIR / "console/settings.py"
    spec = spec_from_file_location("plain_settings", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PASSWORD_HASHERS


def test_passwords_use_argon2_and_older_hashes_are_updated(alice, settings):
    settings.PASSWORD_HASHERS = configured_hashers()
    alice.password = make_password("a-long-enough-secret", hasher="pbkdf2_sha256")
    alice.save()
    client, _ = sign_in("alice")
    assert signed_in(client)
    alice.refresh_from_db()
    assert alice.password.startswith("argon2$argon2id$")


def test_a_failed_sign_in_is_recorded_without_the_entered_name(alice):
    with_password(alice)
    sign_in("alice", "wrong-secret")
    sign_in("my-secret-in-the-wrong-field", "x")
    entries = AuditEntry.objects.filter(action="SignInFailed").order_by("id")
    assert [each.target_name for each in entries] == ["alice", ""]
    assert "secret" not in repr([(e.before, e.after, e.target_id) for e in entries])


def test_a_sign_in_is_recorded_with_its_methods(alice):
    with_password(alice)
    sign_in("alice")
    entry = AuditEntry.objects.get(action="SignIn")
    assert (entry.actor, entry.after) == (alice, {"methods": ["password"]})


def settings_with(**environment):
    """Return the settings of a process with these environment variables."""
    code = (
        "import json; from django.conf import settings as s;"
        "print(json.dumps([s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME,"
        "s.SESSION_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE,"
        "s.SESSION_COOKIE_DOMAIN, s.SESSION_COOKIE_PATH, s.REQUIRE_MFA]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={k: v for k, v in os.environ.items() if not k.startswith("CONSOLE_")}
        | {"DJANGO_SETTINGS_MODULE": "console.settings"}
        | environment,
        cwd=configured.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout)


def test_cookies_have_the_host_prefix_with_https(tmp_path):
    found = settings_with(
        CONSOLE_DATA_DIR=str(tmp_path), CONSOLE_ALLOWED_HOSTS="catalog.example.com"
    )
    assert found == [
        "__Host-session",
        "__Host-csrf",
        True,
        True,
        "Lax",
        None,
        "/",
        True,
    ]


def test_mfa_is_optional_on_loopback(tmp_path):
    assert settings_with(CONSOLE_DATA_DIR=str(tmp_path))[-1] is False
    forced = settings_with(CONSOLE_DATA_DIR=str(tmp_path), CONSOLE_REQUIRE_MFA="1")
    assert forced[-1] is True
