"""Operations on products."""

import json

import pytest

from catalog.models import Product, Template, Version
from console.api.endpoint import OPERATIONS
from tests.factories import (
    MAIN_TF,
    PortfolioFactory,
    ProductFactory,
    TemplateFactory,
    VersionFactory,
)
from tests.signing import CALL_QUERIES

DOCUMENT = json.dumps(
    {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Transform": "Aliyun::Terraform-v1.5",
        "Workspace": {"main.tf": MAIN_TF},
    }
)
TERRAFORM = "RosTerraformTemplate"
MISSING = "prod-bp1missing0000"


def granted(user, **options):
    product = ProductFactory(**options)
    PortfolioFactory(products=[product], users=[user])
    return product


def create(api, **changed):
    params = {"ProductName": "Web", "ProviderName": "IT", "ProductType": "Ros"}
    return api.call("CreateProduct", **params | changed)


@pytest.mark.parametrize(
    "action", sorted(name for name, each in OPERATIONS.items() if each.administrators)
)
def test_end_users_may_not_administer(api, action):
    assert api.refusal(action) == (403, "NoPermission")


def test_a_product_is_created(admin_api):
    pk = create(admin_api, Description="d\n")["ProductId"]
    product = Product.objects.get(pk=pk)
    assert (product.name, product.provider, product.description) == ("Web", "IT", "d\n")


def test_a_product_is_created_with_its_first_version(admin_api):
    url = TemplateFactory().url
    first = {"ProductVersionName": "1.0", "TemplateType": TERRAFORM, "TemplateUrl": url}
    answer = create(admin_api, ProductVersionParameters={**first, "Active": False})
    version = Version.objects.get(pk=answer["ProductVersionId"])
    assert (version.product_id, version.name, version.active) == (
        answer["ProductId"],
        "1.0",
        False,
    )


def test_a_bad_first_version_leaves_no_product(admin_api):
    first = {
        "ProductVersionName": "1",
        "TemplateType": TERRAFORM,
        "TemplateUrl": "oss://x",
    }
    refusal = admin_api.refusal(
        "CreateProduct",
        ProductName="Web",
        ProviderName="IT",
        ProductType="Ros",
        ProductVersionParameters=first,
    )
    assert refusal == (404, "InvalidTemplate.NotFound")
    assert not Product.objects.exists()


def test_parameters_missing_in_an_update_stay(admin_api):
    product = ProductFactory(description="keep")
    admin_api.call(
        "UpdateProduct", ProductId=product.pk, ProductName="New", ProviderName="IT"
    )
    product.refresh_from_db()
    assert (product.name, product.description) == ("New", "keep")


def test_a_product_in_a_portfolio_is_not_deleted(admin_api, alice):
    product = granted(alice)
    refusal = admin_api.refusal("DeleteProduct", ProductId=product.pk)
    assert refusal == (400, "ResourceInUse.Product")


def test_a_copy_needs_an_arn_of_this_account(admin_api):
    product = ProductFactory()
    foreign = product.arn.replace(":product/", "0:product/")
    refusal = admin_api.refusal("CopyProduct", SourceProductArn=foreign)
    assert refusal == (404, "InvalidProduct.NotFound")
    admin_api.call("CopyProduct", SourceProductArn=product.arn, TargetProductName="Two")
    assert Product.objects.filter(name="Two").exists()


@pytest.mark.parametrize(("portfolios", "default"), [(1, True), (2, False)])
def test_one_portfolio_makes_a_default_launch_option(api, alice, portfolios, default):
    product = ProductFactory()
    for _ in range(portfolios):
        PortfolioFactory(products=[product], users=[alice])
    PortfolioFactory(products=[product])
    summary = api.call("GetProductAsEndUser", ProductId=product.pk)["ProductSummary"]
    assert summary["HasDefaultLaunchOption"] is default
    [listed] = api.call("ListProductsAsEndUser")["ProductSummaries"]
    assert listed == summary


def test_grants_to_groups_and_patterns_apply(api, alice):
    product = ProductFactory()
    PortfolioFactory(products=[product]).grants.create(pattern="user/ali*")
    assert api.call("GetProductAsEndUser", ProductId=product.pk)["ProductSummary"]


