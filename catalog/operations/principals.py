"""Operations on who may use a portfolio."""

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.operations import serializers, shared_parameters
from catalog.operations.lookups import any_portfolio
from console.lib.errors import InvalidInputError, NotFoundError
from console.lib.operation import (
    Answer,
    Field,
    Operation,
    Parameter,
    Values,
    wire_names,
)
from console.lib.users import PrincipalType, Role, User

PATTERNS = {PrincipalType.USER: "user/", PrincipalType.ROLE: "role/"}


def associate_principal(params: Values, by: User) -> Answer:
    """Grant a portfolio to a RAM user, a RAM role, or a pattern of names."""
    portfolio = any_portfolio(params["PortfolioId"])
    with wire_names(principal="PrincipalId", pattern="PrincipalPattern"):
        portfolio.grant(**_principal(params), by=by)
    return {}


def disassociate_principal(params: Values, by: User) -> Answer:
    """Take a grant back. Running instances stay."""
    portfolio = any_portfolio(params["PortfolioId"])
    with wire_names(principal="PrincipalId", pattern="PrincipalPattern"):
        portfolio.withdraw(**_principal(params), by=by)
    return {}


def list_principals(params: Values, by: User) -> Answer:
    """List who was granted a portfolio."""
    portfolio = any_portfolio(params["PortfolioId"])
    grants = portfolio.grants.select_related("user", "role").order_by(
        "created_at", "pk"
    )
    return {"Principals": [serializers.principal(row) for row in grants]}


def _principal(params: Values) -> dict[str, Any]:
    """Whom the caller means. Raises NotFoundError, and InvalidInputError for a pattern of another type."""
    kind, pk = params["PrincipalType"], params.get("PrincipalId", "")
    found: dict[str, Any] = {"pattern": params.get("PrincipalPattern", "")}
    if found["pattern"] and not found["pattern"].startswith(PATTERNS[kind]):
        problem = _(
            "For this principal type, the pattern must start with %(start)s."
        ) % {"start": PATTERNS[kind]}
        raise InvalidInputError({"pattern": [problem]})
    if pk and kind == PrincipalType.USER:
        found["user"] = User.objects.filter(principal_id=pk).first()
    elif pk:
        found["role"] = Role.objects.filter(Q(principal_id=pk)).first()
    if pk and not (found.get("user") or found.get("role")):
        raise NotFoundError(
            _("No %(kind)s with the ID %(id)s was found.") % {"kind": kind, "id": pk},
            code="InvalidPrincipal.NotFound",
        )
    return found


GROUP = "Access"
TYPE = Parameter(
    "PrincipalType",
    _("The type of the principal."),
    required=True,
    choices=serializers.PRINCIPAL_TYPES,
)
PRINCIPAL = (
    shared_parameters.PORTFOLIO_ID,
    TYPE,
    Parameter(
        "PrincipalId",
        _("The ID of the RAM user or RAM role: 18 digits."),
        most=18,
        example="244771116036370001",
        note=_("Specify either PrincipalId or PrincipalPattern."),
    ),
    Parameter(
        "PrincipalPattern",
        _(
            "A name pattern: user/ or role/ followed by a name. An asterisk (*) matches "
            "any text."
        ),
        most=160,
        example="user/web-*",
        in_sample=False,
        note=_("Specify either PrincipalId or PrincipalPattern."),
    ),
)
ERRORS = ("InvalidPortfolio.NotFound", "InvalidPrincipal.NotFound")

OPERATIONS = {
    "AssociatePrincipalWithPortfolio": Operation(
        associate_principal,
        GROUP,
        PRINCIPAL,
        summary=_("Grants access to a product portfolio."),
        description=_(
            "The principal is a RAM user, a RAM role, or every user or role whose name "
            "matches a pattern."
        ),
        errors=(*ERRORS, "DuplicateName.Principal"),
        administrators=True,
    ),
    "DisassociatePrincipalFromPortfolio": Operation(
        disassociate_principal,
        GROUP,
        PRINCIPAL,
        summary=_("Revokes access to a product portfolio."),
        description=_("Existing product instances are not affected."),
        errors=ERRORS,
        administrators=True,
    ),
    "ListPrincipals": Operation(
        list_principals,
        GROUP,
        (shared_parameters.PORTFOLIO_ID,),
        (
            Field(
                "Principals",
                _("The principals to which the product portfolio is granted."),
                several=True,
                fields=serializers.PRINCIPAL,
            ),
        ),
        summary=_("Queries the principals that can use a product portfolio."),
        errors=("InvalidPortfolio.NotFound",),
        administrators=True,
        in_query=True,
    ),
}
