"""Operations on constraints."""

import json
from typing import Any

from catalog.models import Constraint
from catalog.operations import shapes, words
from catalog.operations.lookups import any_constraint, any_portfolio, any_product
from catalog.schema import TemplateError
from catalog.schema.bounded import read_json
from console.lib.errors import InvalidInput
from console.lib.operation import Answer, Operation, Parameter, Values, an_id, spelled
from console.lib.people import User

NAMES = {
    "config": "Config",
    "description": "Description",
    "product": "ProductId",
    "portfolio": "PortfolioId",
    "kind": "ConstraintType",
}


def create_constraint(params: Values, by: User) -> Answer:
    """Limit the launches of one product inside one portfolio."""
    portfolio = any_portfolio(params["PortfolioId"])
    product = any_product(params["ProductId"])
    with spelled(**NAMES):
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
    """Replace a constraint's configuration and description; its type stays."""
    constraint = any_constraint(params["ConstraintId"])
    with spelled(**NAMES):
        constraint.edit(
            config=_config(params),
            description=params.get("Description"),
            by=by,
        )
    return {"ConstraintId": constraint.pk}


def delete_constraint(params: Values, by: User) -> Answer:
    """Lift a constraint."""
    any_constraint(params["ConstraintId"]).remove(by=by)
    return {}


def get_constraint(params: Values, by: User) -> Answer:
    """Read one constraint."""
    row = any_constraint(params["ConstraintId"])
    config = json.dumps(row.config, ensure_ascii=False)
    return {"ConstraintDetail": shapes.constraint(row, config)}


def _config(params: Values) -> Any:
    """The configuration as a value. Raises InvalidInput for a text that is not JSON."""
    try:
        return read_json(params["Config"])
    except TemplateError as error:
        raise InvalidInput({"config": [str(error)]}) from error


GROUP = "Constraints"
CONSTRAINT_ID = an_id("ConstraintId", "cons-bp1yx7x42v9a8b")
CONFIG = Parameter(
    "Config",
    'JSON. Launch: {"LocalRoleName": …}. Template: {"Rules": […]}. Approval: '
    '{"OperationTypes": […], "Approvers": […]}. StackRegion: {"StackRegions": […]}.',
    required=True,
    most=65536,
    example='{"StackRegions": ["cn-hangzhou"]}',
)
TYPE = Parameter(
    "ConstraintType",
    "What it limits.",
    required=True,
    choices=tuple(Constraint.Kind.values),
)

OPERATIONS = {
    "CreateConstraint": Operation(
        create_constraint,
        GROUP,
        (TYPE, CONFIG, words.PORTFOLIO_ID, words.PRODUCT_ID, words.DESCRIPTION),
        {"ConstraintId": str},
        administrators=True,
    ),
    "UpdateConstraint": Operation(
        update_constraint,
        GROUP,
        (CONSTRAINT_ID, CONFIG, words.DESCRIPTION),
        {"ConstraintId": str},
        administrators=True,
    ),
    "DeleteConstraint": Operation(
        delete_constraint, GROUP, (CONSTRAINT_ID,), administrators=True
    ),
    "GetConstraint": Operation(
        get_constraint,
        GROUP,
        (CONSTRAINT_ID,),
        {"ConstraintDetail": shapes.CONSTRAINT},
        administrators=True,
        in_query=True,
    ),
}
