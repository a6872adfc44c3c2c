"""Operations on portfolios."""

from django.utils.translation import gettext_lazy as _

from catalog.models import Portfolio
from catalog.operations import serializers, shared_parameters
from catalog.operations.lookups import any_portfolio, any_product
from catalog.operations.products import full_text_search
from console.lib.names import has_name
from console.lib.operation import (
    PAGED_ANSWER,
    PAGING,
    SORTING,
    Answer,
    Field,
    Operation,
    Values,
    filters,
    id_parameter,
    page_by_number,
    wire_names,
)
from console.lib.users import User

NAMES = {
    "name": "PortfolioName",
    "provider": "ProviderName",
    "description": "Description",
}


def create_portfolio(params: Values, by: User) -> Answer:
    """Create an empty portfolio."""
    with wire_names(**NAMES):
        portfolio = Portfolio.objects.open(
            name=params["PortfolioName"],
            provider=params["ProviderName"],
            description=params.get("Description", ""),
            by=by,
        )
    return {"PortfolioId": portfolio.pk}


def update_portfolio(params: Values, by: User) -> Answer:
    """Replace a portfolio's name, provider and description."""
    portfolio = any_portfolio(params["PortfolioId"])
    with wire_names(**NAMES):
        portfolio.edit(
            name=params["PortfolioName"],
            provider=params["ProviderName"],
            description=params.get("Description"),
            by=by,
        )
    return {"PortfolioId": portfolio.pk}


def delete_portfolio(params: Values, by: User) -> Answer:
    """Delete a portfolio without products."""
    any_portfolio(params["PortfolioId"]).remove(by=by)
    return {}


def get_portfolio(params: Values, by: User) -> Answer:
    """Read a portfolio with its tag options."""
    portfolio = any_portfolio(params["PortfolioId"])
    return {
        "PortfolioDetail": serializers.portfolio(portfolio),
        "TagOptions": [
            serializers.tag_option(row) for row in portfolio.tag_options.all()
        ],
    }


def list_portfolios(params: Values, by: User) -> Answer:
    """List all portfolios, or those that contain a product."""
    rows = Portfolio.objects.all()
    if params["Scope"] == "Import":
        rows = rows.none()
    if params.get("ProductId"):
        rows = rows.filter(products=params["ProductId"])
    for condition in params["Filters"]:
        value = condition["Value"]
        by_name = condition["Key"] == "PortfolioName"
        rows = rows.filter(has_name(value) if by_name else full_text_search(value))
    found, paging = page_by_number(rows, params)
    return {"PortfolioDetails": [serializers.portfolio(row) for row in found], **paging}


def associate_product(params: Values, by: User) -> Answer:
    """Add a product to a portfolio."""
    portfolio = any_portfolio(params["PortfolioId"])
    portfolio.add_product(any_product(params["ProductId"]), by=by)
    return {}


def disassociate_product(params: Values, by: User) -> Answer:
    """Remove a product from a portfolio, with its constraints there."""
    portfolio = any_portfolio(params["PortfolioId"])
    portfolio.remove_product(any_product(params["ProductId"]), by=by)
    return {}


GROUP = "Portfolios"
DATA = (
    shared_parameters.PORTFOLIO_NAME,
    shared_parameters.PROVIDER,
    shared_parameters.DESCRIPTION,
)
BOTH = (shared_parameters.PORTFOLIO_ID, shared_parameters.PRODUCT_ID)
BOTH_ERRORS = ("InvalidPortfolio.NotFound", "InvalidProduct.NotFound")

OPERATIONS = {
    "CreatePortfolio": Operation(
        create_portfolio,
        GROUP,
        DATA,
        (serializers.NEW_PORTFOLIO_ID,),
        summary=_("Creates a product portfolio."),
        description=_(
            "A new product portfolio is empty and is not available to end users. Call "
            "AssociateProductWithPortfolio to add products and "
            "AssociatePrincipalWithPortfolio to grant access."
        ),
        errors=("DuplicateName.Portfolio",),
        administrators=True,
    ),
    "UpdatePortfolio": Operation(
        update_portfolio,
        GROUP,
        (shared_parameters.PORTFOLIO_ID, *DATA),
        (serializers.NEW_PORTFOLIO_ID,),
        summary=_(
            "Updates the name, the provider, and the description of a product portfolio."
        ),
        description=_("The description is kept if it is not specified."),
        errors=("InvalidPortfolio.NotFound", "DuplicateName.Portfolio"),
        administrators=True,
    ),
    "DeletePortfolio": Operation(
        delete_portfolio,
        GROUP,
        (shared_parameters.PORTFOLIO_ID,),
        summary=_("Deletes a product portfolio."),
        description=_(
            "Remove all products from the portfolio first. The access grants of the "
            "portfolio are also deleted."
        ),
        errors=("InvalidPortfolio.NotFound", "PortfolioNotEmpty"),
        administrators=True,
    ),
    "GetPortfolio": Operation(
        get_portfolio,
        GROUP,
        (shared_parameters.PORTFOLIO_ID,),
        (
            Field(
                "PortfolioDetail",
                _("The information about the product portfolio."),
                fields=serializers.PORTFOLIO,
            ),
            Field(
                "TagOptions",
                _("The tag options that are associated with the product portfolio."),
                several=True,
                fields=serializers.TAG_OPTION,
            ),
        ),
        summary=_("Queries the information about a product portfolio."),
        errors=("InvalidPortfolio.NotFound",),
        administrators=True,
        in_query=True,
    ),
    "ListPortfolios": Operation(
        list_portfolios,
        GROUP,
        (
            id_parameter(
                "ProductId",
                _("The ID of a product. Only portfolios that contain it are returned."),
                "prod-bp18r7q127u4k5",
                required=False,
            ),
            shared_parameters.SCOPE,
            *PAGING,
            *SORTING,
            filters(
                "Web services",
                {
                    "PortfolioName": _(
                        "The full name of the product portfolio. The name is not case-sensitive."
                    ),
                    "FullTextSearch": _(
                        "Text to search for in the name, the provider, or the description."
                    ),
                },
            ),
        ),
        (
            Field(
                "PortfolioDetails",
                _("The product portfolios."),
                several=True,
                fields=serializers.PORTFOLIO,
            ),
            *PAGED_ANSWER,
        ),
        summary=_("Queries product portfolios."),
        administrators=True,
        in_query=True,
    ),
    "AssociateProductWithPortfolio": Operation(
        associate_product,
        GROUP,
        BOTH,
        summary=_("Adds a product to a product portfolio."),
        description=_(
            "All users to whom the portfolio is granted can then see the product. "
            "A product that is already in the portfolio stays in it."
        ),
        errors=BOTH_ERRORS,
        administrators=True,
    ),
    "DisassociateProductFromPortfolio": Operation(
        disassociate_product,
        GROUP,
        BOTH,
        summary=_("Removes a product from a product portfolio."),
        description=_(
            "The constraints of the product in this portfolio are also deleted. "
            "Existing product instances are not affected."
        ),
        errors=BOTH_ERRORS,
        administrators=True,
    ),
}
