"""Every change writes one audit entry with actor, address and request ID.

Each URL that accepts POST, each operation of the API, each table of Django admin and
each command is either tested here, or excused with a reason.
"""

import json
from datetime import timedelta

import pytest
from django.contrib import admin as django_admin
from django.core.management import call_command, get_commands
from django.test import Client
from django.utils.timezone import now

from catalog.models import LaunchRole
from console.admin_site import Audited
from console.api.access_keys import AccessKey
from console.lib.audit import AuditEntry
from console.lib.users import User
from console.offboarding.models import Offboarding
from instances.models import Heartbeat, Instance, Plan
from instances.presenters.plan_detail import PlanDetail
from tests.access_table import TABLE
from tests.everything import Everything, snapshot
from tests.factories import (
    MAIN_TF,
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    TaskFactory,
    VersionFactory,
)
from tests.form_fields import save
from tests.instances.planning import approved, asked, constrain, previewed
from tests.instances.running import failed, running
from tests.security.hostile import Forms

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery-staple"
POSTS = sorted(route for route, (_, methods) in TABLE.items() if "POST" in methods)

# What a form is filled in with where the page itself does not say it.
FILLED = {
    "accounts/login/": {"login": "bob", "password": PASSWORD},
    "accounts/password/change/": {
        "oldpassword": PASSWORD,
        "password1": f"{PASSWORD}-2",
        "password2": f"{PASSWORD}-2",
    },
    "instances/<str:pk>/terminate/": {"confirm": "terminate"},
    "instances/<str:pk>/transfer/": {"to": "bob", "reason": "bob takes over"},
    "instances/<str:pk>/update/review/": {"confirm": "1"},
    "manage/known-errors/<str:pk>/": {"title": "Other"},
    "manage/known-errors/new/": {
        "title": "Full",
        "pattern": "no space left",
        "explanation": "The disk is full.",
        "position": "1",
    },
    "manage/launch-roles/<str:pk>/": {"environment": "CLOUD_TOKEN=changed-secret"},
    "manage/launch-roles/new/": {"name": "r", "environment": "CLOUD_TOKEN=new-secret"},
    "manage/people/<str:name>/": {"to": "bob", "which": "all", "reason": "has left"},
    "manage/portfolios/<str:pk>/access/": {"user": "bob"},
    "manage/portfolios/<str:pk>/edit/": {"name": "Other"},
    "manage/portfolios/new/": {"name": "P", "provider": "us"},
    "manage/products/<str:pk>/edit/": {"name": "Other"},
    "manage/products/<str:pk>/versions/new/": {
        "name": "9.0",
        "guidance": "Default",
        "source": "document",
        "document": json.dumps(
            {
                "ROSTemplateFormatVersion": "2015-09-01",
                "Transform": "Aliyun::Terraform-v1.5",
                "Workspace": {"main.tf": MAIN_TF},
            }
        ),
    },
    "manage/products/new/": {
        "name": "P",
        "provider": "us",
        "version-name": "1.0",
        "version-source": "example",
        "version-example": "web-service",
    },
    "manage/regions/<str:pk>/": {
        "name": "Other",
        "credentials": "CLOUD_TOKEN=new-secret",
    },
    "manage/regions/new/": {"id": "eu-new", "name": "N", "credentials": "T=new-secret"},
    "manage/tag-options/new/": {"key": "k", "value": "v"},
}
# What changes nothing that is anybody's to know: why each is left out.
EXCUSED = {
    "accounts/reauthenticate/": "changes nothing but the own session's time of proof",
    **{
        f"accounts/2fa/{page}": "recorded: tests/console/accounts/test_second_factor.py"
        for page in (
            *("authenticate/", "reauthenticate/", "totp/activate/", "totp/deactivate/"),
            *("recovery-codes/generate/", "recovery-codes/download/", "webauthn/add/"),
            *("webauthn/login/", "webauthn/reauthenticate/"),
        )
    },
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": "the name its owner gave a passkey",
    "accounts/sessions/end/": "recorded: tests/console/accounts/test_sessions.py",
    "appearance/": "a cookie of the own browser",
    "language/": "a cookie of the own browser",
    "notices/read/": "which of the own notices are read",
    "notices/<int:pk>/open/": "which of the own notices are read",
    "products/<str:pk>/launch/": "a draft, seen by its owner alone; launching is recorded",
    "instances/<str:pk>/update/": "a draft, seen by its owner alone; updating is recorded",
    "manage/products/<str:pk>/versions/<str:version_pk>/try/": "a draft, as above",
    "manage/products/<str:pk>/versions/<str:version_pk>/recheck/": "recorded at its end",
    "manage/regions/<str:pk>/test/": "recorded at its end",
}


ABOUT_TWO = {
    "instances/<str:pk>/retry/",
    "manage/products/new/",
    "plans/<str:pk>/execute/",
}


