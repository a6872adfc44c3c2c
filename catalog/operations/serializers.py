"""Objects in the answers of the catalog: their documented fields, types and serializers."""

from typing import TypedDict

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from catalog.models import (
    Constraint,
    Grant,
    Portfolio,
    Product,
    TagOption,
    Template,
    Version,
)
from catalog.operations.shared_parameters import (
    CONSTRAINT_TYPES,
    GUIDANCES,
    TEMPLATE_TYPES,
    TEMPLATE_URL,
)
from console.lib.operation import Field, explained, stamp, time_field
from console.lib.users import PrincipalType

PRINCIPAL_TYPES = explained(
    PrincipalType.values,
    {
        PrincipalType.USER: _("A RAM user: a user of this console."),
        PrincipalType.ROLE: _("A RAM role: a group of this console."),
    },
)
NEW_PRODUCT_ID = Field("ProductId", _("The ID of the product."), "prod-bp18r7q127u4k5")
NEW_VERSION_ID = Field(
    "ProductVersionId", _("The ID of the product version."), "pv-bp15e79d264s2g"
)
NEW_PORTFOLIO_ID = Field(
    "PortfolioId", _("The ID of the product portfolio."), "port-bp1yt7582gn1xz"
)
NEW_CONSTRAINT_ID = Field(
    "ConstraintId", _("The ID of the constraint."), "cons-bp1yx7x42v9a8b"
)
PRODUCT_NAME = Field("ProductName", _("The name of the product."), "Web service")
VERSION_NAME = Field("ProductVersionName", _("The name of the product version."), "1.0")
PRODUCT_CORE = (
    time_field("CreateTime", _("The time when the product was created.")),
    Field(
        "Description",
        _("The description of the product."),
        "A web service behind a load balancer.",
    ),
    Field(
        "ProductArn",
        _("The Alibaba Cloud Resource Name (ARN) of the product."),
        "acs:servicecatalog:cn-hangzhou:1466115886171234:product/prod-bp18r7q127u4k5",
    ),
    NEW_PRODUCT_ID,
    PRODUCT_NAME,
    Field(
        "ProductType",
        _("The type of the product."),
        Product.TYPE,
        choices={
            Product.TYPE: _(
                "The only type: the product is launched as a stack of Resource "
                "Orchestration Service (ROS)."
            )
        },
    ),
    Field("ProviderName", _("The provider of the product."), "IT team"),
)
PRODUCT = (
    *PRODUCT_CORE,
    Field(
        "TemplateType",
        _("The type of the product template."),
        Template.Kind.TERRAFORM.value,
        choices=TEMPLATE_TYPES,
        note=_("Empty until the first version is created."),
        blank=True,
    ),
)
PRODUCT_SUMMARY = (
    *PRODUCT,
    Field(
        "HasDefaultLaunchOption",
        _("Indicates whether the default launch option exists."),
        True,
        choices={
            "true": _(
                "The default launch option exists. PortfolioId is not required when the "
                "product is launched or an instance is updated."
            ),
            "false": _(
                "The default launch option does not exist. PortfolioId is required when "
                "the product is launched or an instance is updated. Call "
                "ListLaunchOptions to obtain it."
            ),
        },
        note=_(
            "If the product is in only one of the product portfolios that the caller "
            "can use, the default launch option exists. If the product is in several of "
            "these portfolios, the default launch option does not exist."
        ),
    ),
)
VERSION = (
    Field(
        "Active",
        _("Indicates whether end users can see and launch the version."),
        True,
        choices={
            "true": _("The version is enabled."),
            "false": _(
                "The version is disabled. Only administrators can view the version."
            ),
        },
    ),
    time_field("CreateTime", _("The time when the product version was created.")),
    Field(
        "Description",
        _("The description of the product version."),
        "Adds a second zone.",
    ),
    Field(
        "Guidance",
        _("The recommendation that end users see beside the version."),
        Version.Guidance.DEFAULT.value,
        choices=GUIDANCES,
    ),
    NEW_PRODUCT_ID,
    NEW_VERSION_ID,
    VERSION_NAME,
    Field(
        "TemplateType",
        _("The type of the template."),
        Template.Kind.TERRAFORM.value,
        choices=TEMPLATE_TYPES,
    ),
    Field(
        "TemplateUrl",
        _(
            "The URL of the template. The URL identifies the template and cannot be "
            "opened."
        ),
        TEMPLATE_URL.example,
    ),
)
PORTFOLIO = (
    time_field("CreateTime", _("The time when the product portfolio was created.")),
    Field(
        "Description",
        _("The description of the product portfolio."),
        "Web services for all teams.",
    ),
    Field(
        "PortfolioArn",
        _("The Alibaba Cloud Resource Name (ARN) of the product portfolio."),
        "acs:servicecatalog:cn-hangzhou:1466115886171234:portfolio/port-bp1yt7582gn1xz",
    ),
    NEW_PORTFOLIO_ID,
    Field("PortfolioName", _("The name of the product portfolio."), "Web services"),
    Field("ProviderName", _("The provider of the product portfolio."), "IT team"),
)
TAG_OPTION = (
    Field(
        "Active",
        _("Indicates whether the tag option is applied to new instances."),
        True,
        choices={
            "true": _("The tag option is enabled."),
            "false": _("The tag option is disabled."),
        },
    ),
    Field("Key", _("The key of the tag option."), "team"),
    Field(
        "Owner",
        _("The ID of the account that owns the tag option."),
        "1466115886171234",
    ),
    Field("TagOptionId", _("The ID of the tag option."), "tag-bp1u6mdf3d4k5x"),
    Field("Value", _("The value of the tag option."), "data"),
)
CONSTRAINT = (
    Field(
        "Config",
        _("The configuration of the constraint, as JSON text."),
        '{"StackRegions": ["cn-hangzhou"]}',
    ),
    NEW_CONSTRAINT_ID,
    Field(
        "ConstraintType",
        _("The type of the constraint."),
        Constraint.Kind.STACK_REGION.value,
        choices=CONSTRAINT_TYPES,
    ),
    time_field("CreateTime", _("The time when the constraint was created.")),
    Field(
        "Description",
        _("The description of the constraint."),
        "Only in the region of the data center.",
    ),
    NEW_PORTFOLIO_ID,
    NEW_PRODUCT_ID,
    PRODUCT_NAME,
)
PRINCIPAL = (
    Field(
        "PrincipalId",
        _("The ID of the RAM user or RAM role. Empty for a pattern."),
        "244771116036370001",
    ),
    Field(
        "PrincipalPattern",
        _("The pattern of names to which access is granted. Empty for an ID."),
        "user/web-*",
        in_sample=False,
    ),
    Field(
        "PrincipalType",
        _("The type of the principal."),
        PrincipalType.USER.value,
        choices=PRINCIPAL_TYPES,
    ),
)


