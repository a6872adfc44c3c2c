"""Operations on tag options."""

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from catalog.models import Portfolio, Product, TagOption
from catalog.operations import serializers
from catalog.operations.lookups import any_portfolio, any_product, any_tag_option
from console.lib.names import folded
from console.lib.operation import (
    PAGED_ANSWER,
    PAGING,
    SORTING,
    Answer,
    Field,
    Operation,
    Parameter,
    Values,
    id_parameter,
    page_by_number,
    stamp,
    time_field,
    wire_names,
)
from console.lib.users import User

NAMES = {"key": "Key", "value": "Value", "active": "Active"}


def create_tag_option(params: Values, by: User) -> Answer:
    """Create an active tag option of one key and one value."""
    with wire_names(**NAMES):
        option = TagOption.objects.offer(
            key=params["Key"], value=params["Value"], by=by
        )
    return {"TagOptionDetail": serializers.tag_option(option)}


def update_tag_option(params: Values, by: User) -> Answer:
    """Change the value of a tag option, enable it or disable it; its key stays."""
    option = any_tag_option(params["TagOptionId"])
    with wire_names(**NAMES):
        option.edit(value=params.get("Value"), active=params.get("Active"), by=by)
    return {"TagOptionDetail": serializers.tag_option(option)}


def delete_tag_option(params: Values, by: User) -> Answer:
    """Delete a tag option. Tags of instances stay."""
    any_tag_option(params["TagOptionId"]).remove(by=by)
    return {}


def get_tag_option(params: Values, by: User) -> Answer:
    """Read one tag option."""
    return {
        "TagOptionDetail": serializers.tag_option(any_tag_option(params["TagOptionId"]))
    }


def list_tag_options(params: Values, by: User) -> Answer:
    """List tag options by page number. NextToken is always empty."""
    rows = TagOption.objects.all()
    wanted = params.get("Filters", {})
    for name, lookup in (("Key", "key"), ("Value", "value"), ("Active", "active")):
        if name in wanted:
            rows = rows.filter(**{lookup: wanted[name]})
    if text := wanted.get("FullTextSearch"):
        rows = rows.filter(search_text__contains=folded(text))
    if params.get("MaxResults"):
        params = {**params, "PageSize": params["MaxResults"]}
    found, paging = page_by_number(rows, params)
    details = [serializers.tag_option(row) for row in found]
    return {"TagOptionDetails": details, "NextToken": "", **paging}


def associate_tag_option(params: Values, by: User) -> Answer:
    """Attach a tag option to a product or portfolio."""
    option = any_tag_option(params["TagOptionId"])
    option.associate(_resource(params["ResourceId"]), by=by)
    return {}


def dissociate_tag_option(params: Values, by: User) -> Answer:
    """Detach a tag option from a product or portfolio."""
    option = any_tag_option(params["TagOptionId"])
    option.dissociate(_resource(params["ResourceId"]), by=by)
    return {}


def list_resources_for_tag_option(params: Values, by: User) -> Answer:
    """List the products or portfolios to which a tag option is attached."""
    option = any_tag_option(params["TagOptionId"])
    rows: Any = option.products.filter(removed_at=None)
    if params["ResourceType"] == "Portfolio":
        rows = option.portfolios.all()
    found, paging = page_by_number(rows, params)
    details = [
        {
            "CreateTime": stamp(row.created_at),
            "Description": row.description,
            "ResourceArn": row.arn,
            "ResourceId": row.pk,
            "ResourceName": row.name,
        }
        for row in found
    ]
    return {"ResourceDetails": details, **paging}


def _resource(pk: str) -> Product | Portfolio:
    """Return the product or portfolio with an ID. Raises NotFoundError."""
    return any_portfolio(pk) if pk.startswith("port-") else any_product(pk)


GROUP = "TagOptions"
TAG_OPTION_ID = id_parameter(
    "TagOptionId", _("The ID of the tag option."), "tag-bp1u6mdf3d4k5x"
)
RESOURCE_ID = Parameter(
    "ResourceId",
    _("The ID of the product or the product portfolio."),
    required=True,
    example="prod-bp18r7q127u4k5",
)
KEY = Parameter(
    "Key",
    _("The key of the tag option."),
    required=True,
    example="team",
    note=_(
        "The key cannot start with aliyun or acs: and cannot contain http:// or https://."
    ),
)
VALUE = Parameter(
    "Value",
    _("The value of the tag option."),
    example="data",
    note=_("The value cannot start with acs: and cannot contain http:// or https://."),
)
DETAIL = (
    Field(
        "TagOptionDetail",
        _("The information about the tag option."),
        fields=serializers.TAG_OPTION,
    ),
)
RESOURCE = (
    time_field("CreateTime", _("The time when the resource was created.")),
    Field("Description", _("The description of the resource."), "For all teams."),
    Field(
        "ResourceArn",
        _("The Alibaba Cloud Resource Name (ARN) of the resource."),
        "acs:servicecatalog:cn-hangzhou:1466115886171234:product/prod-bp18r7q127u4k5",
    ),
    Field(
        "ResourceId",
        _("The ID of the product or the product portfolio."),
        "prod-bp18r7q127u4k5",
    ),
    Field("ResourceName", _("The name of the resource."), "Web service"),
)
FILTERS = Parameter(
    "Filters",
    _(
        "The filter conditions, as a JSON object. A tag option is returned if it "
        "meets all conditions."
    ),
    "object",
    fields=(
        Parameter(
            "Active",
            _("true: only enabled tag options. false: only disabled tag options."),
            "boolean",
        ),
        Parameter(
            "FullTextSearch",
            _("Text to search for in the key or the value."),
            most=512,
            example="tea",
        ),
        Parameter("Key", _("The full key."), example="team"),
        Parameter("Value", _("The full value."), example="data"),
    ),
)
CURSOR = (
    Parameter(
        "MaxResults",
        _(
            "The number of entries on each page. Use this parameter instead of PageSize."
        ),
        "integer",
        least=1,
        most=100,
        example="10",
        in_sample=False,
    ),
    Parameter(
        "NextToken",
        _(
            "The token of the next page. This parameter is ignored. Specify PageNumber "
            "instead."
        ),
        most=1024,
        example="AAAAAV3MpHK1AP0pfEHpTBb",
        in_sample=False,
    ),
)
ATTACHED = (
    "InvalidTagOption.NotFound",
    "InvalidProduct.NotFound",
    "InvalidPortfolio.NotFound",
)