def test_products_without_grant_are_not_listed(api):
    ProductFactory()
    answer = api.call("ListProductsAsEndUser")
    assert (answer["ProductSummaries"], answer["TotalCount"]) == ([], 0)


def test_a_list_is_paged_and_sorted(admin_api):
    made = [ProductFactory().pk for _ in range(5)]
    pages = [
        admin_api.call("ListProductsAsAdmin", PageNumber=n, PageSize=2, SortOrder="Asc")
        for n in (1, 2, 3, 4)
    ]
    found = [each["ProductId"] for page in pages for each in page["ProductDetails"]]
    assert found == made
    assert {(page["TotalCount"], page["PageSize"]) for page in pages} == {(5, 2)}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("ProductName", "WEB SERVICE", ["Web service"]),
        ("ProductName", "web", []),
        ("FullTextSearch", "SERV", ["Web service"]),
        ("FullTextSearch", "data team", ["Database"]),
    ],
)
def test_a_list_is_filtered(admin_api, key, value, expected):
    ProductFactory(name="Web service")
    ProductFactory(name="Database", provider="Data team")
    answer = admin_api.call(
        "ListProductsAsAdmin", Filters=[{"Key": key, "Value": value}]
    )
    assert [each["ProductName"] for each in answer["ProductDetails"]] == expected


def test_a_list_is_of_one_portfolio(admin_api, alice):
    product = granted(alice)
    ProductFactory()
    portfolio = product.portfolios.get()
    answer = admin_api.call("ListProductsAsAdmin", PortfolioId=portfolio.pk)
    assert [each["ProductId"] for each in answer["ProductDetails"]] == [product.pk]


def test_scope_import_is_empty(admin_api):
    ProductFactory()
    assert admin_api.call("ListProductsAsAdmin", Scope="Import")["TotalCount"] == 0


@pytest.mark.parametrize(
    "params",
    [{"PageSize": "101"}, {"SortBy": "Name"}, {"SortOrder": "up"}, {"Scope": "x"}],
)
def test_invalid_list_parameters_are_refused(admin_api, params):
    status, code = admin_api.refusal("ListProductsAsAdmin", **params)
    assert (status, code) == (400, f"Invalid{next(iter(params))}")


@pytest.mark.parametrize(
    ("action", "name"),
    [
        ("ListProductsAsAdmin", ""),
        ("ListProductsAsEndUser", ""),
        ("GetProductAsAdmin", "ProductId"),
        ("ListProductVersions", "ProductId"),
        ("GetProductVersion", "ProductVersionId"),
    ],
)
def test_a_read_costs_at_most_five_queries(
    admin_api, admin, action, name, django_assert_max_num_queries
):
    version = VersionFactory(product=granted(admin))
    admin_api.call("ListRegions")
    ids = {"ProductId": version.product_id, "ProductVersionId": version.pk}
    with django_assert_max_num_queries(CALL_QUERIES):
        admin_api.call(action, **({name: ids[name]} if name else {}))


def test_a_template_with_an_empty_root_is_refused(admin_api):
    text = json.dumps(
        {
            "ROSTemplateFormatVersion": "2015-09-01",
            "Transform": "Aliyun::Terraform-v1.5",
            "Workspace": {"README.md": "x", "modules/a/main.tf": MAIN_TF},
        }
    )
    answer = admin_api.send(
        "CreateTemplate", {"TemplateBody": text, "TemplateType": TERRAFORM}
    )
    assert answer.status_code == 400
    assert "These folders contain .tf files: modules/a" in answer.json()["Message"]
    assert not Template.objects.exists()


def test_stored_template_with_an_empty_root_is_refused(admin_api):
    template = TemplateFactory()
    Template.objects.filter(pk=template.pk).update(files={"m/main.tf": MAIN_TF})
    code = admin_api.refusal(
        "CreateProductVersion",
        ProductId=ProductFactory().pk,
        ProductVersionName="1",
        TemplateType=TERRAFORM,
        TemplateUrl=template.url,
    )
    assert code[0] == 400
    assert not Version.objects.exists()
