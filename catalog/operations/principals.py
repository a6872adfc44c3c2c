"""Operations on the access to portfolios."""

from typing import TypedDict, cast

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
    """Revoke a grant. Running instances stay."""
    portfolio = any_portfolio(params["PortfolioId"])
    with wire_names(principal="PrincipalId", pattern="PrincipalPattern"):
        portfolio.withdraw(**_principal(params), by=by)
    return {}


def list_principals(params: Values, by: User) -> Answer:
    """List the principals to which a portfolio is granted."""
    portfolio = any_portfolio(params["PortfolioId"])
    grants = portfolio.grants.select_related("user", "role").order_by(
        "created_at", "pk"
    )
    return {"Principals": [serializers.principal(row) for row in grants]}


class Principal(TypedDict):
    """The arguments of `Portfolio.grant`; exactly one of them is set."""

    user: User | None
    role: Role | None
    pattern: str


def _principal(params: Values) -> Principal:
    """Return the principal in the parameters.

    Raises NotFoundError, and InvalidInputError for a pattern of another type.
    """
    kind, pk = params["PrincipalType"], params.get("PrincipalId", "")
    pattern: str = params.get("PrincipalPattern", "")
    if pattern and not pattern.startswith(PATTERNS[kind]):
        problem = _(
            "For this principal type, the pattern must start with %(start)s."
        ) % {"start": PATTERNS[kind]}
        raise InvalidInputError({"pattern": [problem]})
    user: User | None = None
    role: Role | None = None
    if pk and kind == PrincipalType.USER:
        user = User.objects.filter(principal_id=pk).first()
    elif pk:
        # The manager is that of Group, which does not know principal IDs.
        role = cast("Role | None", Role.objects.filter(Q(principal_id=pk)).first())
    if pk and not (user or role):
        raise NotFoundError(
            _("No %(kind)s with the ID %(id)s was found.") % {"kind": kind, "id": pk},
            code="InvalidPrincipal.NotFound",
        )
    return {"user": user, "role": role, "pattern": pattern}


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
