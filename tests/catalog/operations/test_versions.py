"""Operations on versions and templates."""

import json

import pytest
from django.urls import reverse

from catalog.models import Product, Template
from tests.factories import MAIN_TF, PortfolioFactory, ProductFactory, VersionFactory

DOCUMENT = json.dumps(
    {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Transform": "Aliyun::Terraform-v1.5",
        "Workspace": {"main.tf": MAIN_TF},
    }
)
TERRAFORM = "RosTerraformTemplate"


def granted(user, **options):
    product = ProductFactory(**options)
    PortfolioFactory(products=[product], users=[user])
    return product


def test_an_end_user_sees_active_versions_of_granted_products(api, alice):
    version = VersionFactory(product=granted(alice))
    hidden = VersionFactory(product=version.product, active=False)
    foreign = VersionFactory()
    answer = api.call("ListProductVersions", ProductId=version.product_id)
    assert [v["ProductVersionId"] for v in answer["ProductVersionDetails"]] == [
        version.pk
    ]
    assert api.call("GetProductVersion", ProductVersionId=version.pk)
    for each in (hidden.pk, foreign.pk, "pv-bp1missing0000"):
        refusal = api.refusal("GetProductVersion", ProductVersionId=each)
        assert refusal == (404, "InvalidProductVersion.NotFound")
    refusal = api.refusal("ListProductVersions", ProductId=foreign.product_id)
    assert refusal == (404, "InvalidProduct.NotFound")


def test_an_administrator_sees_every_version(admin_api):
    version = VersionFactory(active=False)
    answer = admin_api.call("ListProductVersions", ProductId=version.product_id)
    assert [v["Active"] for v in answer["ProductVersionDetails"]] == [False]


def test_second_version_of_a_name_is_refused(admin_api):
    version = VersionFactory()
    refusal = admin_api.refusal(
        "CreateProductVersion",
        ProductId=version.product_id,
        ProductVersionName=version.name,
        TemplateType=TERRAFORM,
        TemplateUrl=version.template.url,
    )
    assert refusal == (400, "DuplicateName.ProductVersion")


def test_parameters_missing_in_a_version_update_stay(admin_api):
    version = VersionFactory(guidance="Latest", active=False, description="d")
    admin_api.call(
        "UpdateProductVersion", ProductVersionId=version.pk, ProductVersionName="9"
    )
    version.refresh_from_db()
    assert (version.name, version.guidance, version.active, version.description) == (
        "9",
        "Latest",
        False,
        "d",
    )


def test_a_template_is_stored_and_read_back(admin_api):
    url = admin_api.call(
        "CreateTemplate", TemplateBody=DOCUMENT, TemplateType=TERRAFORM
    )["TemplateUrl"]
    version = VersionFactory(template=Template.objects.get())
    assert version.template.url == url
    answer = admin_api.call(
        "GetTemplate", ProductId=version.product_id, ProductVersionId=version.pk
    )
    assert answer["TemplateBody"] == DOCUMENT


def test_folder_is_returned_as_a_document(admin_api):
    version = VersionFactory()
    answer = admin_api.call(
        "GetTemplate", ProductId=version.product_id, ProductVersionId=version.pk
    )
    assert json.loads(answer["TemplateBody"])["Workspace"] == version.template.files


def test_a_template_is_found_through_its_product_only(api, alice):
    version = VersionFactory(product=granted(alice))
    other = granted(alice)
    refusal = api.refusal(
        "GetTemplate", ProductId=other.pk, ProductVersionId=version.pk
    )
    assert refusal == (404, "InvalidProductVersion.NotFound")


def test_a_description_of_a_variable_is_replaced(admin_api):
    admin_api.call(
        "CreateTemplate",
        TemplateBody=DOCUMENT,
        TemplateType=TERRAFORM,
        TerraformVariables=[
            {
                "VariableName": "name",
                "Description": '{"Label": {"en": "Name"}, "AllowedValues": ["a", "b"]}',
            }
        ],
    )
    parameter = Template.objects.get().schema.by_key["name"]
    assert parameter.label_in("en") == "Name"
    assert parameter.allowed_values == ["a", "b"]


