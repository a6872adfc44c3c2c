"""MFA: adding, signing in, recovery, removal, and which users need it."""

import json
import random
import re
import time

import pytest
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from fido2.utils import websafe_decode, websafe_encode

from catalog.models import Constraint
from console.accounts.second_factor import passkeys_possible
from console.keys.rotation import Rotation
from console.lib.audit import AuditEntry
from console.lib.encryption import generate_key
from tests.console.accounts.sign_in import page_text, sign_in, signed_in, with_password
from tests.factories import PortfolioFactory, ProductFactory, RoleFactory
from tests.markup import compact
from tests.passkey import SoftKey

pytestmark = pytest.mark.django_db
ACTIVATE = "/accounts/2fa/totp/activate/"
AUTHENTICATE = "/accounts/2fa/authenticate/"
CODES = "/accounts/2fa/recovery-codes/"


def code_of(secret, steps=0):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def fresh_step():
    """Wait until a time step begins, so that a code stays valid during the test."""
    if (left := 30 - time.time() % 30) < 5:
        time.sleep(left + 0.1)


def add_app(client):
    """Add an authenticator app on its page; return the secret."""
    fresh_step()
    page = compact(client.get(ACTIVATE))
    secret = re.search(r'data-copy="([A-Z2-7]{32})"', page)[1]
    answer = client.post(ACTIVATE, {"code": code_of(secret)})
    assert answer.url == CODES
    return secret


@pytest.fixture
def secret(alice):
    """The secret of alice's authenticator app; she is signed out."""
    with_password(alice)
    client, _ = sign_in("alice")
    return add_app(client)


def recovery_codes(client):
    return re.findall(r"^(?:.*>)?(\d{8})$", client.get(CODES).content.decode(), re.M)


def actions(*names):
    found = AuditEntry.objects.filter(action__in=names).order_by("id")
    return list(found.values_list("action", flat=True))


def test_the_password_alone_is_no_longer_enough(alice, secret):
    client, answer = sign_in("alice", next="/instances/")
    assert answer.url == AUTHENTICATE
    assert not signed_in(client)
    fresh_step()
    answer = client.post(AUTHENTICATE, {"code": code_of(secret)})
    assert answer.url == "/instances/"
    assert signed_in(client)
    last = AuditEntry.objects.filter(action="SignIn").latest("id")
    assert last.after == {"methods": ["password", "totp"]}


def test_a_code_works_once(alice, secret):
    fresh_step()
    code = code_of(secret)
    first, _ = sign_in("alice")
    first.post(AUTHENTICATE, {"code": code})
    second, _ = sign_in("alice")
    assert "Incorrect code" in page_text(second.post(AUTHENTICATE, {"code": code}))
    assert signed_in(first)
    assert not signed_in(second)


@pytest.mark.parametrize("steps", [-2, -1, 1, 2])
def test_codes_of_other_times_are_wrong(alice, secret, steps):
    client, _ = sign_in("alice")
    fresh_step()
    client.post(AUTHENTICATE, {"code": code_of(secret, steps)})
    assert not signed_in(client)


def test_wrong_codes_are_limited_and_recorded(alice, secret):
    client, _ = sign_in("alice")
    wrong = f"{(int(code_of(secret)) + 500_000) % 1_000_000:06}"
    pages = [page_text(client.post(AUTHENTICATE, {"code": wrong})) for _ in range(20)]
    assert sum("Incorrect code" in page for page in pages) <= 5
    assert "Too many" in pages[-1]
    fresh_step()
    client.post(AUTHENTICATE, {"code": code_of(secret)})
    assert not signed_in(client)
    failed = AuditEntry.objects.filter(action="SignInFailed", target_name="alice")
    # Refused for their number as well, also the one that was right.
    assert failed.count() == 21


def test_wrong_codes_of_all_sessions_count_together(alice, secret):
    wrong = f"{(int(code_of(secret)) + 500_000) % 1_000_000:06}"
    for _ in range(5):
        client, _ = sign_in("alice")
        client.post(AUTHENTICATE, {"code": wrong})
    other, _ = sign_in("alice")
    assert "Too many" in page_text(other.post(AUTHENTICATE, {"code": wrong}))


def test_a_correct_code_does_not_reset_the_failures_of_the_address(alice, secret):
    for number in range(9):
        sign_in(f"somebody-{number}", "wrong")
    client, _ = sign_in("alice")
    fresh_step()
    client.post(AUTHENTICATE, {"code": code_of(secret)})
    assert signed_in(client)
    sign_in("somebody-else", "wrong")
    assert "Too many" in page_text(sign_in("yet-another", "wrong")[1])


