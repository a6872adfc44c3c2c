"""Operations on tag options."""

from typing import Any

from django.db.models import Q

from catalog.models import Portfolio, Product, TagOption
from catalog.operations import shapes
from catalog.operations.lookups import any_portfolio, any_product, any_tag_option
from console.lib.operation import (
    PAGED_ANSWER,
    PAGING,
    SORTING,
    Answer,
    Operation,
    Parameter,
    Values,
    an_id,
    numbered,
    spelled,
    stamp,
)
from console.lib.people import User

NAMES = {"key": "Key", "value": "Value", "active": "Active"}


def create_tag_option(params: Values, by: User) -> Answer:
    """Create a tag option: one key, one value, active."""
    with spelled(**NAMES):
        option = TagOption.objects.offer(
            key=params["Key"], value=params["Value"], by=by
        )
    return {"TagOptionDetail": shapes.tag_option(option)}


def update_tag_option(params: Values, by: User) -> Answer:
    """Change a tag option's value, or switch it on or off; its key stays."""
    option = any_tag_option(params["TagOptionId"])
    with spelled(**NAMES):
        option.edit(value=params.get("Value"), active=params.get("Active"), by=by)
    return {"TagOptionDetail": shapes.tag_option(option)}


def delete_tag_option(params: Values, by: User) -> Answer:
    """Delete a tag option everywhere. Tags on running instances stay."""
    any_tag_option(params["TagOptionId"]).remove(by=by)
    return {}


def get_tag_option(params: Values, by: User) -> Answer:
    """Read one tag option."""
    return {"TagOptionDetail": shapes.tag_option(any_tag_option(params["TagOptionId"]))}


def list_tag_options(params: Values, by: User) -> Answer:
    """List tag options. Page by number; NextToken is never given out."""
    rows = TagOption.objects.all()
    wanted = params.get("Filters", {})
    for name, lookup in (("Key", "key"), ("Value", "value"), ("Active", "active")):
        if name in wanted:
            rows = rows.filter(**{lookup: wanted[name]})
    if text := wanted.get("FullTextSearch"):
        rows = rows.filter(Q(key__icontains=text) | Q(value__icontains=text))
    if params.get("MaxResults"):
        params = {**params, "PageSize": params["MaxResults"]}
    found, paging = numbered(rows, params)
    details = [shapes.tag_option(row) for row in found]
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
    """List the products or portfolios a tag option is attached to."""
    option = any_tag_option(params["TagOptionId"])
    rows: Any = option.products.filter(removed_at=None)
    if params["ResourceType"] == "Portfolio":
        rows = option.portfolios.all()
    found, paging = numbered(rows, params)
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
    """The product or portfolio of this ID. Raises NotFound."""
    return any_portfolio(pk) if pk.startswith("port-") else any_product(pk)


GROUP = "TagOptions"
TAG_OPTION_ID = an_id("TagOptionId", "tag-bp1u6mdf3d4k5x")
RESOURCE_ID = Parameter(
    "ResourceId",
    "The ID of a product or a portfolio.",
    required=True,
    example="prod-bp18r7q127u4k5",
)
KEY = Parameter(
    "Key",
    "Not beginning with aliyun or acs:, without http:// and https://.",
    required=True,
    example="team",
)
VALUE_RULE = "Not beginning with acs:, without http:// and https://."
DETAIL = {"TagOptionDetail": shapes.TAG_OPTION}
RESOURCE = {
    "CreateTime": str,
    "Description": str,
    "ResourceArn": str,
    "ResourceId": str,
    "ResourceName": str,
}
FILTERS = Parameter(
    "Filters",
    "Conditions, as one JSON object; all of them must hold.",
    "object",
    fields=(
        Parameter("Active", "Only active ones, or only others.", "boolean"),
        Parameter("FullTextSearch", "A text in key or value.", most=512),
        Parameter("Key", "The exact key."),
        Parameter("Value", "The exact value."),
    ),
)
CURSOR = (
    Parameter("MaxResults", "The same as PageSize.", "integer", least=1, most=100),
    Parameter("NextToken", "Ignored: page by PageNumber.", most=1024),
)

OPERATIONS = {
    "CreateTagOption": Operation(
        create_tag_option,
        GROUP,
        (KEY, Parameter("Value", VALUE_RULE, required=True, example="data")),
        DETAIL,
        administrators=True,
    ),
    "UpdateTagOption": Operation(
        update_tag_option,
        GROUP,
        (
            TAG_OPTION_ID,
            Parameter("Value", VALUE_RULE, example="data"),
            Parameter("Active", "Whether launches take it into account.", "boolean"),
        ),
        DETAIL,
        administrators=True,
    ),
    "DeleteTagOption": Operation(
        delete_tag_option, GROUP, (TAG_OPTION_ID,), administrators=True
    ),
    "GetTagOption": Operation(
        get_tag_option,
        GROUP,
        (TAG_OPTION_ID,),
        DETAIL,
        administrators=True,
        in_query=True,
        method="GET",
    ),
    "ListTagOptions": Operation(
        list_tag_options,
        GROUP,
        (FILTERS, *PAGING, *SORTING, *CURSOR),
        {"TagOptionDetails": [shapes.TAG_OPTION], "NextToken": str, **PAGED_ANSWER},
        administrators=True,
        in_query=True,
        method="GET",
    ),
    "AssociateTagOptionWithResource": Operation(
        associate_tag_option, GROUP, (TAG_OPTION_ID, RESOURCE_ID), administrators=True
    ),
    # The capital A in the middle is the vendor's.
    "DisAssociateTagOptionFromResource": Operation(
        dissociate_tag_option, GROUP, (TAG_OPTION_ID, RESOURCE_ID), administrators=True
    ),
    "ListResourcesForTagOption": Operation(
        list_resources_for_tag_option,
        GROUP,
        (
            TAG_OPTION_ID,
            Parameter(
                "ResourceType",
                "What to list.",
                required=True,
                choices=("Product", "Portfolio"),
                any_case=True,
            ),
            *PAGING,
        ),
        {"ResourceDetails": [RESOURCE], **PAGED_ANSWER},
        administrators=True,
        in_query=True,
        method="GET",
    ),
}
