"""Effective constraints of a product in a portfolio."""

import pytest

from catalog.effective_constraints import (
    ApprovalRequiredError,
    EffectiveConstraints,
    launch_options,
)
from console.lib.errors import InvalidInputError
from tests.factories import (
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    TemplateFactory,
    VersionFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def product():
    return ProductFactory()


@pytest.fixture
def portfolio(product, alice):
    return PortfolioFactory(products=[product], users=[alice])


@pytest.fixture
def constrain(product, portfolio):
    def constrain(kind, config):
        portfolio.constraints.create(product=product, kind=kind, config=config)
        return EffectiveConstraints.of(product, portfolio)

    return constrain


def refusal(call, *args):
    with pytest.raises(InvalidInputError) as caught:
        call(*args)
    return caught.value


def test_without_constraints_everything_is_allowed(product, portfolio):
    limits = EffectiveConstraints.of(product, portfolio)
    limits.check_region(RegionFactory())
    limits.check_direct("LaunchProduct")
    limits.check_values(VersionFactory(product=product), {"name": "x"})


def test_constraint_of_another_portfolio_does_not_apply(product, portfolio):
    other = PortfolioFactory(products=[product])
    other.constraints.create(
        product=product, kind="StackRegion", config={"StackRegions": ["cn-beijing"]}
    )
    EffectiveConstraints.of(product, portfolio).check_region(
        RegionFactory(id="cn-hangzhou")
    )


def test_a_region_outside_the_list_is_refused(constrain):
    limits = constrain("StackRegion", {"StackRegions": ["cn-beijing"]})
    error = refusal(limits.check_region, RegionFactory(id="cn-hangzhou"))
    assert error.code == "RegionNotAllowed"


def test_two_region_constraints_are_intersected(constrain):
    RegionFactory(id="cn-beijing")
    RegionFactory(id="cn-hangzhou")
    constrain("StackRegion", {"StackRegions": ["cn-beijing", "cn-hangzhou"]})
    limits = constrain("StackRegion", {"StackRegions": ["cn-hangzhou"]})
    assert [region.pk for region in limits.regions()] == ["cn-hangzhou"]


def test_an_inactive_region_is_never_offered(constrain):
    RegionFactory(id="cn-beijing", active=False)
    limits = constrain("StackRegion", {"StackRegions": ["cn-beijing"]})
    assert not limits.regions()


@pytest.mark.parametrize("value", ["small", 3, True, None])
def test_allowed_values_compare_as_text(constrain, product, value):
    rule = {"ParameterKey": "size", "AllowedValues": ["small", 3, "true", ""]}
    limits = constrain("Template", {"Rules": [rule]})
    limits.check_values(VersionFactory(product=product), {"size": value})


def test_value_that_is_not_allowed_is_not_repeated_in_the_error(constrain, product):
    rule = {"ParameterKey": "size", "AllowedValues": ["small", "medium"]}
    limits = constrain("Template", {"Rules": [rule]})
    version = VersionFactory(product=product)
    error = refusal(limits.check_values, version, {"size": "gigantic"})
    assert error.code == "ParameterNotAllowed"
    assert list(error.errors) == ["size"]
    assert "gigantic" not in str(error)


@pytest.mark.parametrize("value", ["web-", "xweb-1", "web-1\n"])
def test_a_pattern_covers_the_whole_value(constrain, product, value):
    rule = {"ParameterKey": "name", "AllowedPattern": "web-[0-9]"}
    limits = constrain("Template", {"Rules": [rule]})
    version = VersionFactory(product=product)
    limits.check_values(version, {"name": "web-1"})
    refusal(limits.check_values, version, {"name": value})


def test_invalid_pattern_allows_no_value(constrain, product):
    rule = {"ParameterKey": "name", "AllowedPattern": "(?<=x)y"}
    limits = constrain("Template", {"Rules": [rule]})
    refusal(limits.check_values, VersionFactory(product=product), {"name": "y"})


def test_rule_for_a_version_does_not_apply_to_others(constrain, product):
    bound, free = VersionFactory(product=product), VersionFactory(product=product)
    rule = {
        "ParameterKey": "name",
        "AllowedValues": ["x"],
        "ProductVersionId": bound.pk,
    }
    limits = constrain("Template", {"Rules": [rule]})
    limits.check_values(free, {"name": "y"})
    refusal(limits.check_values, bound, {"name": "y"})


def test_only_listed_operations_need_approval(constrain):
    limits = constrain(
        "Approval", {"OperationTypes": ["LaunchProduct"], "Approvers": []}
    )
    limits.check_direct("TerminateProvisionedProduct")
    with pytest.raises(ApprovalRequiredError) as caught:
        limits.check_direct("LaunchProduct")
    assert caught.value.code == "ApprovalRequired"


def test_launch_options_are_the_granted_portfolios_with_constraints(
    alice, product, portfolio, constrain, django_assert_num_queries
):
    PortfolioFactory(products=[product])
    constrain("StackRegion", {"StackRegions": ["cn-beijing"]})
    with django_assert_num_queries(2):
        (option,) = launch_options(product, alice)
    assert option.portfolio == portfolio
    assert option.constraints.region_ids == {"cn-beijing"}


SIZES_TF = 'variable "size" {\n  default = "large"\n}\n'


def test_default_of_a_missing_value_is_checked(constrain, product):
    version = VersionFactory(
        product=product, template=TemplateFactory(files={"main.tf": SIZES_TF})
    )
    rule = {"ParameterKey": "size", "AllowedValues": ["small"]}
    limits = constrain("Template", {"Rules": [rule]})
    assert refusal(limits.check_values, version, {}).errors.keys() == {"size"}
    limits.check_values(version, {"size": "small"})


def test_each_item_of_a_list_is_checked(constrain, product):
    rule = {"ParameterKey": "zones", "AllowedValues": ["a", "b"]}
    limits = constrain("Template", {"Rules": [rule]})
    version = VersionFactory(product=product)
    limits.check_values(version, {"zones": ["b", "a"]})
    assert refusal(limits.check_values, version, {"zones": ["a", "c"]})


def test_the_values_that_all_rules_allow_are_offered(constrain, product):
    version, other = VersionFactory.create_batch(2, product=product)
    rules = [
        {"ParameterKey": "size", "AllowedValues": ["s", 2, True]},
        {"ParameterKey": "size", "AllowedValues": ["true", "2"]},
        {"ParameterKey": "zone", "AllowedPattern": "[a-z]+"},
        {
            "ParameterKey": "zone",
            "AllowedValues": ["x"],
            "ProductVersionId": other.pk,
        },
    ]
    limits = constrain("Template", {"Rules": rules})
    assert limits.allowed_values(version) == {"size": ["2", "true"]}
    assert limits.allowed_values(other) == {"size": ["2", "true"], "zone": ["x"]}
