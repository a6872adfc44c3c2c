"""Limits of failed sign-ins per account and address."""

import pytest
from django.test import Client

from tests.console.accounts.sign_in import (
    LOGIN,
    page_text,
    sign_in,
    signed_in,
    with_password,
)

pytestmark = pytest.mark.django_db
REFUSED = "Too many failed login attempts"


def refused(answer):
    return REFUSED in page_text(answer)


def fail(username, times, **headers):
    return [sign_in(username, "wrong", **headers)[1] for _ in range(times)]


def test_an_account_has_five_attempts(alice):
    with_password(alice)
    answers = fail("alice", 7)
    assert [refused(each) for each in answers] == [False] * 5 + [True] * 2


def test_the_right_password_is_refused_while_the_account_is_locked(alice):
    with_password(alice)
    fail("alice", 5)
    client, answer = sign_in("alice")
    assert refused(answer)
    assert not signed_in(client)


def test_other_accounts_are_not_locked(alice, bob):
    with_password(alice), with_password(bob)
    fail("alice", 6)
    client, _ = sign_in("bob")
    assert signed_in(client)


def test_an_address_has_ten_attempts_over_all_accounts():
    answers = [sign_in(f"somebody-{n}", "wrong")[1] for n in range(12)]
    assert [refused(each) for each in answers] == [False] * 10 + [True] * 2


def test_a_successful_sign_in_does_not_reset_the_failures_of_the_address(alice, bob):
    with_password(alice), with_password(bob)
    answers = []
    for _ in range(7):
        answers += fail("alice", 1)
        sign_in("bob")
    assert [refused(each) for each in answers] == [False] * 5 + [True] * 2


@pytest.mark.parametrize("proxies", [0, 1])
def test_forwarded_addresses_are_used_only_from_trusted_proxies(settings, proxies):
    settings.TRUSTED_PROXIES = proxies
    answers = [
        sign_in(f"somebody-{n}", "wrong", **{"X-Forwarded-For": f"9.9.9.{n}, 8.8.8.8"})[
            1
        ]
        for n in range(11)
    ]
    assert [refused(each) for each in answers] == [False] * 10 + [True]


def test_each_address_behind_a_trusted_proxy_is_counted_separately(settings):
    settings.TRUSTED_PROXIES = 1
    answers = [
        sign_in(f"somebody-{n}", "wrong", **{"X-Forwarded-For": f"8.8.8.{n}"})[1]
        for n in range(12)
    ]
    assert not any(map(refused, answers))


def test_an_ipv6_address_is_counted_with_its_network():
    client = Client()
    for n in range(10):
        client.post(
            LOGIN,
            {"login": f"somebody-{n}", "password": "x"},
            REMOTE_ADDR=f"2001:db8::{n + 1}",
        )
    answer = client.post(
        LOGIN, {"login": "x", "password": "x"}, REMOTE_ADDR="2001:db8::ffff"
    )
    assert refused(answer)


@pytest.mark.parametrize(
    "spellings",
    [
        ["alice", "ALICE", "Alice", "aLice", "alicE"],
        ["alice", " alice", "alice ", "\u00a0alice", "alice\t"],
        ["alice", "\uff41lice", "ali\uff43e", "\u24d0lice", "alic\u212f"],
    ],
)
def test_all_spellings_of_a_login_count_for_one_account(alice, spellings):
    with_password(alice)
    for each in spellings:
        sign_in(each, "wrong")
    assert refused(sign_in("alice")[1])


def test_all_host_headers_count_for_one_account(alice):
    with_password(alice)
    for port in range(5):
        fail("alice", 1, host=f"testserver:{port + 1}")
    assert refused(sign_in("alice")[1])


def test_many_logins_do_not_evict_the_counters(alice, settings):
    with_password(alice)
    fail("alice", 5)
    settings.TRUSTED_PROXIES = 1
    for n in range(200):
        header = {"X-Forwarded-For": f"7.7.{n}.1"}
        sign_in(f"somebody-{n}", "wrong", **header)
    assert refused(sign_in("alice")[1])


def test_reauthentication_is_limited_too(alice):
    with_password(alice)
    client, _ = sign_in("alice")
    answers = [
        client.post("/accounts/reauthenticate/", {"password": "wrong"})
        for _ in range(6)
    ]
    assert [refused(each) for each in answers] == [False] * 5 + [True]


def test_django_admin_has_the_same_limits(admin):
    with_password(admin)
    admin.is_staff = True
    admin.save()
    for _ in range(5):
        Client().post("/admin/login/", {"username": "admin", "password": "wrong"})
    fail("admin", 5)
    assert refused(sign_in("admin")[1])
