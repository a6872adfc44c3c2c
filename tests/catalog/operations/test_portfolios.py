"""Operations on portfolios, access, constraints, tag options and regions."""

import json

import pytest

from catalog.models import Constraint, Portfolio, TagOption
from tests.factories import (
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    RoleFactory,
)


@pytest.fixture
def product(db):
    return ProductFactory()


@pytest.fixture
def portfolio(product):
    return PortfolioFactory(products=[product])


@pytest.fixture
def place(portfolio, product):
    return {"PortfolioId": portfolio.pk, "ProductId": product.pk}


@pytest.fixture
def option(db):
    return TagOption.objects.create(key="team", value="data")


def test_a_portfolio_is_created_and_read(admin_api):
    made = admin_api.call("CreatePortfolio", PortfolioName="A", ProviderName="IT")
    detail = admin_api.call("GetPortfolio", **{"PortfolioId": made["PortfolioId"]})
    assert detail["PortfolioDetail"]["PortfolioName"] == "A"
    assert detail["TagOptions"] == []


def test_a_portfolio_with_products_is_not_deleted(admin_api, portfolio):
    refusal = admin_api.refusal("DeletePortfolio", PortfolioId=portfolio.pk)
    assert refusal == (400, "PortfolioNotEmpty")
    assert Portfolio.objects.exists()


def test_portfolios_of_a_product_are_listed(admin_api, portfolio, product):
    PortfolioFactory()
    answer = admin_api.call("ListPortfolios", ProductId=product.pk)
    assert [p["PortfolioId"] for p in answer["PortfolioDetails"]] == [portfolio.pk]


def test_product_is_added_and_removed(admin_api, place):
    for action in ("Disassociate", "Associate"):
        preposition = "From" if action == "Disassociate" else "With"
        admin_api.call(f"{action}Product{preposition}Portfolio", **place)
        holds = Portfolio.objects.filter(products=place["ProductId"]).exists()
        assert holds is (action == "Associate")


def test_product_that_is_not_in_the_portfolio_cannot_be_removed(admin_api, place):
    admin_api.call("DisassociateProductFromPortfolio", **place)
    refusal = admin_api.refusal("DisassociateProductFromPortfolio", **place)
    assert refusal == (404, "InvalidProduct.NotFound")


def test_users_groups_and_patterns_are_granted(admin_api, portfolio, alice):
    group = RoleFactory(name="devs")
    grant = "AssociatePrincipalWithPortfolio"
    here = {"PortfolioId": portfolio.pk}
    person = {"PrincipalType": "RamUser", "PrincipalId": alice.principal_id}
    admin_api.call(grant, **here, **person)
    admin_api.call(
        grant, **here, PrincipalType="RamRole", PrincipalId=group.principal_id
    )
    admin_api.call(grant, **here, PrincipalType="RamUser", PrincipalPattern="user/a*")
    principals = admin_api.call("ListPrincipals", **here)["Principals"]
    assert [tuple(p.values()) for p in principals] == [
        (alice.principal_id, "", "RamUser"),
        (group.principal_id, "", "RamRole"),
        ("", "user/a*", "RamUser"),
    ]
    admin_api.call("DisassociatePrincipalFromPortfolio", **here, **person)
    assert len(admin_api.call("ListPrincipals", **here)["Principals"]) == 2


@pytest.mark.parametrize(
    ("params", "refusal"),
    [
        ({}, (400, "InvalidPrincipalId")),
        ({"PrincipalId": "1" * 18}, (404, "InvalidPrincipal.NotFound")),
        ({"PrincipalPattern": "role/x"}, (400, "InvalidPrincipalPattern")),
        ({"PrincipalPattern": "x"}, (400, "InvalidPrincipalPattern")),
    ],
)
def test_a_principal_is_named_in_one_way(admin_api, portfolio, params, refusal):
    found = admin_api.refusal(
        "AssociatePrincipalWithPortfolio",
        PortfolioId=portfolio.pk,
        PrincipalType="RamUser",
        **params,
    )
    assert found == refusal


