"""Request parameters that several operations of the catalog share."""

from django.utils.translation import gettext_lazy as _

from catalog.models import Constraint, Template, Version
from console.lib.operation import Parameter, explained, id_parameter

TEMPLATE_TYPES = explained(
    Template.Kind.values,
    {
        Template.Kind.TERRAFORM: _("A Terraform template."),
        Template.Kind.STANDARD: _("A standard ROS template."),
    },
)
GUIDANCES = explained(
    Version.Guidance.values,
    {
        Version.Guidance.DEFAULT: _("No recommendation is displayed."),
        Version.Guidance.RECOMMENDED: _("The version is recommended."),
        Version.Guidance.LATEST: _("The version is the latest one."),
        Version.Guidance.DEPRECATED: _("The version is deprecated."),
    },
)
CONSTRAINT_TYPES = explained(
    Constraint.Kind.values,
    {
        Constraint.Kind.LAUNCH: _(
            "A launch constraint: the launch role whose credentials are used."
        ),
        Constraint.Kind.TEMPLATE: _(
            "A template constraint: rules for the parameters of the template."
        ),
        Constraint.Kind.APPROVAL: _(
            "An approval constraint: the operations that require approval, and the "
            "approvers."
        ),
        Constraint.Kind.STACK_REGION: _(
            "A region constraint: the regions in which the product can be launched."
        ),
    },
)
PRODUCT_ID = id_parameter(
    "ProductId", _("The ID of the product."), "prod-bp18r7q127u4k5"
)
VERSION_ID = id_parameter(
    "ProductVersionId", _("The ID of the product version."), "pv-bp15e79d264s2g"
)
PORTFOLIO_ID = id_parameter(
    "PortfolioId", _("The ID of the product portfolio."), "port-bp1yt7582gn1xz"
)
PROVIDER = Parameter(
    "ProviderName",
    _("The team or company that provides the product or the product portfolio."),
    required=True,
    example="IT team",
)
DESCRIPTION = Parameter(
    "Description", _("The description."), example="For all teams of the company"
)
PRODUCT_NAME = Parameter(
    "ProductName",
    _("The name of the product."),
    required=True,
    example="Web service",
    note=_("The name must be unique in the account."),
)
VERSION_NAME = Parameter(
    "ProductVersionName",
    _("The name of the product version."),
    required=True,
    example="1.0",
    note=_("The name must be unique within the product."),
)
PORTFOLIO_NAME = Parameter(
    "PortfolioName",
    _("The name of the product portfolio."),
    required=True,
    example="Web services",
    note=_("The name must be unique in the account."),
)
GUIDANCE = Parameter(
    "Guidance",
    _("The recommendation that end users see beside the version."),
    choices=GUIDANCES,
)
ACTIVE = Parameter(
    "Active",
    _("Specifies whether end users can see and launch the version."),
    "boolean",
    note=_("An instance keeps its version when the version is disabled."),
)
TEMPLATE_TYPE = Parameter(
    "TemplateType",
    _("The type of the template."),
    required=True,
    choices=TEMPLATE_TYPES,
)
TEMPLATE_URL = Parameter(
    "TemplateUrl",
    _("The URL of the template."),
    required=True,
    most=1024,
    example="oss://servicecatalog-cn-hangzhou/1466115886171234/terraform/template/"
    "tpl-bp1x4v3r44u7u7/template.json",
    note=_("Use the URL that CreateTemplate returned. Other URLs are rejected."),
)
SCOPE = Parameter(
    "Scope",
    _("The origin of the entries."),
    choices={
        "Local": _("Entries that this account created."),
        "Import": _("Entries that another account shared. The list is always empty."),
        "All": _("Entries of both origins."),
    },
    default="Local",
)
