"""The list of users, with their products and instances."""

import pytest
from django.urls import reverse
from django.utils.timezone import now

from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    RoleFactory,
    UserFactory,
    VersionFactory,
)

pytestmark = pytest.mark.django_db


def line(admin_browser, username):
    page = admin_browser.get(reverse("manage:people"), {"q": username})
    return page.context["rows"][0]


def test_product_with_several_grants_counts_once(admin, admin_browser, bob):
    one, two, inactive = (VersionFactory().product for _ in range(3))
    inactive.versions.update(active=False)
    group = RoleFactory(name="Ops")
    bob.groups.add(group)
    PortfolioFactory(products=[one, inactive], users=[bob])
    PortfolioFactory(products=[one, two]).grant(role=group, by=admin)
    PortfolioFactory(products=[two]).grant(pattern="user/b*", by=admin)
    PortfolioFactory(products=[VersionFactory().product])
    assert line(admin_browser, "bob").launchable == 2


def test_owned_instances_are_counted(admin_browser, bob):
    InstanceFactory.create_batch(2, owner=bob)
    InstanceFactory(owner=bob, terminated_at=now())
    assert line(admin_browser, "bob").owned == 2


def test_administrators_are_marked(admin_browser, bob):
    assert line(admin_browser, "admin").administers
    assert not line(admin_browser, "bob").administers


def test_the_next_page_begins_where_the_last_ended(admin_browser):
    for number in range(25):
        UserFactory(username=f"p{number:02}")
    url = reverse("manage:people")
    first = admin_browser.get(url, {"q": "p"}).context
    second = admin_browser.get(url, {"q": "p", "after": first["next"]}).context
    names = [row.user.username for row in [*first["rows"], *second["rows"]]]
    assert names == [f"p{number:02}" for number in range(25)]
    assert not second["next"]