def test_constraint_is_created_updated_and_deleted(admin_api, place):
    RegionFactory()
    RegionFactory(id="cn-beijing", name="Beijing")
    config = '{"StackRegions": ["cn-hangzhou"]}'
    made = admin_api.call(
        "CreateConstraint", ConstraintType="StackRegion", Config=config, **place
    )
    changed = '{"StackRegions": ["cn-beijing"]}'
    admin_api.call("UpdateConstraint", Config=changed, **made_id(made))
    detail = admin_api.call("GetConstraint", **made_id(made))["ConstraintDetail"]
    assert json.loads(detail["Config"]) == {"StackRegions": ["cn-beijing"]}
    admin_api.call("DeleteConstraint", **made_id(made))
    assert not Constraint.objects.exists()


def made_id(answer):
    return {"ConstraintId": answer["ConstraintId"]}


@pytest.mark.parametrize(
    "config",
    ["", "x", "[]", "{}", '{"StackRegions": []}', '{"StackRegions": ["mars-1"]}'],
)
def test_configuration_that_is_not_json_is_refused(admin_api, place, config):
    status, code = admin_api.refusal(
        "CreateConstraint", ConstraintType="StackRegion", Config=config, **place
    )
    assert (status, code) == (400, "InvalidConfig" if config else "MissingConfig")


def test_a_constraint_needs_the_product_in_the_portfolio(admin_api, portfolio):
    RegionFactory()
    refusal = admin_api.refusal(
        "CreateConstraint",
        ConstraintType="StackRegion",
        Config='{"StackRegions": ["cn-hangzhou"]}',
        PortfolioId=portfolio.pk,
        ProductId=ProductFactory().pk,
    )
    assert refusal == (400, "InvalidProductId")


def test_a_tag_option_is_created_active(admin_api):
    detail = admin_api.call("CreateTagOption", Key="team", Value="data")[
        "TagOptionDetail"
    ]
    assert (detail["Key"], detail["Value"], detail["Active"]) == ("team", "data", True)
    refusal = admin_api.refusal("CreateTagOption", Key="team", Value="data")
    assert refusal == (400, "DuplicateName.TagOption")


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [("acs:x", "v", "InvalidKey"), ("k", "http://x", "InvalidValue")],
)
def test_reserved_tags_are_refused(admin_api, key, value, code):
    assert admin_api.refusal("CreateTagOption", Key=key, Value=value) == (400, code)


def test_tag_option_is_disabled(admin_api, option):
    answer = admin_api.call("UpdateTagOption", TagOptionId=option.pk, Active=False)
    assert answer["TagOptionDetail"]["Active"] is False
    assert answer["TagOptionDetail"]["Value"] == "data"


def test_a_tag_option_is_attached_to_products_and_portfolios(
    admin_api, option, product, portfolio
):
    for resource in (product, portfolio):
        admin_api.call(
            "AssociateTagOptionWithResource",
            TagOptionId=option.pk,
            ResourceId=resource.pk,
        )
    for kind, resource in (("product", product), ("Portfolio", portfolio)):
        answer = admin_api.call(
            "ListResourcesForTagOption", TagOptionId=option.pk, ResourceType=kind
        )
        [detail] = answer["ResourceDetails"]
        assert detail["ResourceId"] == resource.pk
        assert detail["ResourceArn"] == resource.arn
    admin_api.call(
        "DisAssociateTagOptionFromResource",
        TagOptionId=option.pk,
        ResourceId=product.pk,
    )
    assert not product.tag_options.exists()


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"Key": "team"}, 1),
        ({"Key": "TEAM"}, 0),
        ({"Value": "data", "Active": True}, 1),
        ({"Active": False}, 0),
        ({"FullTextSearch": "DAT"}, 1),
    ],
)
def test_tag_options_are_filtered(admin_api, option, filters, count):
    assert admin_api.call("ListTagOptions", Filters=filters)["TotalCount"] == count


def test_only_active_regions_are_listed(admin_api):
    RegionFactory()
    RegionFactory(id="cn-beijing", name="Beijing", active=False)
    regions = admin_api.call("ListRegions")["Regions"]
    assert [region["RegionId"] for region in regions] == ["cn-hangzhou"]