def test_a_variable_that_is_not_declared_is_refused(admin_api):
    refusal = admin_api.refusal(
        "CreateTemplate",
        TemplateBody=DOCUMENT,
        TemplateType=TERRAFORM,
        TerraformVariables=[{"VariableName": "size", "Description": "x"}],
    )
    assert refusal == (400, "InvalidTerraformVariables")


@pytest.mark.parametrize("body", ["{", "Resources: {}", "x" * 10])
def test_a_template_that_cannot_be_read_is_refused(admin_api, body):
    refusal = admin_api.refusal(
        "CreateTemplate", TemplateBody=body, TemplateType=TERRAFORM
    )
    assert refusal == (400, "InvalidTemplate")
    assert not Template.objects.exists()


def test_a_template_of_another_type_is_refused(admin_api):
    refusal = admin_api.refusal(
        "CreateTemplate", TemplateBody=DOCUMENT, TemplateType="RosStandardTemplate"
    )
    assert refusal == (400, "InvalidTemplateType")
    assert not Template.objects.exists()


# The template type, where none was announced: the first version decides

ROS = json.dumps(
    {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Resources": {"Wait": {"Type": "ALIYUN::ROS::Sleep"}},
    }
)
STANDARD = "RosStandardTemplate"


def new_product(api, **more):
    asked = {"ProductName": "Web", "ProviderName": "IT", "ProductType": "Ros"}
    pk = api.call("CreateProduct", **asked | more)["ProductId"]
    return Product.objects.get(pk=pk)


def first_version(kind, name="1.0"):
    template = Template.objects.from_document(ROS if kind == STANDARD else DOCUMENT)
    return {
        "ProductVersionName": name,
        "TemplateType": kind,
        "TemplateUrl": template.url,
    }


@pytest.mark.parametrize("kind", [TERRAFORM, STANDARD])
def test_the_first_version_decides_the_template_type(admin_api, kind):
    product = new_product(admin_api)
    detail = admin_api.call("GetProductAsAdmin", ProductId=product.pk)["ProductDetail"]
    assert detail["TemplateType"] == ""
    admin_api.call("CreateProductVersion", ProductId=product.pk, **first_version(kind))
    product.refresh_from_db()
    assert product.template_kind == kind
    other = TERRAFORM if kind == STANDARD else STANDARD
    refusal = admin_api.refusal(
        "CreateProductVersion", ProductId=product.pk, **first_version(other, "2.0")
    )
    assert refusal[0] == 400


def test_specified_template_type_is_kept(admin_api):
    product = new_product(admin_api, TemplateType=TERRAFORM)
    refusal = admin_api.refusal(
        "CreateProductVersion", ProductId=product.pk, **first_version(STANDARD)
    )
    assert refusal[0] == 400
    product.refresh_from_db()
    assert product.template_kind == TERRAFORM


def test_refused_version_does_not_set_the_template_type(admin_api):
    product = new_product(admin_api)
    version = first_version(STANDARD) | {"ProductVersionName": " "}
    admin_api.refusal("CreateProductVersion", ProductId=product.pk, **version)
    product.refresh_from_db()
    assert product.template_kind == ""


def test_concurrent_first_versions_set_one_template_type(db):
    product = ProductFactory(template_kind="")
    late = Product.objects.get(pk=product.pk)
    product.decide_kind(STANDARD)
    late.decide_kind(TERRAFORM)
    assert late.template_kind == STANDARD
    assert product.template_kind == STANDARD


def test_pages_show_that_the_template_type_is_open(admin_browser):
    product = ProductFactory(template_kind="")
    page = admin_browser.get(reverse("manage:product-detail", args=[product.pk]))
    assert "Set by the first version" in page.content.decode()
