"""Single sign-on with a provider that signs its tokens: users, groups and refused logins."""

import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.socialaccount.models import SocialAccount, SocialToken
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from django.utils.timezone import now

from console.accounts.sessions import Session
from console.lib.audit import AuditEntry
from console.lib.users import Role, User
from tests.console.accounts import sso_urls
from tests.console.accounts.oidc_provider import CLIENT, SECRET, Provider
from tests.console.accounts.sign_in import page_text, signed_in, with_password
from tests.factories import UserFactory, administrators

pytestmark = pytest.mark.django_db
OTHER_KEY = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def provider():
    running = Provider()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def configured(db, settings, provider):
    administrators()
    settings.ROOT_URLCONF = sso_urls.__name__
    settings.OIDC_URL = provider.url
    settings.OIDC_GROUPS = [("platform", "Administrators"), ("db", "approvers")]
    oidc = dict(settings.SOCIALACCOUNT_PROVIDERS["openid_connect"])
    app = {"server_url": provider.url, "uid_field": "uid"}
    oidc["APPS"] = [
        {
            "provider_id": "sso",
            "name": "Acme",
            "client_id": CLIENT,
            "secret": SECRET,
            "settings": app,
        }
    ]
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": oidc}


def begin(client, next="", **fields):
    """Submit the sign-in button; return the URL of the provider."""
    page = client.post("/accounts/sso/login/", {"next": next} | fields)
    assert page.status_code == 200
    return page.headers["Refresh"].removeprefix("0;url=")


def at_provider(address):
    """Sign in at the provider; return the URL of the callback."""
    answer = requests.get(address, allow_redirects=False, timeout=10)
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.path}?{parts.query}"


def come_in(client=None, **fields):
    client = client or Client()
    return client, client.get(at_provider(begin(client, **fields)))


def groups_of(name):
    person = User.objects.get(username=name)
    return set(person.groups.values_list("name", flat=True))


def test_the_button_is_shown_if_a_provider_is_configured():
    assert "/accounts/sso/login/" in Client().get("/accounts/login/").content.decode()


def test_a_new_user_is_created_and_signed_in(provider):
    provider.at_the_keyboard |= {
        "given_name": "Nora",
        "family_name": "Berg",
        "email": "nora@acme.example",
    }
    client, answer = come_in(next="/instances/")
    assert answer.url == "/instances/"
    assert signed_in(client)
    nora = User.objects.get(username="nora")
    assert (nora.get_full_name(), nora.email) == ("Nora Berg", "nora@acme.example")
    assert not nora.has_usable_password()
    assert (nora.is_staff, nora.is_superuser, nora.is_administrator) == (False,) * 3
    made = AuditEntry.objects.get(action="CreatePerson")
    assert (made.actor, made.target_name) == (nora, "nora")
    come_in()
    assert User.objects.filter(username__startswith="nora").count() == 1


def test_the_request_to_the_provider_contains_no_other_data(provider):
    asked = parse_qs(urlsplit(begin(Client(), scope="admin", process="connect")).query)
    assert set(asked["scope"][0].split()) == {"openid", "profile", "email"}
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["http://testserver/accounts/sso/callback/"]
    assert len(asked["nonce"][0]) >= 32
    assert SECRET not in str(asked)


def test_groups_follow_the_provider_at_each_sign_in(provider):
    Role.objects.create(name="of our own")
    provider.claims = {"groups": ["platform", "unmapped"]}
    come_in()
    nora = User.objects.get(username="nora")
    nora.groups.add(Role.objects.get(name="of our own"))
    assert groups_of("nora") == {"Administrators", "of our own"}
    assert nora.is_administrator
    provider.claims = {"groups": "db"}
    come_in()
    assert groups_of("nora") == {"approvers", "of our own"}
    provider.claims = {}
    come_in()
    assert groups_of("nora") == {"of our own"}
    found = AuditEntry.objects.filter(action="FollowGroups").order_by("id")
    assert [each.after["groups"] for each in found] == [
        ["Administrators"],
        ["approvers", "of our own"],
        ["of our own"],
    ]


def test_groups_can_have_another_claim_and_come_from_userinfo(provider, settings):
    settings.OIDC_GROUPS_CLAIM = "roles"
    provider.userinfo = {"roles": ["db"], "groups": ["platform"]}
    come_in()
    assert groups_of("nora") == {"approvers"}


