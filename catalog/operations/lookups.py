"""Lookups by ID of the records that the caller of an operation can access."""

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from catalog.models import Constraint, Portfolio, Product, TagOption, Template, Version
from catalog.models.product import product_for
from console.lib.errors import NotFoundError
from console.lib.users import User

Row = TypeVar("Row", bound=Model)


def find(rows: QuerySet[Row], pk: str, code: str) -> Row:
    """Return the row with an ID. Raises NotFoundError with the code."""
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFoundError(
            _("No object with the ID %(id)s was found.") % {"id": pk}, code=code
        )
    return row


def any_product(pk: str) -> Product:
    """Return any product, for administrators. Raises NotFoundError."""
    return find(Product.objects.all(), pk, "InvalidProduct.NotFound")


def any_version(pk: str) -> Version:
    """Return any version, for administrators. Raises NotFoundError."""
    rows = Version.objects.select_related("product", "template")
    return find(without_contents(rows), pk, "InvalidProductVersion.NotFound")


def any_portfolio(pk: str) -> Portfolio:
    """Return any portfolio, for administrators. Raises NotFoundError."""
    return find(Portfolio.objects.all(), pk, "InvalidPortfolio.NotFound")


def any_constraint(pk: str) -> Constraint:
    """Return any constraint, for administrators. Raises NotFoundError."""
    rows = Constraint.objects.select_related("product", "portfolio")
    return find(rows, pk, "InvalidConstraint.NotFound")


def any_tag_option(pk: str) -> TagOption:
    """Return any tag option, for administrators. Raises NotFoundError."""
    return find(TagOption.objects.all(), pk, "InvalidTagOption.NotFound")


def product_for_caller(user: User, pk: str) -> Product:
    """Return a product that is granted to the user, or any product for administrators."""
    return any_product(pk) if user.is_administrator else product_for(user, pk)


def versions_for_caller(user: User) -> QuerySet[Version]:
    """Return the active versions of the products granted to the user.

    Administrators get all versions.
    """
    rows = without_contents(Version.objects.select_related("template"))
    if user.is_administrator:
        return rows.filter(product__removed_at=None)
    mine = Product.objects.visible_to(user)
    return rows.filter(active=True, product__in=mine.values("pk"))


def without_contents(rows: QuerySet[Version]) -> QuerySet[Version]:
    """Return the rows without the large columns of their templates."""
    return rows.defer(
        "template__body",
        "template__files",
        "template__schema_json",
        "template__variables_source",
    )


def template_at(url: str) -> Template:
    """Return the template with an address that CreateTemplate returned.

    Raises NotFoundError for other addresses, which are never fetched.
    """
    parts = url.split("/")
    pk = parts[-2] if len(parts) > 2 else ""
    template = find(Template.objects.all(), pk, "InvalidTemplate.NotFound")
    if template.url != url:
        raise NotFoundError(
            _("Use the TemplateUrl that CreateTemplate returned."),
            code="InvalidTemplate.NotFound",
        )
    return template
