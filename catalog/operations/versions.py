"""Operations on versions of a product."""

from django.utils.translation import gettext_lazy as _

from catalog.models import Product, Version
from catalog.operations import serializers, shared_parameters
from catalog.operations.lookups import (
    any_product,
    any_version,
    find,
    product_for_caller,
    template_at,
    versions_for_caller,
)
from console.lib.errors import InvalidInputError
from console.lib.operation import (
    Answer,
    Field,
    Operation,
    Parameter,
    Values,
    wire_names,
)
from console.lib.users import User

NAMES = {
    "name": "ProductVersionName",
    "description": "Description",
    "guidance": "Guidance",
    "active": "Active",
    "template": "TemplateUrl",
}


def add_version(product: Product, params: Values, by: User) -> Version:
    """Publish a version with the parameters of a request.

    Raises InvalidInputError if the template is not of the specified type.
    """
    template = template_at(params["TemplateUrl"])
    if template.kind != params["TemplateType"]:
        problem = _(
            "The template type is %(kind)s, which does not match TemplateType."
        ) % {"kind": template.kind}
        raise InvalidInputError({"TemplateType": [problem]}, code="InvalidTemplateType")
    with wire_names(**NAMES):
        return Version.objects.publish(
            product=product,
            template=template,
            name=params["ProductVersionName"],
            description=params.get("Description", ""),
            guidance=params.get("Guidance", Version.Guidance.DEFAULT),
            active=params.get("Active", True),
            by=by,
        )


def create_product_version(params: Values, by: User) -> Answer:
    """Add a version to a product. Call CreateTemplate first."""
    product = any_product(params["ProductId"])
    return {"ProductVersionId": add_version(product, params, by).pk}


def update_product_version(params: Values, by: User) -> Answer:
    """Change the specified parameters of a version. Its template cannot be changed."""
    version = any_version(params["ProductVersionId"])
    with wire_names(**NAMES):
        version.edit(
            name=params["ProductVersionName"],
            description=params.get("Description"),
            guidance=params.get("Guidance"),
            active=params.get("Active"),
            by=by,
        )
    return {"ProductVersionId": version.pk}


def delete_product_version(params: Values, by: User) -> Answer:
    """Delete a version that is not used by an instance."""
    any_version(params["ProductVersionId"]).remove(by=by)
    return {}


def get_product_version(params: Values, by: User) -> Answer:
    """Read a version. End users can read the active versions of their products."""
    rows = versions_for_caller(by)
    row = find(rows, params["ProductVersionId"], "InvalidProductVersion.NotFound")
    return {"ProductVersionDetail": serializers.version(row)}


def list_product_versions(params: Values, by: User) -> Answer:
    """List the versions of a product, newest first; active ones only for end users."""
    product = product_for_caller(by, params["ProductId"])
    rows = versions_for_caller(by).filter(product=product)
    rows = rows.order_by("-created_at", "-pk")
    return {"ProductVersionDetails": [serializers.version(row) for row in rows]}


GROUP = "Products"
FIRST_VERSION = Parameter(
    "ProductVersionParameters",
    _("The first version of the product."),
    "object",
    fields=(
        shared_parameters.VERSION_NAME,
        shared_parameters.TEMPLATE_TYPE,
        shared_parameters.TEMPLATE_URL,
        shared_parameters.DESCRIPTION,
        shared_parameters.GUIDANCE,
        shared_parameters.ACTIVE,
    ),
)
VERSIONED = (
    shared_parameters.VERSION_NAME,
    shared_parameters.DESCRIPTION,
    shared_parameters.GUIDANCE,
    shared_parameters.ACTIVE,
)
MISSING = "InvalidProductVersion.NotFound"

OPERATIONS = {
    "CreateProductVersion": Operation(
        create_product_version,
        GROUP,
        (
            shared_parameters.PRODUCT_ID,
            shared_parameters.TEMPLATE_TYPE,
            shared_parameters.TEMPLATE_URL,
            *VERSIONED,
        ),
        (serializers.NEW_VERSION_ID,),
        summary=_("Creates a version of a product."),
        description=_(
            "Call CreateTemplate first to obtain the TemplateUrl. A version is enabled "
            "unless Active is set to false."
        ),
        errors=(
            "InvalidProduct.NotFound",
            "InvalidTemplate",
            "InvalidTemplate.NotFound",
            "DuplicateName.ProductVersion",
        ),
        administrators=True,
    ),
    "UpdateProductVersion": Operation(
        update_product_version,
        GROUP,
        (shared_parameters.VERSION_ID, *VERSIONED),
        (serializers.NEW_VERSION_ID,),
        summary=_(
            "Updates the name, the description, or the recommendation of a product "
            "version, or enables or disables the version."
        ),
        description=_(
            "A parameter that is not specified is not changed. The template of a version "
            "cannot be changed."
        ),
        errors=(MISSING, "DuplicateName.ProductVersion"),
        administrators=True,
    ),
    "DeleteProductVersion": Operation(
        delete_product_version,
        GROUP,
        (shared_parameters.VERSION_ID,),
        summary=_("Deletes a product version."),
        description=_("A version that is used by product instances cannot be deleted."),
        errors=(MISSING, "ResourceInUse.ProductVersion"),
        administrators=True,
    ),
    "GetProductVersion": Operation(
        get_product_version,
        GROUP,
        (shared_parameters.VERSION_ID,),
        (
            Field(
                "ProductVersionDetail",
                _("The information about the product version."),
                fields=serializers.VERSION,
            ),
        ),
        summary=_("Queries the information about a product version."),
        description=_(
            "End users can query the enabled versions of products that are granted to "
            "them. Administrators can query all versions."
        ),
        errors=(MISSING,),
        in_query=True,
    ),
    "ListProductVersions": Operation(
        list_product_versions,
        GROUP,
        (shared_parameters.PRODUCT_ID,),
        (
            Field(
                "ProductVersionDetails",
                _("The product versions, sorted from newest to oldest."),
                several=True,
                fields=serializers.VERSION,
            ),
        ),
        summary=_("Queries the versions of a product."),
        description=_(
            "End users can query the enabled versions of a product that is granted to "
            "them. Administrators can query all versions."
        ),
        errors=("InvalidProduct.NotFound",),
        in_query=True,
    ),
}