def test_unmapped_groups_are_ignored(provider, settings):
    settings.OIDC_GROUPS = []
    provider.claims = {"groups": ["Administrators", "platform"]}
    come_in()
    assert groups_of("nora") == set()


def test_an_inactive_user_is_refused(provider):
    come_in()
    User.objects.filter(username="nora").update(is_active=False)
    provider.claims = {"groups": ["platform"]}
    client, answer = come_in()
    assert answer.url == "/accounts/inactive/"
    assert not signed_in(client)
    assert groups_of("nora") == set()
    assert AuditEntry.objects.filter(action="SignInFailed").count() == 1


def test_an_existing_account_is_not_linked_by_default(provider):
    for name in ("nora", "NORA"):
        User.objects.filter(username__iexact="nora").delete()
        with_password(UserFactory(username=name))
        client, answer = come_in()
        assert answer.status_code == 403
        assert "already" in page_text(answer)
        assert not signed_in(client)
        assert User.objects.count() == 1


def test_an_existing_account_is_linked_if_the_setting_permits_it(provider, settings):
    settings.OIDC_LINK = True
    nora = with_password(UserFactory(username="nora"))
    client, _ = come_in()
    assert signed_in(client)
    assert User.objects.get() == nora
    assert AuditEntry.objects.filter(action="ConnectSingleSignOn").exists()
    # From now on it is the provider's ID that counts, not the name.
    provider.at_the_keyboard = {"sub": "1", "preferred_username": "renamed"}
    come_in()
    assert User.objects.get() == nora


def test_the_same_subject_of_another_issuer_is_another_user(provider, settings):
    come_in()
    other = Provider()
    try:
        other.at_the_keyboard = {"sub": "1", "preferred_username": "mallory"}
        settings.OIDC_URL = other.url
        apps = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
        apps[0]["settings"]["server_url"] = other.url
        come_in()
    finally:
        other.stop()
    assert set(User.objects.values_list("username", flat=True)) == {"nora", "mallory"}


@pytest.mark.parametrize("name", [None, "", "a b", "<script>", "x" * 200, "a\x00b"])
def test_an_invalid_login_name_is_refused(provider, name):
    provider.at_the_keyboard = {"sub": "1", "preferred_username": name}
    client, answer = come_in()
    assert answer.status_code == 403
    assert not signed_in(client)
    assert not User.objects.exists()