class ProductCore(TypedDict):
    CreateTime: str
    Description: str
    ProductArn: str
    ProductId: str
    ProductName: str
    ProductType: str
    ProviderName: str


class ProductDetail(ProductCore):
    TemplateType: str


class ProductSummary(ProductDetail):
    HasDefaultLaunchOption: bool


class VersionDetail(TypedDict):
    Active: bool
    CreateTime: str
    Description: str
    Guidance: str
    ProductId: str
    ProductVersionId: str
    ProductVersionName: str
    TemplateType: str
    TemplateUrl: str


class PortfolioDetail(TypedDict):
    CreateTime: str
    Description: str
    PortfolioArn: str
    PortfolioId: str
    PortfolioName: str
    ProviderName: str


class TagOptionDetail(TypedDict):
    Active: bool
    Key: str
    Owner: str
    TagOptionId: str
    Value: str


class ConstraintDetail(TypedDict):
    Config: str
    ConstraintId: str
    ConstraintType: str
    CreateTime: str
    Description: str
    PortfolioId: str
    ProductId: str
    ProductName: str


class PrincipalDetail(TypedDict):
    PrincipalId: str
    PrincipalPattern: str
    PrincipalType: str


def product_core(row: Product) -> ProductCore:
    return {
        "CreateTime": stamp(row.created_at),
        "Description": row.description,
        "ProductArn": row.arn,
        "ProductId": row.pk,
        "ProductName": row.name,
        "ProductType": Product.TYPE,
        "ProviderName": row.provider,
    }


def product(row: Product) -> ProductDetail:
    return {**product_core(row), "TemplateType": row.template_kind}


def product_summary(row: Product) -> ProductSummary:
    """Return a product from `with_launch_options` for an end user."""
    count: int = row.launch_option_count  # type: ignore[attr-defined]
    return {**product(row), "HasDefaultLaunchOption": count == 1}


def version(row: Version) -> VersionDetail:
    """Return a version, read with its template."""
    return {
        "Active": row.active,
        "CreateTime": stamp(row.created_at),
        "Description": row.description,
        "Guidance": row.guidance,
        "ProductId": row.product_id,
        "ProductVersionId": row.pk,
        "ProductVersionName": row.name,
        "TemplateType": row.template.kind,
        "TemplateUrl": row.template.url,
    }


def portfolio(row: Portfolio) -> PortfolioDetail:
    return {
        "CreateTime": stamp(row.created_at),
        "Description": row.description,
        "PortfolioArn": row.arn,
        "PortfolioId": row.pk,
        "PortfolioName": row.name,
        "ProviderName": row.provider,
    }


def tag_option(row: TagOption) -> TagOptionDetail:
    return {
        "Active": row.active,
        "Key": row.key,
        "Owner": settings.ACCOUNT_ID,
        "TagOptionId": row.pk,
        "Value": row.value,
    }


def constraint(row: Constraint, config: str) -> ConstraintDetail:
    return {
        "Config": config,
        "ConstraintId": row.pk,
        "ConstraintType": row.kind,
        "CreateTime": stamp(row.created_at),
        "Description": row.description,
        "PortfolioId": row.portfolio_id,
        "ProductId": row.product_id,
        "ProductName": row.product.name,
    }


def principal(row: Grant) -> PrincipalDetail:
    named = row.user or row.role
    return {
        "PrincipalId": named.principal_id if named else "",
        "PrincipalPattern": row.pattern,
        "PrincipalType": row.principal_type,
    }
