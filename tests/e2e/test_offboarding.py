"""Bob leaves: at most three clicks hand over what he has, and his next click is refused."""

import re
import uuid

import pytest

from tests.e2e.test_journey import launch, wait_for_status

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def bobs(sign_in):
    """Bob, signed in, with several instances; the last one is still being launched."""
    bob = sign_in("bob")
    names = [f"bobs-{uuid.uuid4().hex[:6]}" for _ in range(3)]
    for name in names:
        launch(bob, name)
    return bob, names


class Clicks:
    """Counts what a person presses."""

    def __init__(self):
        self.count = 0

    def __call__(self, target):
        self.count += 1
        target.click()


def hand_over_to(page, owner):
    click = Clicks()
    click(page.get_by_role("link", name="Bob Meyer", exact=True))
    page.get_by_label("New owner of the instances").fill(owner)
    click(page.get_by_role("button", name="Deactivate and hand over"))
    expect(page.get_by_role("main")).to_contain_text("is deactivated and signed out")
    assert click.count <= 3


def undo(page):
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("main")).to_contain_text("is back")


def test_bob_leaves_and_comes_back(bobs, sign_in):
    bob, names = bobs
    admin = sign_in("admin")
    admin.goto("/manage/people/")
    hand_over_to(admin, "alice")

    bob.get_by_role("link", name="Products").first.click()
    expect(bob).to_have_url(re.compile("/accounts/login/"))

    alice = sign_in("alice")
    alice.goto("/instances/")
    for name in names:
        expect(alice.get_by_role("main")).to_contain_text(name)
    alice.get_by_role("link", name=names[-1], exact=True).click()
    wait_for_status(alice, "Available")

    undo(admin)
    alice.goto("/instances/")
    expect(alice.get_by_role("main")).not_to_contain_text(names[0])
    again = sign_in("bob")
    again.goto("/instances/")
    for name in names:
        expect(again.get_by_role("main")).to_contain_text(name)


def test_the_same_without_javascript(sign_in):
    admin = sign_in("admin", java_script_enabled=False)
    admin.goto("/manage/people/")
    bob = sign_in("bob")
    click = Clicks()
    click(admin.get_by_role("link", name="Bob Meyer", exact=True))
    if admin.get_by_label("New owner of the instances").count():
        admin.get_by_label("New owner of the instances").fill("alice")
    click(admin.get_by_role("button", name="Deactivate and hand over"))
    assert click.count <= 3
    bob.reload()
    expect(bob).to_have_url(re.compile("/accounts/login/"))
    admin.get_by_role("button", name="Undo").click()
    assert sign_in("bob").url.endswith("/products/")


def test_ticked_instances_are_transferred_from_the_list(bobs, sign_in):
    _bob, names = bobs
    admin = sign_in("admin")
    admin.goto("/instances/?access=account")
    for name in names[:2]:
        admin.get_by_label(f"Select {name}", exact=True).check()
    admin.get_by_label("Transfer the selected instances to").fill("carol")
    admin.get_by_role("button", name="Transfer").click()
    expect(admin.get_by_role("main")).to_contain_text("2 of 2 belong to Carol Diaz now")
