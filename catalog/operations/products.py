"""Operations on products."""

from dataclasses import replace

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from catalog.models import Product
from catalog.models.product import granted_product
from catalog.operations import serializers, shared_parameters
from catalog.operations.lookups import any_product
from catalog.operations.versions import FIRST_VERSION, add_version
from console.lib.errors import NotFoundError
from console.lib.names import folded, has_name
from console.lib.operation import (
    PAGED_ANSWER,
    PAGING,
    SORTING,
    Answer,
    Field,
    Operation,
    Parameter,
    Values,
    filters,
    id_parameter,
    page_by_number,
    wire_names,
)
from console.lib.queries import PreparedQuery
from console.lib.users import User

NAMES = {
    "name": "ProductName",
    "provider": "ProviderName",
    "description": "Description",
}


@transaction.atomic
def create_product(params: Values, by: User) -> Answer:
    """Create a product, and its first version if that is specified.

    Without TemplateType, the first version determines the template type of the product.
    """
    first = params.get("ProductVersionParameters") or {}
    kind = params.get("TemplateType") or first.get("TemplateType")
    with wire_names(**NAMES):
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
    with wire_names(**NAMES):
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
    """Create a product with the same versions. The answer does not have its ID."""
    pk = params["SourceProductArn"].rpartition("/")[2]
    product = any_product(pk)
    if product.arn != params["SourceProductArn"]:
        raise NotFoundError(
            _("The product does not exist, or you do not have access to it."),
            code="InvalidProduct.NotFound",
        )
    with wire_names(name="TargetProductName"):
        product.copy(name=params.get("TargetProductName", ""), by=by)
    return {}


def get_product_as_admin(params: Values, by: User) -> Answer:
    """Read a product with its tag options."""
    product = any_product(params["ProductId"])
    return {
        "ProductDetail": serializers.product(product),
        "TagOptions": [
            serializers.tag_option(row) for row in product.tag_options.all()
        ],
    }


def get_product_as_end_user(params: Values, by: User) -> Answer:
    """Read a product that is granted to the caller."""
    product = GRANTED.first(
        user=by.pk, username=by.get_username(), pk=params["ProductId"]
    )
    if product is None:
        # Raises the reason, unless access was granted since the first query.
        pk = granted_product(by, params["ProductId"]).pk
        product = Product.objects.with_launch_options(by).get(pk=pk)
    return {"ProductSummary": serializers.product_summary(product)}


def list_products_as_admin(params: Values, by: User) -> Answer:
    """List all products, or those in a portfolio."""
    rows = Product.objects.all()
    if params["Scope"] == "Import":
        rows = rows.none()
    if params.get("PortfolioId"):
        rows = rows.filter(portfolios=params["PortfolioId"])
    found, paging = page_by_number(_filtered(rows, params), params)
    return {"ProductDetails": [serializers.product(row) for row in found], **paging}


def list_products_as_end_user(params: Values, by: User) -> Answer:
    """List the products granted to the caller."""
    rows = _filtered(Product.objects.visible_to(by), params)
    found, paging = page_by_number(rows, params)
    counted = Product.objects.with_launch_options(by).in_bulk([row.pk for row in found])
    summaries = [serializers.product_summary(counted[row.pk]) for row in found]
    return {"ProductSummaries": summaries, **paging}


def _filtered(rows: QuerySet[Product], params: Values) -> QuerySet[Product]:
    for condition in params["Filters"]:
        value = condition["Value"]
        if condition["Key"] == "ProductName":
            rows = rows.filter(has_name(value))
        else:
            rows = rows.filter(full_text_search(value))
    return rows


def full_text_search(value: str) -> Q:
    """Return the condition that name, provider or description contains a text."""
    return Q(search_text__contains=folded(value))


def _granted(user: int, username: str, pk: str) -> QuerySet[Product]:
    caller = User(pk=user, username=username)
    products = Product.objects.with_launch_options(caller).filter(pk=pk)
    return products.filter(launch_option_count__gt=0)


# The most frequent call of scripts: its query took 5.5 ms to build and 0.2 ms to run.
GRANTED = PreparedQuery(_granted, user=int, username=str, pk=str)
GROUP = "Products"
TYPE = Parameter(
    "ProductType",
    _("The type of the product. The value is fixed as Ros."),
    required=True,
    choices={
        Product.TYPE: _(
            "The product is launched as a stack of Resource Orchestration Service (ROS)."
        )
    },
)
ARN = Parameter(
    "SourceProductArn",
    _("The Alibaba Cloud Resource Name (ARN) of the product to copy."),
    required=True,
    most=256,
    example="acs:servicecatalog:cn-hangzhou:1466115886171234:product/prod-bp18r7q127u4k5",
)
TARGET = Parameter(
    "TargetProductName",
    _(
        "The name of the new product. By default, the name is generated from the "
        "name of the source product."
    ),
    example="Web service for tests",
)
KIND = Parameter(
    "TemplateType",
    _("The type of the templates of all versions of the product."),
    choices=shared_parameters.TEMPLATE_TYPES,
    note=_("By default, the first version sets the type."),
)
CONDITIONS = filters(
    "Web service",
    {
        "ProductName": _(
            "The full name of the product. The name is not case-sensitive."
        ),
        "FullTextSearch": _(
            "Text to search for in the name, the provider, or the description."
        ),
    },
)
LISTED = (*PAGING, *SORTING, CONDITIONS)
MISSING = "InvalidProduct.NotFound"