def test_a_recovery_code_works_once(alice):
    with_password(alice)
    client, _ = sign_in("alice")
    add_app(client)
    codes = recovery_codes(client)
    assert len(set(codes)) == 10
    for expected in (True, False):
        other, _ = sign_in("alice")
        other.post(AUTHENTICATE, {"code": codes[0]})
        assert signed_in(other) is expected
    assert len(recovery_codes(client)) == 9
    text = client.get(f"{CODES}download/")
    assert text.headers["Content-Type"].startswith("text/plain")
    assert text.content.decode().split() == codes[1:]


def test_new_recovery_codes_replace_the_old(alice):
    with_password(alice)
    client, _ = sign_in("alice")
    add_app(client)
    old = recovery_codes(client)
    client.post(f"{CODES}generate/")
    assert not set(old) & set(recovery_codes(client))
    other, _ = sign_in("alice")
    other.post(AUTHENTICATE, {"code": old[0]})
    assert not signed_in(other)
    assert actions("GenerateRecoveryCodes") == ["GenerateRecoveryCodes"]


def test_a_change_that_cannot_be_recorded_is_rolled_back(alice, monkeypatch):
    """The audit entry is written in the transaction of the change."""
    with_password(alice)
    client, _ = sign_in("alice")
    add_app(client)
    client.raise_request_exception = False
    kept = sorted(Authenticator.objects.values_list("pk", "type"))

    def refuse(*args, **kwargs):
        raise OperationalError("the disk is full")

    monkeypatch.setattr(AuditEntry, "save", refuse)
    for path in ("totp/deactivate/", "recovery-codes/generate/"):
        assert client.post(f"/accounts/2fa/{path}").status_code == 503
        assert sorted(Authenticator.objects.values_list("pk", "type")) == kept
    add_passkey(client, SoftKey())
    assert sorted(Authenticator.objects.values_list("pk", "type")) == kept


@pytest.mark.parametrize(
    ("host", "secure", "possible"),
    [
        ("[::1]", True, False),
        ("[::1]:8000", True, False),
        ("127.0.0.1:8000", True, False),
        ("127.0.0.1", False, False),
        ("localhost:8000", False, True),
        ("localhost", False, True),
        ("catalog.example.com", True, True),
        ("catalog.example.com:8443", True, True),
        ("catalog.example.com", False, False),
    ],
)
def test_passkeys_are_not_offered_for_ip_addresses(
    rf, settings, host, secure, possible
):
    settings.ALLOWED_HOSTS = ["*"]
    assert passkeys_possible(rf.get("/", secure=secure, HTTP_HOST=host)) is possible


def test_removing_the_app_removes_the_recovery_codes(alice):
    with_password(alice)
    client, _ = sign_in("alice")
    add_app(client)
    client.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()
    other, _ = sign_in("alice")
    assert signed_in(other)
    found = actions("AddAuthenticatorApp", "RemoveAuthenticatorApp")
    assert found == ["AddAuthenticatorApp", "RemoveAuthenticatorApp"]


def test_mfa_secrets_are_encrypted(alice, secret):
    rows = list(Authenticator.objects.order_by("type"))
    stored = repr([row.data for row in rows])
    assert secret not in stored
    seed = rows[0].wrap()
    assert not any(code in stored for code in seed.generate_codes())


def test_rotation_encrypts_mfa_secrets_with_the_new_key(alice, secret, settings):
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [generate_key(), *old]
    rotation = Rotation()
    list(rotation.run())
    assert not rotation.broken
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    client, _ = sign_in("alice")
    fresh_step()
    client.post(AUTHENTICATE, {"code": code_of(secret)})
    assert signed_in(client)


def test_an_administrator_removes_the_mfa_of_a_user(alice, secret, admin_browser):
    page = "/manage/people/alice/"
    assert "TOTP Authenticator" in admin_browser.get(page).content.decode()
    answer = admin_browser.get(f"{page}second-factors/remove/")
    assert answer.status_code == 200
    assert Authenticator.objects.exists()
    admin_browser.post(f"{page}second-factors/remove/")
    assert not Authenticator.objects.exists()
    client, _ = sign_in("alice")
    assert signed_in(client)
    entry = AuditEntry.objects.get(action="RemoveSecondFactors")
    assert entry.actor.username == "admin"
    assert entry.before == {"factors": ["recovery_codes", "totp"]}
    again = admin_browser.post(f"{page}second-factors/remove/")
    assert again.status_code == 404


def test_a_command_removes_the_mfa_of_an_administrator(alice, secret):
    call_command("remove_second_factors", "alice")
    assert not Authenticator.objects.exists()
    assert AuditEntry.objects.get(action="RemoveSecondFactors").actor_name == "system"
    with pytest.raises(CommandError, match="no MFA method"):
        call_command("remove_second_factors", "alice")
    with pytest.raises(CommandError, match="User not found: zoe"):
        call_command("remove_second_factors", "zoe")