class Prepared(Everything):
    """Objects of every type, and the preparation of each change."""

    def __init__(self, alice, bob, admin):
        super().__init__(alice, bob, admin)
        for person in (alice, bob):
            person.set_password(PASSWORD)
            person.save()
        self.data, self.actor, self.query = {}, None, ""

    def ready(self, route):
        """Prepare the change that the URL makes."""
        prepare = READY.get(route)
        if prepare is not None:
            prepare(self)
        return self


def wants_waiting_task(ready):
    ready.task = TaskFactory(instance=ready.instance)
    Instance.objects.filter(pk=ready.instance.pk).update(
        last_task=ready.task, status="UnderChange"
    )


def wants_disabled_key(ready):
    AccessKey.objects.filter(pk=ready.key.pk).update(active=False)


def wants_ticked_instances(ready):
    ready.data = {"instance": [ready.instance.pk], "to": "bob", "reason": "so"}


def wants_offboarding(ready):
    everything = Instance.objects.filter(owner=ready.alice)
    Offboarding.objects.begin(
        ready.alice, by=ready.admin, instances=everything, to=ready.bob, reason="gone"
    )


def wants_empty_portfolio(ready):
    ready.portfolio = PortfolioFactory()


def wants_free_product(ready):
    ready.product = ProductFactory()


def wants_unused_version(ready):
    ready.version = VersionFactory(product=ready.product)


def wants_free_region(ready):
    ready.region = RegionFactory(id="eu-free")


def wants_other_portfolio(ready):
    ready.portfolio = PortfolioFactory()


def wants_loose_option(ready):
    ready.option.products.clear()
    ready.option.portfolios.clear()


def wants_draft(kind):
    """Create a previewed draft, whose ID is in the URL of its review page."""

    def prepare(ready):
        draft = next(each for each in ready.drafts if each.operation == kind)
        for column, value in draft.seal(b"plan").items():
            setattr(draft, column, value)
        draft.state = Plan.State.ENDED
        draft.parameters = {"name": "other"}
        draft.save()
        ready.query = f"?plan={draft.pk}"

    return prepare


def wants_decision(ready):
    constrain(ready.version, "bob")
    ready.plan = previewed(asked(ready.alice, ready.version))
    ready.actor = ready.bob
    ready.data = {
        "decision": "approve",
        "seen": PlanDetail(ready.plan, ready.bob).plan.digest,
    }


def wants_approval(ready):
    constrain(ready.version, "bob")
    ready.plan = approved(previewed(asked(ready.alice, ready.version)), ready.bob)


def wants_silent_worker(ready):
    Heartbeat.objects.beat("far-9", host="far", capacity=4, busy=0)
    beat = now() - timedelta(hours=1)
    ready.task = running(
        ready.instance,
        worker="far-1",
        host="far",
        epoch=1,
        heartbeat_at=beat,
        lease_until=beat + timedelta(seconds=30),
    )


def wants_failure(ready):
    spec = {"version": ready.version, "portfolio": ready.portfolio}
    ready.task = failed(ready.instance, parameters={"name": "one"}, **spec)
    ready.data = {"task": ready.task.pk}


def wants_session(ready):
    ready.client("alice")


def wants_refused_version(ready):
    ready.version = VersionFactory(product=ready.product, active=False)
    ready.data = {"seen": ready.version.stamp}


def wants_wrong_status(ready):
    Instance.objects.filter(pk=ready.instance.pk).update(status="UnderChange")
    ready.data = {"reason": "restored by hand"}


READY = {
    "instances/<str:pk>/reconcile/": wants_wrong_status,
    "manage/products/<str:pk>/versions/<str:version_pk>/activate/": wants_refused_version,
    "accounts/login/": lambda ready: setattr(ready, "actor", ready.bob),
    "instances/<str:pk>/tasks/<str:task>/reconcile/": wants_silent_worker,
    "instances/<str:pk>/retry/": wants_failure,
    "manage/people/<str:name>/sessions/end/": wants_session,
    "access-keys/<str:pk>/enable/": wants_disabled_key,
    "instances/<str:pk>/tasks/<str:task>/cancel/": wants_waiting_task,
    "instances/transfer/": wants_ticked_instances,
    "instances/<str:pk>/update/review/": wants_draft("UpdateProvisionedProduct"),
    "products/<str:pk>/launch/review/": wants_draft("LaunchProduct"),
    "manage/people/<str:name>/undo/": wants_offboarding,
    "manage/portfolios/<str:pk>/delete/": wants_empty_portfolio,
    "manage/portfolios/<str:pk>/products/<str:product_pk>/add/": wants_other_portfolio,
    "manage/portfolios/<str:pk>/tag-options/<str:option>/attach/": wants_loose_option,
    "manage/products/<str:pk>/tag-options/<str:option>/attach/": wants_loose_option,
    "manage/products/<str:pk>/delete/": wants_free_product,
    "manage/products/<str:pk>/versions/<str:version_pk>/delete/": wants_unused_version,
    "manage/regions/<str:pk>/delete/": wants_free_region,
    "plans/<str:pk>/decide/": wants_decision,
    "plans/<str:pk>/execute/": wants_approval,
}


