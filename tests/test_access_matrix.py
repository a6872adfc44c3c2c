"""Every address, role and method: who gets an answer, and that nobody else learns anything."""

import itertools
import re

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import path
from django.utils.html import escape

from console import urls
from console.lib.users import User
from instances.models import ApproverDuties, Instance, Plan
from tests.access_table import (
    ALL_METHODS,
    BOTH,
    FORBIDDEN,
    MEMBERS,
    TABLE,
    routes,
    skipped,
)
from tests.everything import Everything, Watch, snapshot

pytestmark = pytest.mark.django_db
# alice owns everything, bob nothing; carol decides about the launches of alice's product.
ROLES = ("anonymous", "alice", "bob", "carol", "admin", "deactivated")
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
# What nobody may set by adding it to a form.
EXTRA = {
    "owner": "2",
    "owner_id": "2",
    "owner_role": "1",
    "user": "2",
    "status": "Error",
    "state": "ended",
    "is_superuser": "1",
    "is_staff": "1",
    "is_active": "",
    "groups": "1",
    "created_by": "2",
    "approved_by": "2",
    "digest": "x",
    "draft": "",
    "terminated_at": "2020-01-01",
    "principal_id": "1",
    "stack_id": "00000000-0000-0000-0000-000000000000",
}
MATRIX = sorted(TABLE.items())
LOOKUPS = [(r, t) for r, t in MATRIX if "pk>" in r or "people/<" in r]


@pytest.fixture
def everything(alice, bob, carol, admin):
    made = Everything(alice, bob, admin)
    made.let_approve(carol)
    return made


@pytest.fixture
def clients(everything):
    found = {role: everything.client(role) for role in ROLES}
    everything.deactivate()
    return found


def ask(client, method, address, **options):
    """Make one request; whatever the answer is, it has the browser's rules and is no crash."""
    response = client.generic(method, address, **options)
    where = f"{method} {address}: {response.status_code}"
    assert response.status_code < 500 or address == "/readyz", where
    check_headers(response, where)
    return response


def check_headers(response, where):
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'"), where
    assert "unsafe" not in policy, where
    for name, value in HEADERS.items():
        assert response.headers[name] == value, (where, name)
    assert response.headers["x-acs-request-id"], where


def text_of(response, *names):
    """A page without what differs from request to request: IDs and tokens."""
    text = response.content.decode()
    text = text.replace(response.headers["x-acs-request-id"], "")
    text = re.sub(r'(csrfmiddlewaretoken" value|x-csrftoken":) ?=?"[^"]*"', "", text)
    for name in names:
        for spelling in (escape(name), name.partition("?")[0]):
            text = text.replace(spelling, "")
    return text


def expected(route, role, method):
    """The status the table promises; None is an answer, whatever it says."""
    who, methods = TABLE[route]
    if role in ("anonymous", "deactivated") and role not in who:
        return 302
    if method not in methods:
        return 405
    if (role, method, route) in FORBIDDEN:
        return 403
    return None if role in who else 404


def test_every_address_is_in_the_table():
    known = {route for route in routes() if not skipped(route)}
    assert known == set(TABLE)


def test_an_address_nobody_entered_is_noticed(monkeypatch):
    added = [*urls.urlpatterns, path("forgotten/", lambda request: None)]
    assert "forgotten/" in set(routes(added)) - set(TABLE)


def test_the_approver_is_one(everything):
    """Else she would be one more end user."""
    carol = everything.carol
    waiting = Plan.objects.received_by(carol, ApproverDuties.of(carol))
    assert list(waiting) == [everything.plan]
    assert not carol.is_administrator
    everything.client("carol").post(
        f"/plans/{everything.plan.pk}/decide/",
        {"approve": "1", "seen": everything.plan.digest},
    )
    everything.plan.refresh_from_db()
    assert everything.plan.status == Plan.Status.APPLICATION_APPROVED


