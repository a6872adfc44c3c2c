"""Sessions: storage, time limits and ending."""

import json
from datetime import timedelta
from importlib import import_module

import pytest
from django.conf import settings as configured
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from console.accounts.sessions import Session, SessionStore, row_key
from console.lib.audit import AuditEntry
from console.lib.encryption import generate_key
from tests.console.accounts.sign_in import sign_in, signed_in, with_password

pytestmark = pytest.mark.django_db


def cookie(client):
    return client.cookies[configured.SESSION_COOKIE_NAME].value


def row(client):
    return Session.objects.filter(pk=row_key(cookie(client)))


def age(client, **columns):
    """Move columns of a session into the past."""
    row(client).update(
        **{name: now() - timedelta(minutes=m) for name, m in columns.items()}
    )


def test_the_settings_use_this_session_engine():
    assert import_module(configured.SESSION_ENGINE).SessionStore is SessionStore


def test_signing_in_changes_the_session_key(alice):
    with_password(alice)
    client = Client()
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    client.cookies[configured.SESSION_COOKIE_NAME] = planted = session.session_key
    sign_in("alice", client=client)
    assert cookie(client) != planted
    assert not SessionStore().exists(planted)
    assert signed_in(client)


def test_an_unknown_session_key_is_not_adopted(alice):
    with_password(alice)
    client = Client()
    client.cookies[configured.SESSION_COOKIE_NAME] = "a" * 32
    sign_in("alice", client=client)
    assert cookie(client) != "a" * 32


def test_session_keys_are_hashed_and_contents_encrypted(alice, browser):
    session = browser.session
    session["secret"] = "totp-seed-in-a-session"
    session.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM console_session")
        stored = repr(cursor.fetchall())
    assert cookie(browser) not in stored
    assert "totp-seed" not in stored
    assert "_auth_user_id" not in stored
    assert browser.session["secret"] == "totp-seed-in-a-session"


def test_a_stored_key_opens_no_session(browser):
    thief = Client()
    thief.cookies[configured.SESSION_COOKIE_NAME] = row(browser).get().pk
    assert not signed_in(thief)


def test_an_idle_session_ends(browser, settings):
    settings.SESSION_IDLE_MINUTES = 30
    age(browser, seen_at=29)
    assert signed_in(browser)
    age(browser, seen_at=31)
    assert not signed_in(browser)


def test_requests_extend_a_session_up_to_the_absolute_limit(browser, settings):
    settings.SESSION_IDLE_MINUTES = 30
    for _ in range(3):
        age(browser, seen_at=20)
        assert signed_in(browser)
        assert now() - row(browser).get().seen_at < timedelta(minutes=1)
    age(browser, expire_date=0)
    assert not signed_in(browser)


def test_automatic_requests_do_not_extend_a_session(browser, settings):
    settings.SESSION_IDLE_MINUTES = 30
    age(browser, seen_at=29)
    page = browser.get("/", headers={"X-Automatic": "1"})
    assert page.status_code != 302 or "login" not in page.url
    assert now() - row(browser).get().seen_at > timedelta(minutes=28)
    age(browser, seen_at=31)
    assert not signed_in(browser)


def test_automatic_requests_that_save_do_not_extend_a_session(browser):
    age(browser, seen_at=20)
    store = SessionStore(cookie(browser))
    store.automatic = True
    store["flash"] = "seen"
    store.save()
    assert SessionStore(cookie(browser))["flash"] == "seen"
    age(browser, seen_at=20)
    store.save()
    assert now() - row(browser).get().seen_at > timedelta(minutes=19)


@pytest.mark.parametrize("minutes", [1, 5, 30])
def test_an_active_user_is_not_signed_out(browser, settings, minutes):
    """The last request counts even if it followed another too closely to be stored."""
    settings.SESSION_IDLE_MINUTES = minutes
    noted = timedelta(minutes=minutes) / 10 * 0.9
    last = timedelta(minutes=minutes) * 0.98
    row(browser).update(seen_at=now() - min(noted, timedelta(seconds=55)) - last)
    assert signed_in(browser)


def test_the_absolute_limit_starts_at_sign_in(alice, settings):
    settings.SESSION_COOKIE_AGE = 12 * 3600
    with_password(alice)
    client, _ = sign_in("alice")
    found = row(client).get()
    assert found.expire_date - found.started_at == timedelta(hours=12)
    age(client, started_at=60)
    session = client.session
    session["changed"] = "later"
    session.save()
    again = row(client).get()
    assert again.expire_date - again.started_at == timedelta(hours=12)
    assert now() - again.started_at > timedelta(minutes=59)


