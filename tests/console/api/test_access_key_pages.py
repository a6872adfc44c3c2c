"""The pages of a user's own access keys."""

import pytest
from django.test import Client
from django.urls import reverse

from console.api.access_keys import AccessKey

LIST = "/access-keys/"


@pytest.fixture
def key(alice):
    return AccessKey.objects.issue(alice, by=alice)


def key_url(action, key):
    return reverse(f"console:access-key-{action}", args=[key.pk])


def test_the_list_shows_the_keys_of_the_user(browser, key):
    response = browser.get(LIST)
    assert response.status_code == 200
    assert response.context["keys"] == [key]


def test_the_list_requires_sign_in(client, db):
    assert client.get(LIST).status_code == 302


def test_the_list_never_shows_a_secret(browser, key):
    assert key.secret_text not in browser.get(LIST).content.decode()


def test_the_list_hides_keys_of_other_users(browser, bob):
    foreign = AccessKey.objects.issue(bob, by=bob)
    assert browser.get(LIST).context["keys"] == []
    assert browser.post(key_url("disable", foreign)).status_code == 404
    assert browser.get(key_url("delete", foreign)).status_code == 404


def test_creating_a_key_shows_its_secret_once(browser, alice):
    response = browser.post(reverse("console:access-key-create"))
    key = AccessKey.objects.get(user=alice)
    assert response.status_code == 201
    assert key.secret_text in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    assert key.secret_text not in browser.get(LIST).content.decode()


def test_a_third_key_is_refused(browser, alice):
    for _ in range(2):
        AccessKey.objects.issue(alice, by=alice)
    assert browser.post(reverse("console:access-key-create")).status_code == 409
    assert AccessKey.objects.count() == 2


def test_a_key_is_disabled_and_enabled(browser, key):
    assert browser.post(key_url("disable", key)).url == LIST
    key.refresh_from_db()
    assert not key.active
    browser.post(key_url("enable", key))
    key.refresh_from_db()
    assert key.active


def test_deleting_requires_confirmation(browser, key):
    assert browser.get(key_url("delete", key)).status_code == 200
    assert AccessKey.objects.exists()
    assert browser.post(key_url("delete", key)).url == LIST
    assert not AccessKey.objects.exists()


@pytest.mark.parametrize("action", ["disable", "enable"])
def test_wrong_methods_are_rejected(browser, key, action):
    assert browser.get(key_url(action, key)).status_code == 405


def test_the_forms_require_a_csrf_token(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post(reverse("console:access-key-create")).status_code == 403


def test_the_list_needs_few_queries(browser, key, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        browser.get(LIST)
