"""Reauthentication before sensitive actions."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from catalog.models import LaunchRole, Region
from console.accounts.sessions import Session
from console.api.access_keys import AccessKey
from tests.console.accounts.sign_in import sign_in, with_password
from tests.factories import RegionFactory

pytestmark = pytest.mark.django_db
SECRET = {"password": "a-long-enough-secret"}


def signed_in_long_ago(person):
    with_password(person)
    client, _ = sign_in(person.username)
    Session.objects.filter(user=person).update(started_at=now() - timedelta(hours=1))
    return client


def test_a_recent_sign_in_needs_no_reauthentication(alice):
    with_password(alice)
    client, _ = sign_in("alice")
    assert client.post("/access-keys/create/").status_code == 201


def test_a_new_access_key_requires_the_password(alice):
    client = signed_in_long_ago(alice)
    asked = client.post("/access-keys/create/")
    assert asked.url == "/accounts/reauthenticate/?next=%2Faccess-keys%2Fcreate%2F"
    assert not AccessKey.objects.exists()
    made = client.post(asked.url, SECRET | {"next": "/access-keys/create/"})
    assert made.status_code == 201
    key = AccessKey.objects.get()
    assert key.secret_text in made.content.decode()


def test_a_wrong_password_creates_no_access_key(alice):
    client = signed_in_long_ago(alice)
    asked = client.post("/access-keys/create/")
    client.post(asked.url, {"password": "x", "next": "/access-keys/create/"})
    assert not AccessKey.objects.exists()


def test_a_reauthentication_expires(alice, settings):
    client = signed_in_long_ago(alice)
    assert client.post("/accounts/reauthenticate/", SECRET).status_code == 302
    assert client.post("/access-keys/create/").status_code == 201
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    assert client.post("/access-keys/create/").status_code == 302


@pytest.mark.parametrize(
    "path",
    [
        "/manage/regions/new/",
        "/manage/regions/cn-hangzhou/",
        "/manage/launch-roles/new/",
        "/manage/launch-roles/{role}/",
        "/manage/people/alice/second-factors/remove/",
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/2fa/recovery-codes/generate/",
        "/admin/console/user/{admin}/password/",
    ],
)
def test_sensitive_pages_require_reauthentication(admin, alice, path):
    RegionFactory()
    role = LaunchRole.objects.create(name="launcher")
    admin.is_staff = admin.is_superuser = True
    admin.save()
    client = signed_in_long_ago(admin)
    path = path.format(role=role.pk, admin=admin.pk)
    for method in (client.get, client.post):
        answer = method(path)
        assert answer.status_code == 302
        assert answer.url.startswith("/accounts/reauthenticate/"), path
    client.post("/accounts/reauthenticate/", SECRET)
    assert client.get(path).status_code == 200, path


def test_credentials_entered_before_reauthentication_are_saved(admin):
    client = signed_in_long_ago(admin)
    fields = {"id": "eu-west-1", "name": "Ireland", "credentials": "TOKEN=canary-value"}
    asked = client.post("/manage/regions/new/", fields)
    stored = list(Session.objects.values_list("session_data", flat=True))
    assert "canary" not in repr(stored)
    done = client.post(asked.url, SECRET | {"next": "/manage/regions/new/"})
    assert done.url == "/manage/regions/"
    assert Region.objects.get(pk="eu-west-1").credentials == {"TOKEN": "canary-value"}


def test_other_pages_require_no_reauthentication(alice):
    client = signed_in_long_ago(alice)
    for path in ("/products/", "/instances/", "/access-keys/", "/accounts/"):
        assert client.get(path).status_code == 200