def test_a_session_encrypted_with_a_removed_key_must_sign_in_again(browser, settings):
    settings.ENCRYPTION_KEYS = [generate_key()]
    assert not signed_in(browser)


def test_signing_out_ends_the_session_on_the_server(alice, browser):
    stolen = Client()
    stolen.cookies[configured.SESSION_COOKIE_NAME] = cookie(browser)
    assert signed_in(stolen)
    browser.post("/accounts/logout/")
    assert not signed_in(stolen)


def test_signing_out_requires_post(browser):
    assert browser.get("/accounts/logout/").status_code == 200
    assert signed_in(browser)


def test_the_page_lists_the_sessions_of_the_user(alice, bob):
    with_password(alice)
    client, _ = sign_in("alice", **{"User-Agent": "Firefox on a desk"})
    sign_in("alice", **{"User-Agent": "Safari on a phone"})
    Client().force_login(bob)
    page = client.get("/accounts/sessions/")
    assert {each.agent for each in page.context["sessions"]} == {
        "Firefox on a desk",
        "Safari on a phone",
    }
    assert {each.address for each in page.context["sessions"]} == {"127.0.0.1"}
    assert page.content.decode().count("This browser") == 1


def test_one_session_is_ended(alice):
    with_password(alice)
    here, _ = sign_in("alice")
    there, _ = sign_in("alice")
    here.post("/accounts/sessions/end/", {"session": row(there).get().pk})
    assert signed_in(here)
    assert not signed_in(there)
    entry = AuditEntry.objects.get(action="EndSessions")
    assert (entry.actor, entry.after) == (alice, {"ended": 1})


def test_all_other_sessions_are_ended(alice, bob):
    with_password(alice)
    here, _ = sign_in("alice")
    others = [sign_in("alice")[0] for _ in range(2)]
    bobs = Client()
    bobs.force_login(bob)
    here.post("/accounts/sessions/end/", {"others": "1"})
    assert signed_in(here)
    assert not any(map(signed_in, others))
    assert signed_in(bobs)


def test_the_session_of_another_user_is_not_found(alice, bob, browser):
    bobs = Client()
    bobs.force_login(bob)
    answer = browser.post("/accounts/sessions/end/", {"session": row(bobs).get().pk})
    assert answer.status_code == 404
    assert signed_in(bobs)


def test_an_administrator_ends_the_sessions_of_a_user(alice, admin_browser):
    here, there = Client(), Client()
    for each in (here, there):
        each.force_login(alice)
    page = "/manage/people/alice/"
    assert "Sign out of all browsers" in admin_browser.get(page).content.decode()
    admin_browser.post(f"{page}sessions/end/", {"session": row(there).get().pk})
    assert signed_in(here)
    assert not signed_in(there)
    admin_browser.post(f"{page}sessions/end/")
    assert not signed_in(here)
    entries = AuditEntry.objects.filter(action="EndSessions", target_name="alice")
    assert [each.after for each in entries] == [{"ended": 1}, {"ended": 1}]
    assert signed_in(admin_browser)


def test_a_new_password_ends_all_other_sessions(alice):
    with_password(alice)
    here, _ = sign_in("alice")
    there, _ = sign_in("alice")
    changed = "another-long-enough-one"
    fields = {
        "oldpassword": "a-long-enough-secret",
        "password1": changed,
        "password2": changed,
    }
    before = cookie(here)
    assert here.post("/accounts/password/change/", fields).status_code == 302
    assert signed_in(here)
    assert cookie(here) != before
    assert not signed_in(there)
    assert AuditEntry.objects.filter(action="ChangePassword", actor=alice).exists()


def test_deactivation_ends_a_session_at_the_next_request(alice, browser):
    assert signed_in(browser)
    alice.is_active = False
    alice.save()
    assert browser.get("/products/").url.startswith("/accounts/login/")


def test_expired_sessions_are_deleted(browser):
    age(browser, expire_date=1)
    SessionStore.clear_expired()
    assert not row(browser).exists()


def test_messages_are_stored_in_the_session_not_in_cookies(alice):
    with_password(alice)
    client, _ = sign_in("alice")
    assert set(client.cookies) <= {
        configured.SESSION_COOKIE_NAME,
        configured.CSRF_COOKIE_NAME,
    }
    assert "alice" not in json.dumps({k: v.value for k, v in client.cookies.items()})