OPERATIONS = {
    "CreateProduct": Operation(
        create_product,
        GROUP,
        (
            shared_parameters.PRODUCT_NAME,
            TYPE,
            shared_parameters.PROVIDER,
            shared_parameters.DESCRIPTION,
            KIND,
            FIRST_VERSION,
        ),
        (
            serializers.NEW_PRODUCT_ID,
            replace(
                serializers.NEW_VERSION_ID,
                note=_("Returned if ProductVersionParameters was specified."),
                always=False,
            ),
        ),
        summary=_("Creates a product."),
        description=_(
            "To create the first version in the same call, specify "
            "ProductVersionParameters. To make the product available to end users, add "
            "it to a product portfolio."
        ),
        errors=(
            "DuplicateName.Product",
            "InvalidTemplate",
            "InvalidTemplate.NotFound",
        ),
        administrators=True,
    ),
    "UpdateProduct": Operation(
        update_product,
        GROUP,
        (
            shared_parameters.PRODUCT_ID,
            shared_parameters.PRODUCT_NAME,
            shared_parameters.PROVIDER,
            shared_parameters.DESCRIPTION,
        ),
        (serializers.NEW_PRODUCT_ID,),
        summary=_("Updates the name, the provider, and the description of a product."),
        description=_("The description is kept if it is not specified."),
        errors=(MISSING, "DuplicateName.Product"),
        administrators=True,
    ),
    "DeleteProduct": Operation(
        delete_product,
        GROUP,
        (shared_parameters.PRODUCT_ID,),
        summary=_("Deletes a product."),
        description=_(
            "Remove the product from all product portfolios and terminate its product "
            "instances first. The versions of the product are also deleted."
        ),
        errors=(MISSING, "ResourceInUse.Product"),
        administrators=True,
    ),
    "CopyProduct": Operation(
        copy_product,
        GROUP,
        (ARN, TARGET),
        summary=_("Copies a product with its versions."),
        description=_(
            "The response does not contain the ID of the new product. To obtain the ID, "
            "call ListProductsAsAdmin with the new name."
        ),
        errors=(MISSING, "DuplicateName.Product"),
        administrators=True,
    ),
    "GetProductAsAdmin": Operation(
        get_product_as_admin,
        GROUP,
        (shared_parameters.PRODUCT_ID,),
        (
            Field(
                "ProductDetail",
                _("The information about the product."),
                fields=serializers.PRODUCT,
            ),
            Field(
                "TagOptions",
                _("The tag options that are associated with the product."),
                several=True,
                fields=serializers.TAG_OPTION,
            ),
        ),
        summary=_("Queries the information about a product as an administrator."),
        errors=(MISSING,),
        administrators=True,
        in_query=True,
    ),
    "GetProductAsEndUser": Operation(
        get_product_as_end_user,
        GROUP,
        (shared_parameters.PRODUCT_ID,),
        (
            Field(
                "ProductSummary",
                _("The information about the product."),
                fields=serializers.PRODUCT_SUMMARY,
            ),
        ),
        summary=_("Queries the information about a product as an end user."),
        description=_(
            "You must have access to a product portfolio that contains the product."
        ),
        errors=(MISSING, "NoPermission.ProductNotGranted"),
        scoped=False,
        in_query=True,
    ),
    "ListProductsAsAdmin": Operation(
        list_products_as_admin,
        GROUP,
        (
            id_parameter(
                "PortfolioId",
                _("The ID of a product portfolio. Only its products are returned."),
                "port-bp1yt7582gn1xz",
                required=False,
            ),
            shared_parameters.SCOPE,
            *LISTED,
        ),
        (
            Field(
                "ProductDetails",
                _("The products."),
                several=True,
                fields=serializers.PRODUCT,
            ),
            *PAGED_ANSWER,
        ),
        summary=_("Queries products as an administrator."),
        administrators=True,
        in_query=True,
    ),
    "ListProductsAsEndUser": Operation(
        list_products_as_end_user,
        GROUP,
        LISTED,
        (
            Field(
                "ProductSummaries",
                _("The products that are granted to the caller."),
                several=True,
                fields=serializers.PRODUCT_SUMMARY,
            ),
            *PAGED_ANSWER,
        ),
        summary=_("Queries products as an end user."),
        description=_(
            "Products of all product portfolios that are granted to you are returned."
        ),
        scoped=False,
        in_query=True,
    ),
}
