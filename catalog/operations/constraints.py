"""Operations on constraints."""

import json

from django.utils.translation import gettext_lazy as _

from catalog.models import Constraint
from catalog.operations import serializers, shared_parameters
from catalog.operations.lookups import any_constraint, any_portfolio, any_product
from catalog.schema import TemplateError
from catalog.schema.safe_parsing import read_json
from console.lib.errors import InvalidInputError
from console.lib.operation import (
    Answer,
    Field,
    Operation,
    Parameter,
    Values,
    id_parameter,
    wire_names,
)
from console.lib.users import User

NAMES = {
    "config": "Config",
    "description": "Description",
    "product": "ProductId",
    "portfolio": "PortfolioId",
    "kind": "ConstraintType",
}


def create_constraint(params: Values, by: User) -> Answer:
    """Create a constraint on a product in a portfolio."""
    portfolio = any_portfolio(params["PortfolioId"])
    product = any_product(params["ProductId"])
    with wire_names(**NAMES):
        constraint = Constraint.objects.impose(
            kind=params["ConstraintType"],
            portfolio=portfolio,
            product=product,
            config=_config(params),
            description=params.get("Description", ""),
            by=by,
        )
    return {"ConstraintId": constraint.pk}


def update_constraint(params: Values, by: User) -> Answer:
    """Replace the configuration and description of a constraint; its type stays."""
    constraint = any_constraint(params["ConstraintId"])
    with wire_names(**NAMES):
        constraint.edit(
            config=_config(params),
            description=params.get("Description"),
            by=by,
        )
    return {"ConstraintId": constraint.pk}


def delete_constraint(params: Values, by: User) -> Answer:
    any_constraint(params["ConstraintId"]).remove(by=by)
    return {}


def get_constraint(params: Values, by: User) -> Answer:
    """Read one constraint."""
    row = any_constraint(params["ConstraintId"])
    config = json.dumps(row.config, ensure_ascii=False)
    return {"ConstraintDetail": serializers.constraint(row, config)}


def _config(params: Values) -> object:
    """Return the value of the JSON text. Raises InvalidInputError if it is not JSON."""
    try:
        return read_json(params["Config"])
    except TemplateError as error:
        raise InvalidInputError({"config": [str(error)]}) from error


GROUP = "Constraints"
CONSTRAINT_ID = id_parameter(
    "ConstraintId", _("The ID of the constraint."), "cons-bp1yx7x42v9a8b"
)
CONFIG = Parameter(
    "Config",
    _("The configuration of the constraint, as JSON text."),
    required=True,
    most=65536,
    example='{"StackRegions": ["cn-hangzhou"]}',
    note=_(
        'Launch: {"LocalRoleName": …}. Template: {"Rules": […]}. Approval: '
        '{"OperationTypes": […], "Approvers": […]}. StackRegion: {"StackRegions": […]}.'
    ),
)
TYPE = Parameter(
    "ConstraintType",
    _("The type of the constraint."),
    required=True,
    choices=shared_parameters.CONSTRAINT_TYPES,
    example=Constraint.Kind.STACK_REGION.value,
)

OPERATIONS = {
    "CreateConstraint": Operation(
        create_constraint,
        GROUP,
        (
            TYPE,
            CONFIG,
            shared_parameters.PORTFOLIO_ID,
            shared_parameters.PRODUCT_ID,
            shared_parameters.DESCRIPTION,
        ),
        (serializers.NEW_CONSTRAINT_ID,),
        summary=_("Creates a constraint."),
        description=_(
            "A constraint applies to one product in one product portfolio. The product "
            "must be in the portfolio. A product can have one launch constraint in each "
            "portfolio."
        ),
        errors=(
            "InvalidPortfolio.NotFound",
            "InvalidProduct.NotFound",
            "LimitExceeded.Constraint",
        ),
        administrators=True,
    ),
    "UpdateConstraint": Operation(
        update_constraint,
        GROUP,
        (CONSTRAINT_ID, CONFIG, shared_parameters.DESCRIPTION),
        (serializers.NEW_CONSTRAINT_ID,),
        summary=_("Updates the configuration and the description of a constraint."),
        description=_(
            "The new configuration replaces the entire old configuration. The type, the "
            "product, and the product portfolio of a constraint cannot be changed."
        ),
        errors=("InvalidConstraint.NotFound",),
        administrators=True,
    ),
    "DeleteConstraint": Operation(
        delete_constraint,
        GROUP,
        (CONSTRAINT_ID,),
        summary=_("Deletes a constraint."),
        description=_("The constraint no longer applies to later operations."),
        errors=("InvalidConstraint.NotFound",),
        administrators=True,
    ),
    "GetConstraint": Operation(
        get_constraint,
        GROUP,
        (CONSTRAINT_ID,),
        (
            Field(
                "ConstraintDetail",
                _("The information about the constraint."),
                fields=serializers.CONSTRAINT,
            ),
        ),
        summary=_("Queries the information about a constraint."),
        errors=("InvalidConstraint.NotFound",),
        administrators=True,
        in_query=True,
    ),
}