LIES = {
    "another key": {"signed_by": OTHER_KEY},
    "an unknown key": {"kid": "two"},
    "no signature": {"signed_by": None, "algorithm": "none"},
    "a shared secret": {"signed_by": SECRET * 2, "algorithm": "HS256"},
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "another audience": {"claims": {"aud": "another-client"}},
    "several audiences": {"claims": {"aud": [CLIENT, "b"], "azp": "b"}},
    "no audience": {"claims": {"aud": None}},
    "expired": {"claims": {"exp": 1_700_000_000}},
    "no expiry": {"claims": {"exp": None}},
    "made tomorrow": {"claims": {"iat": 4_000_000_000, "exp": 4_000_000_300}},
    "another nonce": {"claims": {"nonce": "of-another-sign-in"}},
    "no nonce": {"claims": {"nonce": None}},
    "no subject": {"claims": {"sub": None}},
    "userinfo of another": {"userinfo": {"sub": "2"}},
    "no ID token": {"token_answer": {"access_token": "x"}},
    "no access token": {"token_answer": {"id_token": "x"}},
    "a broken ID token": {"token_answer": {"access_token": "x", "id_token": "a.b.c"}},
    "a list": {"token_answer": ["x"]},
    "an error": {"error": "server_error"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_invalid_id_tokens_are_refused(provider, lie):
    for name, value in lie.items():
        setattr(provider, name, value)
    client, answer = come_in()
    assert answer.status_code == 403
    assert not signed_in(client)
    assert not User.objects.exists()
    assert AuditEntry.objects.filter(action="SignInFailed").count() == 1


def test_a_callback_works_once_and_only_in_its_browser(provider):
    client = Client()
    back = at_provider(begin(client))
    stranger = Client()
    assert stranger.get(back).status_code == 403
    assert not signed_in(stranger)
    client.get(back)
    assert signed_in(client)
    again = Client()
    again.cookies = client.cookies
    assert again.get(back).status_code in (302, 403)
    begin(stranger)
    stranger.get(back)
    assert not signed_in(stranger)


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=x"]
)
def test_an_unrequested_callback_is_refused(query):
    assert Client().get(f"/accounts/sso/callback/{query}").status_code == 403


def test_canceling_redirects_to_sign_in(provider):
    provider.error = "access_denied"
    client, answer = come_in()
    assert answer.url == "/accounts/login/"
    assert "canceled" in page_text(client.get(answer.url))


def test_the_redirect_to_the_provider_requires_post_and_token():
    assert Client().get("/accounts/sso/login/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/accounts/sso/login/").status_code == 403


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/"])
def test_single_sign_on_redirects_to_no_other_site(target):
    _, answer = come_in(next=target)
    assert answer.url == "/"


def test_an_unreachable_provider_shows_an_error_message(provider):
    provider.stop()
    answer = Client().post("/accounts/sso/login/")
    assert answer.status_code == 503
    assert "is not responding" in page_text(answer)


def test_an_unknown_provider_is_not_found(provider, settings):
    settings.OIDC_URL = "https://somewhere.example"
    assert Client().post("/accounts/sso/login/").status_code == 503


@pytest.mark.parametrize(
    ("amr", "trusted", "asked"),
    [
        (["pwd"], False, True),
        (["pwd", "mfa"], False, False),
        (None, False, True),
        (None, True, False),
        ("mfa-like text", False, True),
    ],
)
def test_mfa_of_the_provider_counts_if_the_setting_permits_it(
    provider, settings, amr, trusted, asked
):
    settings.REQUIRE_MFA, settings.OIDC_MFA = True, trusted
    provider.claims = {"groups": ["platform"], "amr": amr}
    client, _ = come_in()
    answer = client.get("/products/")
    assert (answer.status_code == 302) is asked


def test_users_of_single_sign_on_have_no_password_page(provider):
    client, _ = come_in()
    assert client.get("/accounts/password/change/").status_code == 409
    assert "do not have a password" in page_text(client.get("/accounts/"))


def test_tokens_of_the_provider_are_not_stored(provider):
    come_in()
    assert not SocialToken.objects.exists()
    assert "access" not in repr(SocialAccount.objects.get().extra_data)


def test_the_account_linking_pages_of_allauth_do_not_exist(provider):
    client, _ = come_in()
    for path in ("3rdparty/", "3rdparty/signup/", "oidc/sso/login/", "social/signup/"):
        assert client.get(f"/accounts/{path}").status_code == 404


def long_ago(client):
    Session.objects.update(started_at=now() - timedelta(hours=1))
    asked = client.get("/accounts/2fa/totp/activate/")
    assert (
        asked.url == "/accounts/sso/again/?next=%2Faccounts%2F2fa%2Ftotp%2Factivate%2F"
    )
    assert client.get(asked.url).status_code == 200
    answer = client.post("/access-keys/create/")
    assert answer.url == "/accounts/sso/again/?next=%2F"
    return {"next": "/accounts/2fa/totp/activate/", "again": "1"}


def test_sensitive_pages_require_reauthentication_at_the_provider(provider):
    client, _ = come_in()
    again = long_ago(client)
    asked = parse_qs(urlsplit(begin(client, **again)).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    provider.claims = {"auth_time": int(time.time())}
    _, answer = come_in(client, **again)
    assert answer.url == again["next"]
    assert client.get(answer.url).status_code == 200
    assert client.post("/access-keys/create/").status_code == 201


@pytest.mark.parametrize("auth_time", [None, 1_700_000_000, "now"])
def test_a_provider_without_reauthentication_is_refused(provider, auth_time):
    client, _ = come_in()
    again = long_ago(client)
    provider.claims = {"auth_time": auth_time}
    _, answer = come_in(client, **again)
    assert answer.status_code == 403
    assert client.post("/access-keys/create/").status_code == 302


def test_reauthentication_as_another_user_signs_in_that_user(provider):
    client, _ = come_in()
    again = long_ago(client)
    provider.at_the_keyboard = {"sub": "2", "preferred_username": "mallory"}
    provider.claims = {"auth_time": int(time.time())}
    come_in(client, **again)
    page = client.get("/accounts/").content.decode()
    assert "mallory" in page
    assert "nora" not in page
