"""Operations on who may use a portfolio."""

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from catalog.operations import shapes, words
from catalog.operations.lookups import any_portfolio
from console.lib.errors import InvalidInput, NotFound
from console.lib.operation import Answer, Operation, Parameter, Values, spelled
from console.lib.people import PrincipalType, Role, User

PATTERNS = {PrincipalType.USER: "user/", PrincipalType.ROLE: "role/"}


def associate_principal(params: Values, by: User) -> Answer:
    """Grant a portfolio to a RAM user, a RAM role, or a pattern of names."""
    portfolio = any_portfolio(params["PortfolioId"])
    with spelled(principal="PrincipalId", pattern="PrincipalPattern"):
        portfolio.grant(**_principal(params), by=by)
    return {}


def disassociate_principal(params: Values, by: User) -> Answer:
    """Take a grant back. Running instances stay."""
    portfolio = any_portfolio(params["PortfolioId"])
    with spelled(principal="PrincipalId", pattern="PrincipalPattern"):
        portfolio.withdraw(**_principal(params), by=by)
    return {}


def list_principals(params: Values, by: User) -> Answer:
    """List who was granted a portfolio."""
    portfolio = any_portfolio(params["PortfolioId"])
    grants = portfolio.grants.select_related("user", "role").order_by(
        "created_at", "pk"
    )
    return {"Principals": [shapes.principal(row) for row in grants]}


def _principal(params: Values) -> dict[str, Any]:
    """Whom the caller means. Raises NotFound, and InvalidInput for a pattern of another type."""
    kind, pk = params["PrincipalType"], params.get("PrincipalId", "")
    found: dict[str, Any] = {"pattern": params.get("PrincipalPattern", "")}
    if found["pattern"] and not found["pattern"].startswith(PATTERNS[kind]):
        problem = _("For this type it begins with %(start)s.") % {
            "start": PATTERNS[kind]
        }
        raise InvalidInput({"pattern": [problem]})
    if pk and kind == PrincipalType.USER:
        found["user"] = User.objects.filter(principal_id=pk).first()
    elif pk:
        found["role"] = Role.objects.filter(Q(principal_id=pk)).first()
    if pk and not (found.get("user") or found.get("role")):
        raise NotFound(
            _("There is no %(kind)s with the ID %(id)s.") % {"kind": kind, "id": pk},
            code="InvalidPrincipal.NotFound",
        )
    return found


GROUP = "Access"
TYPE = Parameter(
    "PrincipalType",
    "A RAM user is a person here, a RAM role a group.",
    required=True,
    choices=tuple(PrincipalType.values),
)
PRINCIPAL = (
    words.PORTFOLIO_ID,
    TYPE,
    Parameter("PrincipalId", "Its 18-digit ID.", most=18, example="24477111603637****"),
    Parameter(
        "PrincipalPattern",
        "Instead of an ID: user/ or role/ and a name, in which * is any text.",
        most=160,
        example="user/alice",
    ),
)

OPERATIONS = {
    "AssociatePrincipalWithPortfolio": Operation(
        associate_principal, GROUP, PRINCIPAL, administrators=True
    ),
    "DisassociatePrincipalFromPortfolio": Operation(
        disassociate_principal, GROUP, PRINCIPAL, administrators=True
    ),
    "ListPrincipals": Operation(
        list_principals,
        GROUP,
        (words.PORTFOLIO_ID,),
        {"Principals": [shapes.PRINCIPAL]},
        administrators=True,
        in_query=True,
    ),
}