OPERATIONS = {
    "CreateTagOption": Operation(
        create_tag_option,
        GROUP,
        (KEY, replace(VALUE, required=True)),
        DETAIL,
        summary=_("Creates a tag option."),
        description=_(
            "A tag option consists of a key and a value, and is enabled immediately. "
            "Associate the tag option with products and product portfolios to add the "
            "tag to their new instances."
        ),
        errors=("DuplicateName.TagOption",),
        administrators=True,
    ),
    "UpdateTagOption": Operation(
        update_tag_option,
        GROUP,
        (
            TAG_OPTION_ID,
            VALUE,
            Parameter(
                "Active",
                _("Specifies whether the tag option is applied to new instances."),
                "boolean",
            ),
        ),
        DETAIL,
        summary=_(
            "Changes the value of a tag option, or enables or disables the tag option."
        ),
        description=_("The key of a tag option cannot be changed."),
        errors=("InvalidTagOption.NotFound", "DuplicateName.TagOption"),
        administrators=True,
    ),
    "DeleteTagOption": Operation(
        delete_tag_option,
        GROUP,
        (TAG_OPTION_ID,),
        summary=_("Deletes a tag option."),
        description=_(
            "The tag option is removed from all products and product portfolios. Tags "
            "of existing instances are not changed."
        ),
        errors=("InvalidTagOption.NotFound",),
        administrators=True,
    ),
    "GetTagOption": Operation(
        get_tag_option,
        GROUP,
        (TAG_OPTION_ID,),
        DETAIL,
        summary=_("Queries the information about a tag option."),
        errors=("InvalidTagOption.NotFound",),
        administrators=True,
        in_query=True,
        method="GET",
    ),
    "ListTagOptions": Operation(
        list_tag_options,
        GROUP,
        (FILTERS, *PAGING, *SORTING, *CURSOR),
        (
            Field(
                "TagOptionDetails",
                _("The tag options."),
                several=True,
                fields=serializers.TAG_OPTION,
            ),
            Field(
                "NextToken",
                _(
                    "The token of the next page. The token is always empty. Use PageNumber "
                    "instead."
                ),
                "",
            ),
            *PAGED_ANSWER,
        ),
        summary=_("Queries tag options."),
        administrators=True,
        in_query=True,
        method="GET",
    ),
    "AssociateTagOptionWithResource": Operation(
        associate_tag_option,
        GROUP,
        (TAG_OPTION_ID, RESOURCE_ID),
        summary=_("Associates a tag option with a product or a product portfolio."),
        description=_(
            "The tag is added to new instances of the product, or of the products in "
            "the portfolio."
        ),
        errors=ATTACHED,
        administrators=True,
    ),
    # The capital A in the middle is the vendor's.
    "DisAssociateTagOptionFromResource": Operation(
        dissociate_tag_option,
        GROUP,
        (TAG_OPTION_ID, RESOURCE_ID),
        summary=_("Removes a tag option from a product or a product portfolio."),
        description=_("Tags of existing instances are not changed."),
        errors=ATTACHED,
        administrators=True,
    ),
    "ListResourcesForTagOption": Operation(
        list_resources_for_tag_option,
        GROUP,
        (
            TAG_OPTION_ID,
            Parameter(
                "ResourceType",
                _("The type of the resources."),
                required=True,
                choices={
                    "Product": _("Products."),
                    "Portfolio": _("Product portfolios."),
                },
                any_case=True,
            ),
            *PAGING,
        ),
        (
            Field(
                "ResourceDetails",
                _("The products or the product portfolios."),
                several=True,
                fields=RESOURCE,
            ),
            *PAGED_ANSWER,
        ),
        summary=_("Queries the resources that are associated with a tag option."),
        errors=("InvalidTagOption.NotFound",),
        administrators=True,
        in_query=True,
        method="GET",
    ),
}
