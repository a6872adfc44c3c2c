"""Operations on products."""

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from catalog.models import Product, Template
from catalog.models.product import ProductQuerySet, granted_product
from catalog.operations import shapes, words
from catalog.operations.lookups import any_product
from catalog.operations.versions import FIRST_VERSION, add_version
from console.lib.errors import NotFound
from console.lib.operation import (
    PAGED_ANSWER,
    PAGING,
    SORTING,
    Answer,
    Operation,
    Parameter,
    Values,
    an_id,
    filters,
    numbered,
    spelled,
)
from console.lib.people import User
from console.lib.prepared import Prepared

NAMES = {
    "name": "ProductName",
    "provider": "ProviderName",
    "description": "Description",
}


@transaction.atomic
def create_product(params: Values, by: User) -> Answer:
    """Create a product, and its first version when one is described.

    Without TemplateType the first version decides which templates the product takes.
    """
    first = params.get("ProductVersionParameters") or {}
    kind = params.get("TemplateType") or first.get("TemplateType")
    with spelled(**NAMES):
        product = Product.objects.publish(
            name=params["ProductName"],
            provider=params["ProviderName"],
            description=params.get("Description", ""),
            template_kind=kind or "",
            by=by,
        )
    answer = {"ProductId": product.pk}
    if first:
        answer["ProductVersionId"] = add_version(product, first, by).pk
    return answer


def update_product(params: Values, by: User) -> Answer:
    """Replace a product's name, provider and description."""
    product = any_product(params["ProductId"])
    with spelled(**NAMES):
        product.edit(
            name=params["ProductName"],
            provider=params["ProviderName"],
            description=params.get("Description"),
            by=by,
        )
    return {"ProductId": product.pk}


def delete_product(params: Values, by: User) -> Answer:
    """Delete a product that is in no portfolio and has no instances."""
    any_product(params["ProductId"]).remove(by=by)
    return {}


def copy_product(params: Values, by: User) -> Answer:
    """Make a product with the same versions. List the products to find its ID."""
    pk = params["SourceProductArn"].rpartition("/")[2]
    product = any_product(pk)
    if product.arn != params["SourceProductArn"]:
        raise NotFound(_("There is no such product."), code="InvalidProduct.NotFound")
    with spelled(name="TargetProductName"):
        product.copy(name=params.get("TargetProductName", ""), by=by)
    return {}


def get_product_as_admin(params: Values, by: User) -> Answer:
    """Read a product with its tag options."""
    product = any_product(params["ProductId"])
    return {
        "ProductDetail": shapes.product(product),
        "TagOptions": [shapes.tag_option(row) for row in product.tag_options.all()],
    }


def get_product_as_end_user(params: Values, by: User) -> Answer:
    """Read a product somebody granted the caller."""
    product = GRANTED.first(
        user=by.pk, username=by.get_username(), pk=params["ProductId"]
    )
    if product is None:
        # Says why; for a grant that came at this very moment there is nothing to say.
        pk = granted_product(by, params["ProductId"]).pk
        product = Product.objects.with_launch_options(by).get(pk=pk)
    return {"ProductSummary": shapes.product_summary(product)}


def list_products_as_admin(params: Values, by: User) -> Answer:
    """List products, all or those of one portfolio."""
    rows = Product.objects.all()
    if params["Scope"] == "Import":
        rows = rows.none()
    if params.get("PortfolioId"):
        rows = rows.filter(portfolios=params["PortfolioId"])
    found, paging = numbered(_filtered(rows, params), params)
    return {"ProductDetails": [shapes.product(row) for row in found], **paging}


def list_products_as_end_user(params: Values, by: User) -> Answer:
    """List the products granted to the caller."""
    rows = _filtered(Product.objects.visible_to(by), params)
    found, paging = numbered(rows, params)
    counted = Product.objects.with_launch_options(by).in_bulk([row.pk for row in found])
    summaries = [shapes.product_summary(counted[row.pk]) for row in found]
    return {"ProductSummaries": summaries, **paging}


def _filtered(rows: ProductQuerySet | QuerySet[Product], params: Values) -> Any:
    for condition in params["Filters"]:
        value = condition["Value"]
        if condition["Key"] == "ProductName":
            rows = rows.filter(name__iexact=value)
        else:
            rows = rows.filter(anywhere(value))
    return rows


def anywhere(value: str) -> Q:
    """Match the text in name, provider or description."""
    return (
        Q(name__icontains=value)
        | Q(provider__icontains=value)
        | Q(description__icontains=value)
    )


def _granted(user: int, username: str, pk: str) -> QuerySet[Product]:
    caller = User(pk=user, username=username)
    products = Product.objects.with_launch_options(caller).filter(pk=pk)
    return products.filter(launch_option_count__gt=0)


# The call scripts make most: measured, its query costs 5.5 ms to build and 0.2 ms to run.
GRANTED = Prepared(_granted, user=int, username=str, pk=str)
GROUP = "Products"
TYPE = Parameter("ProductType", "Always Ros.", required=True, choices=(Product.TYPE,))
ARN = Parameter(
    "SourceProductArn",
    "The ARN of the product to copy.",
    required=True,
    most=256,
    example="acs:servicecatalog:cn-hangzhou:1466115886171234:product/prod-bp18r7q127u4k5",
)
KIND = Parameter(
    "TemplateType",
    "What kind of templates its versions have. Not sent, the first version decides.",
    choices=tuple(Template.Kind.values),
)
CONDITIONS = filters("ProductName", "FullTextSearch")
LISTED = (*PAGING, *SORTING, CONDITIONS)

OPERATIONS = {
    "CreateProduct": Operation(
        create_product,
        GROUP,
        (
            words.PRODUCT_NAME,
            TYPE,
            words.PROVIDER,
            words.DESCRIPTION,
            KIND,
            FIRST_VERSION,
        ),
        {"ProductId": str, "ProductVersionId": str},
        administrators=True,
    ),
    "UpdateProduct": Operation(
        update_product,
        GROUP,
        (words.PRODUCT_ID, words.PRODUCT_NAME, words.PROVIDER, words.DESCRIPTION),
        {"ProductId": str},
        administrators=True,
    ),
    "DeleteProduct": Operation(
        delete_product, GROUP, (words.PRODUCT_ID,), administrators=True
    ),
    "CopyProduct": Operation(
        copy_product,
        GROUP,
        (ARN, Parameter("TargetProductName", "The name of the copy.")),
        administrators=True,
    ),
    "GetProductAsAdmin": Operation(
        get_product_as_admin,
        GROUP,
        (words.PRODUCT_ID,),
        {"ProductDetail": shapes.PRODUCT, "TagOptions": [shapes.TAG_OPTION]},
        administrators=True,
        in_query=True,
    ),
    "GetProductAsEndUser": Operation(
        get_product_as_end_user,
        GROUP,
        (words.PRODUCT_ID,),
        {"ProductSummary": shapes.PRODUCT_SUMMARY},
        scoped=False,
        in_query=True,
    ),
    "ListProductsAsAdmin": Operation(
        list_products_as_admin,
        GROUP,
        (
            an_id("PortfolioId", "port-bp1yt7582gn1xz", required=False),
            words.SCOPE,
            *LISTED,
        ),
        {"ProductDetails": [shapes.PRODUCT], **PAGED_ANSWER},
        administrators=True,
        in_query=True,
    ),
    "ListProductsAsEndUser": Operation(
        list_products_as_end_user,
        GROUP,
        LISTED,
        {"ProductSummaries": [shapes.PRODUCT_SUMMARY], **PAGED_ANSWER},
        scoped=False,
        in_query=True,
    ),
}
