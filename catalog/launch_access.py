"""Launch access: which user can launch which products, and why not.

Each public function takes a fixed number of queries, however many rows there are.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from catalog.effective_constraints import EffectiveConstraints
from catalog.models import (
    Constraint,
    Grant,
    Portfolio,
    Product,
    Region,
    TagOption,
    Version,
)
from catalog.models.grant import compile_pattern
from catalog.tags import CombinedTagOptions
from catalog.tags import Pair as TagPair
from console.lib.queries import count_of
from console.lib.users import User


@dataclass(frozen=True)
class LaunchOptionAccess:
    """One launch option: a portfolio, and the grants that give a user access to it.

    `constraints` are sentences. `blocked` says why the product cannot be launched through
    the portfolio; it is empty if it can.
    """

    portfolio: Portfolio
    granted_to: str
    constraints: list[str]
    blocked: str


@dataclass(frozen=True)
class LaunchAccess:
    """The answer, with its reason. `remedy` is the smallest change that grants access."""

    allowed: bool
    sentence: str
    remedy: str = ""
    options: list[LaunchOptionAccess] = field(default_factory=list)
    hidden_versions: list[str] = field(default_factory=list)


def launch_access_of(
    user: User, product: Product, versions: Sequence[Version]
) -> LaunchAccess:
    """Explain whether a user can launch a product. `versions` are all of its versions."""
    names = {"person": user.display_name, "product": product}
    if not user.is_active:
        sentence = (
            _("%(person)s cannot sign in because the account is deactivated.") % names
        )
        return LaunchAccess(False, sentence, _("Activate the account."))
    hidden = [version.name for version in versions if not version.active]
    options = _options(user, product)
    if not options:
        return _without_option(user, product, hidden)
    if len(hidden) == len(versions):
        return LaunchAccess(
            False,
            _("%(product)s has no active version, so end users cannot launch it.")
            % names,
            _("Activate a version or create one."),
            options,
            hidden,
        )
    usable = [option for option in options if not option.blocked]
    if not usable:
        return LaunchAccess(False, options[0].blocked, "", options, hidden)
    return LaunchAccess(True, _allowed(user, product, usable), "", options, hidden)


def _allowed(user: User, product: Product, options: list[LaunchOptionAccess]) -> str:
    names = {
        "person": user.display_name,
        "product": product,
        "portfolio": options[0].portfolio,
        "through": options[0].granted_to,
        "count": len(options),
    }
    if len(options) == 1:
        return (
            _(
                "%(person)s can launch %(product)s through %(portfolio)s, which is granted "
                "to %(through)s. It is the default launch option."
            )
            % names
        )
    return (
        _(
            "%(person)s can launch %(product)s through %(count)d portfolios. There is "
            "no default launch option, so the user must choose one."
        )
        % names
    )


def _without_option(user: User, product: Product, hidden: list[str]) -> LaunchAccess:
    names = {"person": user.display_name, "product": product}
    holding = list(product.portfolios.order_by("name", "pk")[:6])
    if not holding:
        return LaunchAccess(
            False,
            _("%(product)s is not in any portfolio, so users cannot launch it.")
            % names,
            _("Add the product to a portfolio that is granted to %(person)s.") % names,
            hidden_versions=hidden,
        )
    names["portfolios"] = ", ".join(map(str, holding))
    remedy = _("Grant %(portfolio)s to user/%(login)s.") % {
        "portfolio": holding[0],
        "login": user.get_username(),
    }
    return LaunchAccess(
        False,
        _(
            "%(product)s is in %(portfolios)s, but none of these portfolios is granted "
            "to %(person)s, to one of their groups, or to a matching pattern."
        )
        % names,
        remedy,
        hidden_versions=hidden,
    )


def _options(user: User, product: Product) -> list[LaunchOptionAccess]:
    """Return the launch options of a user for a product, by name. Takes four queries."""
    granted: dict[Portfolio, list[Grant]] = defaultdict(list)
    grants = Grant.objects.applying_to(user).filter(portfolio__products=product)
    for grant in grants.select_related("portfolio", "user", "role"):
        granted[grant.portfolio].append(grant)
    if not granted:
        return []
    constraints = _constraints(product, granted)
    regions = frozenset(Region.objects.active().values_list("pk", flat=True))
    tags = _tags(product, granted)
    return [
        LaunchOptionAccess(
            portfolio,
            ", ".join(map(str, granted[portfolio])),
            constraints[portfolio].sentences,
            _blocked(
                product, portfolio, constraints[portfolio], regions, tags[portfolio]
            ),
        )
        for portfolio in sorted(granted, key=lambda each: (each.name, each.pk))
    ]


def _constraints(
    product: Product, portfolios: Iterable[Portfolio]
) -> dict[Portfolio, EffectiveConstraints]:
    found: dict[str, list[Constraint]] = defaultdict(list)
    of_product = Constraint.objects.filter(product=product)
    for constraint in of_product.filter(portfolio__in=list(portfolios)):
        found[constraint.portfolio_id].append(constraint)
    return {each: EffectiveConstraints(tuple(found[each.pk])) for each in portfolios}


def _tags(
    product: Product, portfolios: Iterable[Portfolio]
) -> dict[Portfolio, CombinedTagOptions]:
    """Return the tag options of each portfolio and the product. Takes one query."""
    rows = TagOption.objects.active().filter(
        Q(products=product) | Q(portfolios__in=list(portfolios))
    )
    pairs = rows.values_list("key", "value", "products", "portfolios")
    own: dict[TagPair, None] = {}
    theirs: dict[str, dict[TagPair, None]] = defaultdict(dict)
    for key, value, of_product, of_portfolio in pairs:
        if of_product == product.pk:
            own[key, value] = None
        theirs[of_portfolio][key, value] = None
    return {
        each: CombinedTagOptions.combined(own, theirs[each.pk]) for each in portfolios
    }


def _blocked(
    product: Product,
    portfolio: Portfolio,
    constraints: EffectiveConstraints,
    active: frozenset[str],
    tags: CombinedTagOptions,
) -> str:
    """Return the reason why no launch through the portfolio can succeed, or nothing."""
    names = {"product": str(product), "portfolio": str(portfolio)}
    allowed = constraints.region_ids
    if not (active if allowed is None else active & allowed):
        return (
            _(
                "%(product)s cannot be launched through %(portfolio)s because the region "
                "constraints exclude all active regions."
            )
            % names
        )
    if tags.contradictory:
        names["keys"] = ", ".join(tags.contradictory)
        return (
            _(
                "%(product)s cannot be launched through %(portfolio)s because the product "
                "and the portfolio have no common value for the tag %(keys)s."
            )
            % names
        )
    return ""


@dataclass(frozen=True)
class UserAccess:
    """A user, with the numbers of products they can launch and of instances they own."""

    user: User
    groups: list[str]
    administers: bool
    launchable: int
    owned: int


def with_owned(users: QuerySet[User]) -> QuerySet[User]:
    """Annotate each user with `owned`, the number of their instances."""
    # Through the reverse relation: the catalog must not import the model of instances.
    instances: Any = User._meta.get_field("instances").related_model
    return users.annotate(owned=count_of(instances.objects.living(), "owner"))


def summarize_users(users: Sequence[User]) -> list[UserAccess]:
    """Summarize the access of users from `with_owned`, with their groups prefetched."""
    portfolios = _portfolios(users)
    products = _products({pk for each in portfolios.values() for pk in each})
    return [
        UserAccess(
            user,
            [group.name for group in user.groups.all()],
            user.is_administrator,
            len(set().union(*(products[pk] for pk in portfolios[user.pk]))),
            user.owned,  # type: ignore[attr-defined]
        )
        for user in users
    ]


def _portfolios(users: Sequence[User]) -> dict[int, set[str]]:
    """Return the IDs of the portfolios that are granted to each user, by the user's key."""
    names, members = {}, defaultdict(set)
    for user in users:
        groups = list(user.groups.all())
        names[user.pk] = [f"role/{group.name}" for group in groups]
        names[user.pk].append(f"user/{user.get_username()}")
        for group in groups:
            members[group.pk].add(user.pk)
    grants = Grant.objects.filter(
        Q(user__in=users) | Q(role__in=members.keys()) | ~Q(pattern="")
    ).values_list("portfolio_id", "user_id", "role_id", "pattern")
    granted: dict[int, set[str]] = defaultdict(set)
    for portfolio, user_id, role, pattern in grants:
        reached = {user_id} if user_id else members[role]
        if pattern:
            matches = compile_pattern(pattern).fullmatch
            reached = {pk for pk, each in names.items() if any(map(matches, each))}
        for pk in reached:
            granted[pk].add(portfolio)
    return granted


def _products(portfolios: Iterable[str]) -> dict[str, set[str]]:
    """Return the IDs of the launchable products in each portfolio, by its ID."""
    launchable = Version.objects.active().values("product")
    held = Portfolio.products.through.objects.filter(
        portfolio__in=portfolios, product__in=launchable
    ).values_list("portfolio_id", "product_id")
    products: dict[str, set[str]] = defaultdict(set)
    for portfolio, product in held:
        products[portfolio].add(product)
    return products