@pytest.fixture
def prepared(alice, bob, admin):
    return Prepared(alice, bob, admin)


def form_fields(client, address, route):
    """Return the data of the page's form, updated with these values."""
    shown = client.get(address)
    fields = {}
    if shown.status_code == 200 and not shown.streaming:
        for action, found in Forms(address, shown.content.decode()).found:
            if action.partition("?")[0] == address.partition("?")[0]:
                fields = fields or found
    # Whoever presses the button that only tries something presses another one next.
    fields.pop("try", None)
    return fields | FILLED.get(route, {})


def entries_after(last):
    return list(AuditEntry.objects.filter(sequence__gt=last).order_by("sequence"))


@pytest.mark.parametrize("route", [each for each in POSTS if each not in EXCUSED])
def test_each_change_by_a_page_is_recorded(prepared, route):
    who, _methods = TABLE[route]
    ready = prepared.ready(route)
    role = "alice" if "alice" in who else "admin"
    actor = ready.actor or getattr(ready, role)
    client = Client()
    if route != "accounts/login/":
        client.force_login(actor)
    address = ready.address(route) + ready.query
    data = form_fields(client, address, route) | ready.data
    last = AuditEntry.objects.count()
    response = client.post(address, data)
    assert response.status_code in (200, 201, 302), response.content.decode()[-3000:]
    found = entries_after(last)
    # What is two things at once has an entry for each.
    assert len(found) == (2 if route in ABOUT_TWO else 1), [e.action for e in found]
    for entry in found:
        assert (entry.actor, entry.source) == (actor, "127.0.0.1")
        assert entry.request_id == response.headers["x-acs-request-id"]
        assert entry.reason == data.get("reason", "")
        assert "-secret" not in json.dumps([entry.before, entry.after])
    assert len({entry.action for entry in found}) == len(found)


def test_excused_urls_exist():
    assert set(EXCUSED) <= set(TABLE)
    assert set(READY) | set(FILLED) <= set(POSTS)


@pytest.mark.parametrize(
    "route", [r for r in sorted(EXCUSED) if "<str:version_pk>" not in r]
)
def test_excused_urls_change_no_audited_table(prepared, route):
    """Excused URLs may change only drafts, notices and checks."""
    role = "alice" if "alice" in TABLE[route][0] else "admin"
    client = prepared.client(role)
    address = prepared.address(route)
    data = form_fields(client, address, route)
    before = snapshot()
    client.post(address, data)
    changed = {name for name, rows in snapshot().items() if rows != before[name]}
    if not EXCUSED[route].startswith("recorded"):
        allowed = {"instances.Plan", "instances.Notice", "instances.Check"}
        assert changed <= {*allowed, "mfa.Authenticator"}


def test_changes_of_secrets_are_recorded_without_values(prepared):
    client = prepared.client("admin")
    save(
        client,
        prepared.address("manage/launch-roles/<str:pk>/"),
        {"environment": "CLOUD_TOKEN=very-secret-indeed"},
    )
    entry = AuditEntry.objects.get(action="UpdateLaunchRole")
    assert "very-secret" not in str(vars(entry))
    assert LaunchRole.objects.get().environment == {"CLOUD_TOKEN": "very-secret-indeed"}


def test_every_table_of_django_admin_is_audited(rf):
    request = rf.get("/admin/")
    request.user = User.objects.create_superuser("root")
    for model, page in django_admin.site._registry.items():
        assert isinstance(page, Audited), model
        assert not page.list_editable, model
        # Another action than this would have to record by itself what it does.
        assert set(page.get_actions(request)) <= {"delete_selected"}, model


# Commands that change rows by hand of an operator; the rest run the console or read.
RECORDED = {
    "create_access_key": "CreateAccessKey",
    "demo": "SeedDemonstration",
    "remove_second_factors": "RemoveSecondFactors",
    "rotate_keys": "RotateKeys",
}
UNRECORDED = {
    "backup": "writes a file and changes no row",
    "doctor": "reads",
    "reconcile": "as a worker does; a corrected status is recorded: test_instance_status.py",
    "restore": "recorded in what it has restored: tests/faults/test_backup_restore.py",
    "serve": "runs the console",
    "work": "a worker: what it does is in the tasks it works on",
    "verify_audit": "reads",
}


def test_every_command_is_listed():
    ours = {
        name
        for name, app in get_commands().items()
        if app in ("console", "catalog", "instances")
    }
    assert ours == set(RECORDED) | set(UNRECORDED)


@pytest.mark.parametrize("command", sorted(RECORDED))
def test_each_command_that_changes_data_is_recorded(prepared, command, settings):
    about = ("create_access_key", "remove_second_factors")
    arguments = ["alice"] if command in about else []
    last = AuditEntry.objects.count()
    settings.DEBUG = True  # the demonstration joins other people only there
    call_command(command, *arguments)
    actions = [each.action for each in entries_after(last)]
    assert actions == [RECORDED[command]]