@pytest.mark.parametrize("route", [route for route, _ in MATRIX])
def test_each_role_gets_what_the_table_says(everything, clients, route):
    before = snapshot()
    # To allauth a PUT is a POST, and a DELETE is a redirect.
    methods = BOTH if route.startswith("accounts/") else ALL_METHODS
    for role, method in itertools.product(ROLES, methods):
        with transaction.atomic():
            with Watch() as watch:
                response = ask(clients[role], method, everything.address(route))
            # To look at every table takes longer than most answers.
            changed = watch.wrote and snapshot() != before
            judge(response, route, role, method, changed=changed)
            transaction.set_rollback(True)


def judge(response, route, role, method, *, changed):
    """Compare an answer with the table; only what somebody may do changes anything."""
    status, got = expected(route, role, method), response.status_code
    where = f"{role} {method} /{route}: {got}"
    if route == "" and method not in ("GET", "HEAD"):
        # A call of the API without a signature.
        status = 400
    if status is None:
        assert got not in (403, 404, 405), where
    else:
        assert got == status, where
    if status is not None or method in ("GET", "HEAD"):
        assert not changed, f"{where} changed something"
    if status == got == 302:
        assert response.headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("route", [route for route, _ in LOOKUPS])
def test_foreign_and_missing_are_the_same(everything, clients, route):
    who, methods = TABLE[route]
    for role in MEMBERS:
        if role in who:
            continue
        for method in methods:
            for extra in ({}, {"HX-Request": "true"}):
                foreign, missing = everything.address(route), everything.missing(route)
                one = ask(clients[role], method, foreign, headers=extra)
                two = ask(clients[role], method, missing, headers=extra)
                assert one.status_code == two.status_code == 404
                assert text_of(one, foreign, missing) == text_of(two, foreign, missing)


@pytest.mark.parametrize("route", [route for route, _ in LOOKUPS])
def test_what_is_missing_is_missing_for_everybody(everything, clients, route):
    who, methods = TABLE[route]
    for role in {"alice", "admin"} & set(who):
        got = ask(clients[role], methods[0], everything.missing(route)).status_code
        assert got == 404, f"{role} /{route}"


@pytest.mark.parametrize("route", [route for route, _ in MATRIX if route])
def test_every_post_needs_its_token(everything, route):
    for role in ("alice", "admin"):
        client = everything.client(role, enforce_csrf_checks=True)
        before = snapshot()
        with Watch() as watch:
            response = ask(client, "POST", everything.address(route))
        assert response.status_code == 403, f"{role} /{route}"
        # To look at every table takes longer than the answer.
        assert not watch.wrote or snapshot() == before


@pytest.mark.parametrize(
    "route", [r for r, (who, methods) in MATRIX if "POST" in methods and "alice" in who]
)
def test_more_fields_than_a_form_has_change_nothing(everything, route):
    client = everything.client("alice")
    client.post(everything.address(route), EXTRA)
    alice = User.objects.get(username="alice")
    assert not alice.is_superuser
    assert not alice.is_staff
    assert not alice.groups.exists()
    assert alice.is_active
    instance = Instance.objects.get(pk=everything.instance.pk)
    kept = ("owner_id", "owner_role_id", "stack_id", "terminated_at")
    for name in kept:
        assert getattr(instance, name) == getattr(everything.instance, name), name
    assert instance.status != Instance.Status.ERROR
    assert not Plan.objects.exclude(owner=alice).exists()
    assert not User.objects.filter(principal_id="1").exists()


def test_no_form_takes_whatever_its_model_has():
    for folder in ("console", "catalog", "instances"):
        for file in (settings.BASE_DIR / folder).rglob("*.py"):
            assert '"__all__"' not in file.read_text(), file


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1:1", "a b"])
def test_a_strange_host_is_refused_with_the_same_rules(db, host):
    response = ask(
        Client(raise_request_exception=False), "GET", "/", headers={"host": host}
    )
    assert response.status_code == 400


def test_a_crash_has_the_same_rules(client, alice, monkeypatch):
    client.force_login(alice)
    client.raise_request_exception = False
    monkeypatch.setattr("catalog.views.products.list_page", None)
    response = client.get("/products/")
    assert response.status_code == 500
    check_headers(response, "500")
    assert "Traceback" not in response.content.decode()