# Who must have one


def needs_factor(client):
    answer = client.get("/products/")
    return answer.status_code == 302 and answer.url == "/accounts/?required"


@pytest.fixture
def required(settings):
    settings.REQUIRE_MFA = True


def test_end_users_need_no_mfa(browser, required):
    assert not needs_factor(browser)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    "path", ["/", "/products/", "/manage/people/", "/access-keys/create/", "/admin/"]
)
def test_administrators_without_mfa_see_only_their_account(
    admin, admin_browser, required, path, method
):
    answer = getattr(admin_browser, method)(path)
    if (path, method) == ("/", "post"):
        assert answer.status_code == 400  # the API, without a signature
        return
    assert answer.url == "/accounts/?required"
    assert "Add an MFA method" in admin_browser.get(answer.url).content.decode()
    for open_path in ("/accounts/", ACTIVATE, "/accounts/sessions/", "/healthz"):
        assert admin_browser.get(open_path).status_code == 200


def test_htmx_loads_the_account_page_as_a_whole(admin_browser, required, htmx):
    answer = admin_browser.get("/instances/", headers=htmx)
    assert answer.headers["HX-Redirect"] == "/accounts/?required"


def test_administrators_with_mfa_see_all_pages(admin, required):
    with_password(admin)
    client, _ = sign_in("admin")
    assert needs_factor(client)
    add_app(client)
    assert not needs_factor(client)


@pytest.mark.parametrize("by_group", [False, True])
def test_approvers_need_mfa(alice, bob, browser, required, by_group):
    product = ProductFactory()
    portfolio = PortfolioFactory(products=[product], users=[alice])
    approver = {"PrincipalType": "RamUser", "PrincipalName": "alice"}
    if by_group:
        alice.groups.add(RoleFactory(name="approvers"))
        approver = {"PrincipalType": "RamRole", "PrincipalName": "approvers"}
    Constraint.objects.create(
        kind="Approval",
        product=product,
        portfolio=portfolio,
        config={"OperationTypes": ["LaunchProduct"], "Approvers": [approver]},
    )
    assert needs_factor(browser)
    bobs = Client()
    bobs.force_login(bob)
    assert not needs_factor(bobs)


def test_staff_users_need_mfa(alice, browser, required):
    alice.is_staff = True
    alice.save()
    assert needs_factor(browser)


# Passkeys


def options_of(answer):
    return answer.context["js_data"]


def add_passkey(client, key, **fields):
    options = options_of(client.get("/accounts/2fa/webauthn/add/"))["creation_options"]
    credential = json.dumps(key.create(options))
    return client.post(
        "/accounts/2fa/webauthn/add/",
        {"name": "Key", "credential": credential} | fields,
    )


def test_a_passkey_completes_a_sign_in_with_password(alice):
    with_password(alice)
    client, _ = sign_in("alice")
    key = SoftKey()
    assert add_passkey(client, key).url == CODES
    other, answer = sign_in("alice")
    assert answer.url == AUTHENTICATE
    options = options_of(other.get(AUTHENTICATE))["request_options"]
    other.post(AUTHENTICATE, {"credential": json.dumps(key.sign(options))})
    assert signed_in(other)
    assert actions("AddPasskey") == ["AddPasskey"]


def passwordless(client, key, person):
    options = client.get(
        "/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"}
    ).json()["request_options"]
    handle = user_pk_to_url_str(person).encode()
    credential = json.dumps(key.sign(options, handle))
    return client.post("/accounts/2fa/webauthn/login/", {"credential": credential})


def test_a_passkey_signs_in_without_a_password(alice):
    with_password(alice)
    client, _ = sign_in("alice")
    key = SoftKey()
    add_passkey(client, key, passwordless="on")
    other = Client()
    assert passwordless(other, key, alice).status_code == 302
    assert signed_in(other)
    # Gone with the browser's windows, as after a password.
    assert not other.cookies[configured.SESSION_COOKIE_NAME]["max-age"]
    last = AuditEntry.objects.filter(action="SignIn").latest("id")
    assert last.after == {"methods": ["webauthn"]}


@pytest.mark.parametrize(
    "other",
    [
        SoftKey(),
        SoftKey(origin="https://evil.example"),
        SoftKey(host="evil.example"),
        SoftKey(origin="http://testserver"),
        SoftKey(verified=False),
    ],
    ids=["key", "origin", "site", "scheme", "unverified"],
)
def test_an_unknown_passkey_is_refused(alice, other):
    with_password(alice)
    client, _ = sign_in("alice")
    key = SoftKey()
    add_passkey(client, key, passwordless="on")
    other.id = key.id
    if (
        other.host != "testserver"
        or other.origin != key.origin
        or other.flags != key.flags
    ):
        other.private = key.private
    stranger = Client()
    passwordless(stranger, other, alice)
    assert not signed_in(stranger)


