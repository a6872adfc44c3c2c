"""Parameters several operations of the catalogue take."""

from catalog.models import Template, Version
from console.lib.operation import Parameter, an_id

PRODUCT_ID = an_id("ProductId", "prod-bp18r7q127u4k5")
VERSION_ID = an_id("ProductVersionId", "pv-bp15e79d264s2g")
PORTFOLIO_ID = an_id("PortfolioId", "port-bp1yt7582gn1xz")
PROVIDER = Parameter(
    "ProviderName", "Who provides it.", required=True, example="IT team"
)
DESCRIPTION = Parameter("Description", "What it is for.", example="For everybody")
PRODUCT_NAME = Parameter(
    "ProductName", "The name of the product.", required=True, example="Web service"
)
VERSION_NAME = Parameter(
    "ProductVersionName", "The name of the version.", required=True, example="1.0"
)
PORTFOLIO_NAME = Parameter(
    "PortfolioName", "The name of the portfolio.", required=True, example="Everyday"
)
GUIDANCE = Parameter(
    "Guidance",
    "The advice shown with the version.",
    choices=tuple(Version.Guidance.values),
)
ACTIVE = Parameter("Active", "Whether end users see the version.", "boolean")
TEMPLATE_TYPE = Parameter(
    "TemplateType",
    "What kind of template it is.",
    required=True,
    choices=tuple(Template.Kind.values),
)
TEMPLATE_URL = Parameter(
    "TemplateUrl",
    "The address CreateTemplate returned.",
    required=True,
    most=1024,
    example="oss://servicecatalog-cn-hangzhou/1466115886171234/terraform/template/"
    "tpl-bp1x4v3r44u7u7/template.json",
)
SCOPE = Parameter(
    "Scope",
    "Own ones, or those another account shared: here nothing is shared in.",
    choices=("Local", "Import", "All"),
    default="Local",
)
