"""Cookies, browser storage and other origins."""

import re

import pytest
from django.conf import settings
from django.test import Client

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery"


@pytest.fixture
def signed_in():
    person = UserFactory(username="zoe")
    person.set_password(PASSWORD)
    person.save()
    client = Client()
    client.get("/accounts/login/")
    client.post("/accounts/login/", {"login": "zoe", "password": PASSWORD})
    return client


def test_cookies_are_hidden_from_scripts_and_other_sites(signed_in):
    names = (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
    for name in names:
        cookie = signed_in.cookies[name]
        assert cookie["httponly"], name
        assert cookie["samesite"] == "Lax", name
        assert cookie["domain"] == "", name
        assert cookie["path"] == "/", name


@pytest.mark.parametrize(
    "path", ["/products/", "/openapi.json", "/accounts/login/", "/healthz"]
)
def test_no_other_origin_is_allowed(signed_in, path):
    answer = signed_in.get(path, headers={"origin": "https://evil.example"})
    assert not [
        name for name in answer.headers if name.lower().startswith("access-control")
    ]
    asked = signed_in.options(
        path,
        headers={
            "origin": "https://evil.example",
            "access-control-request-method": "POST",
        },
    )
    assert not [
        name for name in asked.headers if name.lower().startswith("access-control")
    ]


@pytest.mark.parametrize(
    "path", ["/products/", "/instances/export.csv", "/accounts/login/"]
)
def test_every_text_response_has_a_charset(signed_in, path):
    assert "charset=utf-8" in signed_in.get(path).headers["Content-Type"]


@pytest.mark.parametrize(
    "path", ["/products/", "/instances/", "/plans/", "/access-keys/"]
)
def test_every_page_has_a_sign_out_button(signed_in, path):
    assert 'action="/accounts/logout/"' in signed_in.get(path).content.decode()


def test_signing_out_clears_browser_data(signed_in):
    answer = signed_in.post("/accounts/logout/")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_other_pages_clear_no_browser_data(signed_in):
    assert "Clear-Site-Data" not in signed_in.get("/products/").headers


def test_scripts_store_nothing():
    for path in (settings.BASE_DIR / "static" / "js").glob("*.js"):
        assert not re.search(
            r"localStorage|sessionStorage|indexedDB|caches\.", path.read_text()
        )
