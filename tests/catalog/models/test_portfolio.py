"""The verbs of portfolios."""

import pytest

from catalog.models import Constraint, Grant, Portfolio, Product
from console.lib.audit import AuditEntry
from console.lib.errors import ConflictError, InvalidInputError, NotFoundError
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    RoleFactory,
)

pytestmark = pytest.mark.django_db


def test_open_creates_an_empty_portfolio(admin):
    portfolio = Portfolio.objects.open(name="Cloud", provider="Team", by=admin)
    assert not portfolio.products.exists()
    assert AuditEntry.objects.get(action="CreatePortfolio").after["name"] == "Cloud"


def test_editing_replaces_the_texts(admin):
    portfolio = PortfolioFactory(name="Old")
    portfolio.edit(name="New", provider="Team", description="x", by=admin)
    portfolio.refresh_from_db()
    assert (portfolio.name, portfolio.description) == ("New", "x")


def test_portfolio_with_products_is_not_removed(admin):
    portfolio = PortfolioFactory(products=[ProductFactory(name="Web")])
    with pytest.raises(ConflictError, match="Web") as refused:
        portfolio.remove(by=admin)
    assert refused.value.code == "PortfolioNotEmpty"


def test_removing_an_empty_portfolio_keeps_its_instances(admin, bob):
    portfolio = PortfolioFactory(users=[bob])
    instance = InstanceFactory(portfolio=portfolio)
    portfolio.remove(by=admin)
    instance.refresh_from_db()
    assert instance.portfolio is None
    entry = AuditEntry.objects.get(action="DeletePortfolio")
    assert entry.before["grants"][0]["user"] == "bob"


def test_adding_a_product_twice_is_one_change(admin):
    portfolio, product = PortfolioFactory(), ProductFactory()
    portfolio.add_product(product, by=admin)
    portfolio.add_product(product, by=admin)
    assert portfolio.products.get() == product
    assert AuditEntry.objects.count() == 1


def test_removed_product_loses_its_constraints_with_audit(admin):
    RegionFactory(id="cn-hangzhou")
    product = ProductFactory()
    here, there = PortfolioFactory.create_batch(2, products=[product])
    for portfolio in (here, there):
        Constraint.objects.impose(
            kind="StackRegion",
            portfolio=portfolio,
            product=product,
            config={"StackRegions": ["cn-hangzhou"]},
            by=admin,
        )
    here.remove_product(product, by=admin)
    assert [each.portfolio for each in Constraint.objects.all()] == [there]
    entry = AuditEntry.objects.get(action="DisassociateProductFromPortfolio")
    assert entry.before["constraints"][0]["kind"] == "StackRegion"


def test_removing_a_product_that_is_not_in_the_portfolio_is_not_found(admin):
    with pytest.raises(NotFoundError):
        PortfolioFactory().remove_product(ProductFactory(), by=admin)


def test_grant_to_a_user_makes_the_products_visible(admin, bob):
    product = ProductFactory()
    PortfolioFactory(products=[product]).grant(user=bob, by=admin)
    assert list(Product.objects.visible_to(bob)) == [product]


def test_grant_to_a_group_applies_to_its_members(admin, bob):
    group = RoleFactory()
    bob.groups.add(group)
    portfolio = PortfolioFactory(products=[ProductFactory()])
    portfolio.grant(role=group, by=admin)
    assert Product.objects.visible_to(bob).exists()


def test_granting_again_is_no_change(admin, bob):
    portfolio = PortfolioFactory()
    first = portfolio.grant(user=bob, by=admin)
    assert portfolio.grant(user=bob, by=admin) == first
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("pattern", ["bob", "users/bob", "user/", "user/a\nb", "/"])
def test_a_pattern_of_another_form_is_refused(admin, pattern):
    with pytest.raises(InvalidInputError):
        PortfolioFactory().grant(pattern=pattern, by=admin)
    assert not Grant.objects.exists()


def test_a_grant_names_exactly_one_principal(admin, bob):
    with pytest.raises(InvalidInputError):
        PortfolioFactory().grant(user=bob, pattern="user/*", by=admin)
    with pytest.raises(InvalidInputError):
        PortfolioFactory().grant(by=admin)


def test_withdrawal_keeps_instances(admin, bob):
    portfolio = PortfolioFactory(users=[bob])
    instance = InstanceFactory(owner=bob, portfolio=portfolio)
    portfolio.withdraw(user=bob, by=admin)
    instance.refresh_from_db()
    assert (instance.status, instance.portfolio) == ("Available", portfolio)
    assert not portfolio.grants.exists()
    entry = AuditEntry.objects.get(action="DisassociatePrincipalFromPortfolio")
    assert entry.before == {"user": "bob", "principal_id": bob.principal_id}


def test_withdrawing_a_missing_grant_is_not_found(admin, bob):
    with pytest.raises(NotFoundError):
        PortfolioFactory().withdraw(user=bob, by=admin)
