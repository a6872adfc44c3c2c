"""Recovery of forms whose session has ended, for the same user only."""

import re

import pytest
from django.conf import settings
from django.test import Client

from console.accounts.form_recovery import ENTRIES
from instances.models import Plan
from tests.factories import RegionFactory
from tests.markup import compact

pytestmark = pytest.mark.django_db
ORIGIN = {"Origin": "http://testserver"}
SECRET = "s3cret-word"


@pytest.fixture
def form_url(version):
    return f"/products/{version.product.pk}/launch/"


@pytest.fixture
def entries(version, alice):
    return {
        "name": "typed-name",
        "version": version.pk,
        "portfolio": version.product.portfolios.get().pk,
        "region": RegionFactory().pk,
        "parameters-name": SECRET,
        "signed_in_as": alice.principal_id,
        "csrfmiddlewaretoken": "a" * 64,
    }


@pytest.fixture
def strict(alice):
    """A client with CSRF checks."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.get("/products/")
    return client


def hidden(html, name):
    return re.search(rf'name="{name}" value="([^"]*)"', html)[1]


def kept_form(response):
    """Return the fields that the button of the page submits."""
    html = compact(response)
    names = "csrfmiddlewaretoken", "signed_in_as", ENTRIES
    form = html[html.index('<form class="cluster"') :]
    return {name: hidden(form, name) for name in names}


def test_every_form_has_the_principal_id_of_its_user(browser, alice, form_url):
    assert hidden(browser.get(form_url).content.decode(), "signed_in_as") == (
        alice.principal_id
    )
    assert b"signed_in_as" not in Client().get("/accounts/login/").content


def test_entries_of_a_form_with_a_stale_token_are_kept_and_sent_again(
    strict, form_url, entries
):
    refused = strict.post(form_url, entries, headers=ORIGIN)
    assert refused.status_code == 403
    assert "Submit again" in refused.content.decode()
    assert SECRET not in refused.content.decode()
    assert "typed-name" not in refused.content.decode()
    assert not Plan.objects.exists()
    sent = strict.post(form_url, kept_form(refused), headers=ORIGIN)
    assert sent.status_code == 302
    plan = Plan.objects.get()
    assert plan.instance_name == "typed-name"
    assert plan.values == {"name": SECRET}


def test_htmx_gets_a_new_token(strict, alice, form_url, entries, htmx):
    headers = htmx | ORIGIN | {"X-Signed-In-As": alice.principal_id}
    refused = strict.post(form_url, entries, headers=headers)
    assert refused.status_code == 403
    assert refused["X-Sign-In"] == "renewed"
    entries["csrfmiddlewaretoken"] = refused["X-CSRFToken"]
    sent = strict.post(form_url, entries, headers=headers)
    assert "/launch/review/?plan=" in sent["HX-Redirect"]


@pytest.mark.parametrize(
    "origin", [{}, {"Origin": "null"}, {"Origin": "https://evil.test"}]
)
def test_a_form_of_another_site_gets_no_token_and_is_not_kept(
    strict, form_url, entries, origin
):
    refused = strict.post(form_url, entries, headers=origin)
    assert refused.status_code == 403
    assert "X-CSRFToken" not in refused
    assert ENTRIES not in refused.content.decode()


def test_another_user_cannot_send_the_kept_form(strict, bob, form_url, entries, htmx):
    strict.force_login(bob)
    strict.get("/products/")
    refused = strict.post(form_url, entries, headers=ORIGIN)
    assert ENTRIES not in refused.content.decode()
    refused = strict.post(form_url, entries, headers=ORIGIN | htmx)
    assert refused["X-Sign-In"] == "changed"
    assert "X-CSRFToken" not in refused


def test_kept_entries_decrypt_only_for_their_user_and_url(
    strict, form_url, entries, bob
):
    form = kept_form(strict.post(form_url, entries, headers=ORIGIN))
    other = f"{form_url}review/"
    assert strict.post(other, form, headers=ORIGIN).status_code == 403
    form[ENTRIES] = form[ENTRIES][:-8] + "AAAAAAA="
    assert strict.post(form_url, form, headers=ORIGIN).status_code == 403
    foreign = Client()
    foreign.force_login(bob)
    assert foreign.post(form_url, form).status_code == 403
    assert not Plan.objects.exists()


def test_kept_entries_expire(strict, form_url, entries, monkeypatch):
    form = kept_form(strict.post(form_url, entries, headers=ORIGIN))
    monkeypatch.setattr(settings, "SESSION_COOKIE_AGE", -1)
    assert Client.post(strict, form_url, form, headers=ORIGIN).status_code in (302, 403)
    assert not Plan.objects.exists()


def test_entries_are_kept_when_the_session_has_ended(client, alice, form_url, entries):
    answer = client.post(form_url, entries, headers=ORIGIN)
    html = compact(answer)
    assert answer.status_code == 403
    assert "<title>You have been signed out · Service Catalog</title>" in html
    assert "You have been signed out</h1>" in html
    assert SECRET not in html
    form = kept_form(answer)
    # Signed in again in another tab: the token is another one by now.
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    strict.get("/products/")
    again = strict.post(form_url, form, headers=ORIGIN)
    assert again.status_code == 403
    assert strict.post(form_url, kept_form(again), headers=ORIGIN).status_code == 302
    assert Plan.objects.get().instance_name == "typed-name"


def test_a_form_without_a_principal_id_redirects_to_sign_in(client, form_url, entries):
    del entries["signed_in_as"]
    answer = client.post(form_url, entries, headers=ORIGIN)
    assert answer["Location"].startswith("/accounts/login/")


def test_htmx_gets_a_header_when_the_session_has_ended(client, form_url, entries, htmx):
    answer = client.post(form_url, entries, headers=ORIGIN | htmx)
    assert answer["X-Sign-In"] == "ended"
    assert answer["HX-Redirect"].startswith("/accounts/login/")


def test_passwords_are_never_kept(strict, alice):
    sent = {"signed_in_as": alice.principal_id, "oldpassword": SECRET}
    refused = strict.post("/accounts/password/change/", sent, headers=ORIGIN)
    assert refused.status_code == 403
    assert ENTRIES not in refused.content.decode()


def test_entries_above_the_size_limit_are_not_kept(
    strict, form_url, entries, monkeypatch
):
    monkeypatch.setattr("console.accounts.form_recovery.MAX_BYTES", 10)
    refused = strict.post(form_url, entries, headers=ORIGIN)
    assert refused.status_code == 403
    assert ENTRIES not in refused.content.decode()