def test_the_passkey_of_an_inactive_user_is_refused(alice):
    with_password(alice)
    client, _ = sign_in("alice")
    key = SoftKey()
    add_passkey(client, key, passwordless="on")
    alice.is_active = False
    alice.save()
    stranger = Client()
    assert passwordless(stranger, key, alice).url == "/accounts/inactive/"
    assert not signed_in(stranger)


def test_a_passkey_response_is_valid_once(alice):
    with_password(alice)
    client, _ = sign_in("alice")
    key = SoftKey()
    add_passkey(client, key)
    other, _ = sign_in("alice")
    options = options_of(other.get(AUTHENTICATE))["request_options"]
    signed = json.dumps(key.sign(options))
    other.post(AUTHENTICATE, {"credential": signed})
    again, _ = sign_in("alice")
    again.get(AUTHENTICATE)
    again.post(AUTHENTICATE, {"credential": signed})
    assert signed_in(other)
    assert not signed_in(again)


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "x",
        "{}",
        "[]",
        "null",
        '{"id": 1}',
        "1",
        '{"response": {}}',
        "[" * 50_000,
        '{"id":' * 9_000,
        '{"id": "' + "x" * 70_000 + '"}',
    ],
)
def test_malformed_passkey_responses_are_refused(alice, junk):
    with_password(alice)
    client, _ = sign_in("alice")
    add_passkey(client, SoftKey())
    other, _ = sign_in("alice")
    other.raise_request_exception = False
    other.get(AUTHENTICATE)
    assert other.post(AUTHENTICATE, {"credential": junk}).status_code < 500
    assert (
        other.post("/accounts/2fa/webauthn/login/", {"credential": junk}).status_code
        < 500
    )
    client.raise_request_exception = False
    client.get("/accounts/2fa/webauthn/add/")
    assert (
        client.post("/accounts/2fa/webauthn/add/", {"credential": junk}).status_code
        < 500
    )
    assert not signed_in(other)


def test_a_damaged_passkey_response_causes_no_error(alice, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    with_password(alice)
    client, _ = sign_in("alice")
    key = SoftKey()
    add_passkey(client, key)
    other, _ = sign_in("alice")
    dice = random.Random(8)
    options = options_of(other.get(AUTHENTICATE))["request_options"]
    signed = json.dumps(key.sign(options))
    for _ in range(60):
        place = dice.randrange(len(signed))
        damaged = signed[:place] + dice.choice('A_-9{}[]",:') + signed[place + 1 :]
        answer = other.post(AUTHENTICATE, {"credential": damaged})
        assert answer.status_code in (200, 302)


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature"])
def test_a_changed_passkey_response_is_refused(alice, part):
    with_password(alice)
    client, _ = sign_in("alice")
    key = SoftKey()
    add_passkey(client, key)
    other, _ = sign_in("alice")
    options = options_of(other.get(AUTHENTICATE))["request_options"]
    signed = key.sign(options)
    content = bytearray(websafe_decode(signed["response"][part]))
    content[-2] ^= 1
    signed["response"][part] = websafe_encode(bytes(content))
    other.post(AUTHENTICATE, {"credential": json.dumps(signed)})
    assert not signed_in(other)


def test_only_the_owner_can_rename_and_remove_a_passkey(alice, bob):
    with_password(alice)
    client, _ = sign_in("alice")
    add_passkey(client, SoftKey())
    key = Authenticator.objects.get(type="webauthn")
    page = f"/accounts/2fa/webauthn/keys/{key.pk}/"
    client.post(f"{page}edit/", {"name": "Blue key"})
    assert "Blue key" in client.get("/accounts/2fa/webauthn/").content.decode()
    bobs = Client()
    bobs.force_login(bob)
    assert bobs.post(f"{page}remove/").status_code == 404
    client.post(f"{page}remove/")
    assert not Authenticator.objects.exists()
    assert actions("RemovePasskey") == ["RemovePasskey"]


@pytest.mark.parametrize(
    ("host", "offered"),
    [
        ("127.0.0.1", False),
        ("[::1]", False),
        ("localhost", True),
        ("localhost:8000", True),
    ],
)
def test_passkeys_are_offered_on_localhost_and_https(browser, settings, host, offered):
    settings.ALLOWED_HOSTS = ["127.0.0.1", "[::1]", "localhost"]
    page = browser.get("/accounts/", headers={"host": host}).content.decode()
    assert ("Add passkey" in page) is offered
