"""Why a person can, or cannot, launch a product."""

import pytest
from django.urls import reverse

from catalog import launch_access as reaching
from catalog.models import Constraint, TagOption
from tests.factories import (
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    RoleFactory,
    VersionFactory,
)

pytestmark = pytest.mark.django_db


def reach_of(person, product):
    return reaching.reach_of(person, product, list(product.versions.all()))


@pytest.fixture
def product():
    RegionFactory()
    return VersionFactory().product


def test_in_no_portfolio_nobody_can(bob):
    reach = reach_of(bob, ProductFactory(name="Web"))
    assert not reach.allowed
    assert "not in any portfolio" in reach.sentence


def test_without_a_grant_the_smallest_one_is_named(bob, product):
    PortfolioFactory(name="Cloud", products=[product])
    reach = reach_of(bob, product)
    assert not reach.allowed
    assert "Cloud" in reach.sentence
    assert reach.remedy == "Grant Cloud to user/bob."


@pytest.mark.parametrize("through", ["bob", "Ops", "user/b*"])
def test_a_grant_says_through_what_it_reaches(admin, bob, product, through):
    ops = RoleFactory(name="Ops")
    bob.groups.add(ops)
    portfolio = PortfolioFactory(products=[product])
    grants = {"bob": {"user": bob}, "Ops": {"role": ops}}
    portfolio.grant(**grants.get(through, {"pattern": through}), by=admin)
    reach = reach_of(bob, product)
    assert reach.allowed
    assert through in reach.sentence
    assert "default launch option" in reach.sentence


def test_two_portfolios_leave_no_default(bob, product):
    PortfolioFactory.create_batch(2, products=[product], users=[bob])
    assert "no default launch option" in reach_of(bob, product).sentence


def test_hidden_versions_are_named(bob):
    version = VersionFactory(name="1.0", active=False)
    PortfolioFactory(products=[version.product], users=[bob])
    reach = reach_of(bob, version.product)
    assert not reach.allowed
    assert reach.hidden_versions == ["1.0"]


def test_an_inactive_person_cannot_sign_in(bob, product):
    bob.is_active = False
    assert "deactivated" in reach_of(bob, product).sentence


def test_region_constraints_without_an_active_region_block(admin, bob, product):
    portfolio = PortfolioFactory(products=[product], users=[bob])
    RegionFactory(id="eu-1", active=False)
    Constraint.objects.impose(
        kind="StackRegion",
        portfolio=portfolio,
        product=product,
        config={"StackRegions": ["eu-1"]},
        by=admin,
    )
    reach = reach_of(bob, product)
    assert not reach.allowed
    assert "region" in reach.sentence
    assert reach.ways[0].demands == ["Available regions: eu-1."]


def test_contradictory_tags_block(admin, bob, product):
    portfolio = PortfolioFactory(products=[product], users=[bob])
    offer = TagOption.objects.offer
    offer(key="team", value="a", by=admin).associate(product, by=admin)
    offer(key="team", value="b", by=admin).associate(portfolio, by=admin)
    assert "team" in reach_of(bob, product).sentence


def test_the_page_explains_a_person(admin_browser, bob, product):
    url = reverse("manage:product-reach", args=[product.pk])
    page = admin_browser.get(url, {"person": "bob"})
    assert b'data-reach="refused"' in page.content


def test_the_page_says_that_it_does_not_know_a_name(admin_browser, product):
    url = reverse("manage:product-reach", args=[product.pk])
    assert b"User not found" in admin_browser.get(url, {"person": "x"}).content


def test_many_portfolios_take_as_few_queries_as_one(
    admin, admin_browser, bob, product, django_assert_max_num_queries
):
    offer = TagOption.objects.offer
    option = offer(key="team", value="a", by=admin)
    option.associate(product, by=admin)
    for portfolio in PortfolioFactory.create_batch(5, products=[product], users=[bob]):
        option.associate(portfolio, by=admin)
        Constraint.objects.impose(
            kind="StackRegion",
            portfolio=portfolio,
            product=product,
            config={"StackRegions": ["cn-hangzhou"]},
            by=admin,
        )
    url = reverse("manage:product-reach", args=[product.pk])
    with django_assert_max_num_queries(8):
        page = admin_browser.get(url, {"person": "bob"})
    assert len(page.context["reach"].ways) == 5


def test_tags_are_put_together_for_each_portfolio_alone(admin, bob, product):
    offer = TagOption.objects.offer
    one, two = PortfolioFactory.create_batch(2, products=[product], users=[bob])
    for value, owners in (("a", [product, one]), ("b", [two])):
        option = offer(key="team", value=value, by=admin)
        for owner in owners:
            option.associate(owner, by=admin)
    blocked = {w.portfolio: bool(w.blocked) for w in reach_of(bob, product).ways}
    assert blocked == {one: False, two: True}
