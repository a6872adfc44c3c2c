"""Bob leaves: in three clicks all he has goes to others, and his own next click is refused."""

import os
import re
import subprocess
import sys
import uuid

import pytest

from tests.e2e.conftest import ROOT, send
from tests.e2e.test_journey import wait_for_status

expect = pytest.importorskip("playwright.sync_api").expect
INSTANCES, APPROVALS = 12, 2
# Launched by bob, and asked for by alice where bob decides: by the verbs, as pages and calls do.
SCENE = """
import sys
from catalog.models import Constraint, Portfolio, Product, Region, Version
from console.lib.users import User
from instances.models import Instance, Plan, ProvisioningSpec
alice, bob = (User.objects.get(username=name) for name in ("alice", "bob"))
region = Region.objects.first()
everyday = Portfolio.objects.get(name="Everyday services")
database = Version.objects.filter(product__name="Database").latest("created_at")
for number in range({instances}):
    spec = ProvisioningSpec(database, everyday)
    Instance.objects.launch(spec, name=f"{tag}-{{number:02}}", region=region, by=bob)
kind = database.product.template_kind
watched = Product.objects.create(
    name="Watched {tag}", provider="Data team", template_kind=kind
)
version = Version.objects.create(product=watched, name="1.0", template=database.template)
portfolio = Portfolio.objects.create(name="Watched {tag}", provider="Data team")
portfolio.products.add(watched)
portfolio.grants.create(pattern="user/alice")
portfolio.constraints.create(
    kind=Constraint.Kind.APPROVAL,
    product=watched,
    config={{
        "OperationTypes": ["LaunchProduct"],
        "Approvers": [{{"PrincipalType": "RamUser", "PrincipalName": "bob"}}],
    }},
)
for number in range({approvals}):
    name = f"{tag}-wanted-{{number}}"
    Plan.objects.submit(
        "LaunchProduct", ProvisioningSpec(version, portfolio), name=name, by=alice, region=region,
        instance_name=name,
    )
"""


@pytest.fixture
def scene(site, site_data):
    """Make bob's instances, and plans that wait for him; returns their names."""

    def make(instances, approvals=0):
        tag = f"bobs-{uuid.uuid4().hex[:6]}"
        code = SCENE.format(tag=tag, instances=instances, approvals=approvals)
        subprocess.run(
            [sys.executable, "manage.py", "shell", "-v0", "-c", code],
            cwd=ROOT,
            env=os.environ | {"CONSOLE_DATA_DIR": str(site_data)},
            check=True,
        )
        return (
            [f"{tag}-{number:02}" for number in range(instances)],
            [f"{tag}-wanted-{number}" for number in range(approvals)],
        )

    return make


class Clicks:
    """Counts what a person presses."""

    def __init__(self):
        self.count = 0

    def __call__(self, target):
        self.count += 1
        target.click()


def undo(page):
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("main")).to_contain_text("has been reactivated")


def refused_at_the_next_click(page):
    page.get_by_role("link", name="Products").first.click()
    expect(page).to_have_url(re.compile("/accounts/login/"))


def sees(page, address, names):
    page.goto(address)
    for name in names:
        expect(page.get_by_role("main")).to_contain_text(name)


def wait_until_asked(page, plans):
    """Once their previews are done, the plans wait for whoever decides."""
    for plan in plans:
        link = page.get_by_role("link", name=plan).first
        for _ in range(60):
            page.goto("/plans/?tab=received")
            if link.count():
                break
            page.wait_for_timeout(500)
        expect(link).to_be_visible()


def test_bob_leaves_and_comes_back(scene, sign_in):
    """Twelve instances, some still being launched, and two requests, in three clicks."""
    names, plans = scene(INSTANCES, APPROVALS)
    bob = sign_in("bob")
    wait_until_asked(bob, plans)
    sees(bob, "/instances/", names)

    admin, click = sign_in("admin"), Clicks()
    click(admin.get_by_role("link", name="Users", exact=True))
    click(admin.get_by_role("link", name="Bob Meyer", exact=True))
    for plan in plans:
        expect(admin.locator("#holdings")).to_contain_text(plan)
    admin.get_by_label("New owner of the instances").fill("alice")
    admin.get_by_label("Replacement approver").fill("carol")
    click(admin.get_by_role("button", name="Deactivate and hand over"))
    expect(admin.get_by_role("main")).to_contain_text(
        "has been deactivated and signed out"
    )
    assert click.count <= 3

    refused_at_the_next_click(bob)
    alice = sign_in("alice")
    sees(alice, "/instances/", names)
    sees(sign_in("carol"), "/plans/?tab=received", plans)
    alice.get_by_role("link", name=names[-1], exact=True).click()
    wait_for_status(alice, "Available")

    undo(admin)
    alice.goto("/instances/")
    expect(alice.get_by_role("main")).not_to_contain_text(names[0])
    again = sign_in("bob")
    sees(again, "/instances/", names)
    wait_until_asked(again, plans)


def test_the_same_without_javascript(sign_in):
    admin = sign_in("admin", java_script_enabled=False)
    admin.goto("/manage/people/")
    bob = sign_in("bob")
    click = Clicks()
    click(admin.get_by_role("link", name="Bob Meyer", exact=True))
    deactivate = admin.get_by_role("button", name="Deactivate and hand over")
    expect(deactivate).to_be_visible()
    if admin.get_by_label("New owner of the instances").count():
        admin.get_by_label("New owner of the instances").fill("alice")
    click(deactivate)
    expect(admin.get_by_role("button", name="Undo")).to_be_visible()
    assert click.count <= 3
    bob.reload()
    expect(bob).to_have_url(re.compile("/accounts/login/"))
    send(admin, admin.get_by_role("button", name="Undo"))
    assert sign_in("bob").url.endswith("/products/")


def test_ticked_instances_are_transferred_from_the_list(scene, sign_in):
    names, _plans = scene(3)
    admin = sign_in("admin")
    admin.goto("/instances/?access=account")
    for name in names[:2]:
        admin.get_by_label(f"Select {name}", exact=True).check()
    expect(admin.get_by_role("status", name="Selected")).to_have_text("2")
    admin.get_by_label("Transfer the selected instances to").fill("carol")
    admin.get_by_role("button", name="Transfer").click()
    expect(admin.get_by_role("main")).to_contain_text(
        "2 of 2 instances now belong to Carol Diaz"
    )
