"""Launch access of a user to a product, with the reason and the remedy."""

import pytest
from django.urls import reverse

from catalog.launch_access import launch_access_of
from catalog.models import Constraint, TagOption
from tests.factories import (
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    RoleFactory,
    VersionFactory,
)

pytestmark = pytest.mark.django_db


def access_of(user, product):
    return launch_access_of(user, product, list(product.versions.all()))


@pytest.fixture
def offered():
    RegionFactory()
    return VersionFactory().product


def test_product_in_no_portfolio_is_refused(bob):
    access = access_of(bob, ProductFactory(name="Web"))
    assert not access.allowed
    assert "not in any portfolio" in access.sentence


def test_refusal_without_grant_names_the_grant_to_add(bob, offered):
    PortfolioFactory(name="Cloud", products=[offered])
    access = access_of(bob, offered)
    assert not access.allowed
    assert "Cloud" in access.sentence
    assert access.remedy == "Grant Cloud to user/bob."


@pytest.mark.parametrize("through", ["bob", "Ops", "user/b*"])
def test_answer_names_the_grant_that_gives_access(admin, bob, offered, through):
    ops = RoleFactory(name="Ops")
    bob.groups.add(ops)
    portfolio = PortfolioFactory(products=[offered])
    grants = {"bob": {"user": bob}, "Ops": {"role": ops}}
    portfolio.grant(**grants.get(through, {"pattern": through}), by=admin)
    access = access_of(bob, offered)
    assert access.allowed
    assert through in access.sentence
    assert "default launch option" in access.sentence


def test_two_launch_options_leave_no_default(bob, offered):
    PortfolioFactory.create_batch(2, products=[offered], users=[bob])
    assert "no default launch option" in access_of(bob, offered).sentence


def test_inactive_versions_are_named(bob):
    version = VersionFactory(name="1.0", active=False)
    PortfolioFactory(products=[version.product], users=[bob])
    access = access_of(bob, version.product)
    assert not access.allowed
    assert access.hidden_versions == ["1.0"]


def test_inactive_account_is_refused(bob, offered):
    bob.is_active = False
    assert "deactivated" in access_of(bob, offered).sentence


def test_region_constraints_without_active_region_block_the_option(admin, bob, offered):
    portfolio = PortfolioFactory(products=[offered], users=[bob])
    RegionFactory(id="eu-1", active=False)
    Constraint.objects.impose(
        kind="StackRegion",
        portfolio=portfolio,
        product=offered,
        config={"StackRegions": ["eu-1"]},
        by=admin,
    )
    access = access_of(bob, offered)
    assert not access.allowed
    assert "region" in access.sentence
    assert access.options[0].constraints == ["Available regions: eu-1."]


def test_contradictory_tag_options_block_the_option(admin, bob, offered):
    portfolio = PortfolioFactory(products=[offered], users=[bob])
    offer = TagOption.objects.offer
    offer(key="team", value="a", by=admin).associate(offered, by=admin)
    offer(key="team", value="b", by=admin).associate(portfolio, by=admin)
    assert "team" in access_of(bob, offered).sentence


def test_page_shows_the_answer(admin_browser, bob, offered):
    url = reverse("manage:product-reach", args=[offered.pk])
    page = admin_browser.get(url, {"person": "bob"})
    assert b'data-access="refused"' in page.content


def test_page_reports_an_unknown_login(admin_browser, offered):
    url = reverse("manage:product-reach", args=[offered.pk])
    assert b"User not found" in admin_browser.get(url, {"person": "x"}).content


def test_number_of_queries_is_independent_of_portfolios(
    admin, admin_browser, bob, offered, django_assert_max_num_queries
):
    offer = TagOption.objects.offer
    option = offer(key="team", value="a", by=admin)
    option.associate(offered, by=admin)
    for portfolio in PortfolioFactory.create_batch(5, products=[offered], users=[bob]):
        option.associate(portfolio, by=admin)
        Constraint.objects.impose(
            kind="StackRegion",
            portfolio=portfolio,
            product=offered,
            config={"StackRegions": ["cn-hangzhou"]},
            by=admin,
        )
    url = reverse("manage:product-reach", args=[offered.pk])
    with django_assert_max_num_queries(8):
        page = admin_browser.get(url, {"person": "bob"})
    assert len(page.context["access"].options) == 5


def test_tag_options_are_combined_for_each_portfolio(admin, bob, offered):
    offer = TagOption.objects.offer
    one, two = PortfolioFactory.create_batch(2, products=[offered], users=[bob])
    for value, owners in (("a", [offered, one]), ("b", [two])):
        option = offer(key="team", value=value, by=admin)
        for owner in owners:
            option.associate(owner, by=admin)
    blocked = {o.portfolio: bool(o.blocked) for o in access_of(bob, offered).options}
    assert blocked == {one: False, two: True}
