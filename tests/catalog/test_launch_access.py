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
def product():
    RegionFactory()
    return VersionFactory().product


def test_product_in_no_portfolio_is_refused(bob):
    access = access_of(bob, ProductFactory(name="Web"))
    assert not access.allowed
    assert "not in any portfolio" in access.sentence


def test_refusal_without_grant_names_the_grant_to_add(bob, product):
    PortfolioFactory(name="Cloud", products=[product])
    access = access_of(bob, product)
    assert not access.allowed
    assert "Cloud" in access.sentence
    assert access.remedy == "Grant Cloud to user/bob."


@pytest.mark.parametrize("through", ["bob", "Ops", "user/b*"])
def test_answer_names_the_grant_that_gives_access(admin, bob, product, through):
    ops = RoleFactory(name="Ops")
    bob.groups.add(ops)
    portfolio = PortfolioFactory(products=[product])
    grants = {"bob": {"user": bob}, "Ops": {"role": ops}}
    portfolio.grant(**grants.get(through, {"pattern": through}), by=admin)
    access = access_of(bob, product)
    assert access.allowed
    assert through in access.sentence
    assert "default launch option" in access.sentence


def test_two_launch_options_leave_no_default(bob, product):
    PortfolioFactory.create_batch(2, products=[product], users=[bob])
    assert "no default launch option" in access_of(bob, product).sentence


def test_inactive_versions_are_named(bob):
    version = VersionFactory(name="1.0", active=False)
    PortfolioFactory(products=[version.product], users=[bob])
    access = access_of(bob, version.product)
    assert not access.allowed
    assert access.hidden_versions == ["1.0"]


def test_inactive_account_is_refused(bob, product):
    bob.is_active = False
    assert "deactivated" in access_of(bob, product).sentence


def test_region_constraints_without_active_region_block_the_option(admin, bob, product):
    portfolio = PortfolioFactory(products=[product], users=[bob])
    RegionFactory(id="eu-1", active=False)
    Constraint.objects.impose(
        kind="StackRegion",
        portfolio=portfolio,
        product=product,
        config={"StackRegions": ["eu-1"]},
        by=admin,
    )
    access = access_of(bob, product)
    assert not access.allowed
    assert "region" in access.sentence
    assert access.options[0].constraints == ["Available regions: eu-1."]


def test_contradictory_tag_options_block_the_option(admin, bob, product):
    portfolio = PortfolioFactory(products=[product], users=[bob])
    offer = TagOption.objects.offer
    offer(key="team", value="a", by=admin).associate(product, by=admin)
    offer(key="team", value="b", by=admin).associate(portfolio, by=admin)
    assert "team" in access_of(bob, product).sentence


def test_page_shows_the_answer(admin_browser, bob, product):
    url = reverse("manage:product-reach", args=[product.pk])
    page = admin_browser.get(url, {"person": "bob"})
    assert b'data-access="refused"' in page.content


def test_page_reports_an_unknown_login(admin_browser, product):
    url = reverse("manage:product-reach", args=[product.pk])
    assert b"User not found" in admin_browser.get(url, {"person": "x"}).content


def test_number_of_queries_is_independent_of_portfolios(
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
    assert len(page.context["access"].options) == 5


def test_tag_options_are_combined_for_each_portfolio(admin, bob, product):
    offer = TagOption.objects.offer
    one, two = PortfolioFactory.create_batch(2, products=[product], users=[bob])
    for value, owners in (("a", [product, one]), ("b", [two])):
        option = offer(key="team", value=value, by=admin)
        for owner in owners:
            option.associate(owner, by=admin)
    blocked = {o.portfolio: bool(o.blocked) for o in access_of(bob, product).options}
    assert blocked == {one: False, two: True}
