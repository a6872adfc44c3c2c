"""Launch access: which user can launch which products, and why not.

Each public function takes a fixed number of queries, however many rows there are.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from catalog.effective_constraints import Limits
from catalog.models import (
    Constraint,
    Grant,
    Portfolio,
    Product,
    Region,
    TagOption,
    Version,
)
from catalog.models.grant import matcher
from catalog.tags import OfferedTags
from catalog.tags import Pair as TagPair
from console.lib.queries import count_of
from console.lib.users import User


@dataclass(frozen=True)
class Way:
    """One launch option: a portfolio, by what it is granted, and what it demands."""

    portfolio: Portfolio
    through: str
    demands: list[str]
    blocked: str


@dataclass(frozen=True)
class Reach:
    """What decides. `remedy` is the smallest change that would let the person launch."""

    allowed: bool
    sentence: str
    remedy: str = ""
    ways: list[Way] = field(default_factory=list)
    hidden_versions: list[str] = field(default_factory=list)


def reach_of(person: User, product: Product, versions: Sequence[Version]) -> Reach:
    """Explain whether this person can launch this product now. `versions` are all of it."""
    names = {"person": person.display_name, "product": product}
    if not person.is_active:
        sentence = (
            _("%(person)s cannot sign in because the account is deactivated.") % names
        )
        return Reach(False, sentence, _("Activate the account."))
    hidden = [version.name for version in versions if not version.active]
    ways = _ways(person, product)
    if not ways:
        return _without_way(person, product, hidden)
    if len(hidden) == len(versions):
        return Reach(
            False,
            _("%(product)s has no active version, so end users cannot launch it.")
            % names,
            _("Activate a version or create one."),
            ways,
            hidden,
        )
    usable = [way for way in ways if not way.blocked]
    if not usable:
        return Reach(False, ways[0].blocked, "", ways, hidden)
    return Reach(True, _through(person, product, usable), "", ways, hidden)


def _through(person: User, product: Product, ways: list[Way]) -> str:
    names = {
        "person": person.display_name,
        "product": product,
        "portfolio": ways[0].portfolio,
        "through": ways[0].through,
        "count": len(ways),
    }
    if len(ways) == 1:
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


def _without_way(person: User, product: Product, hidden: list[str]) -> Reach:
    names = {"person": person.display_name, "product": product}
    holding = list(product.portfolios.order_by("name", "pk")[:6])
    if not holding:
        return Reach(
            False,
            _("%(product)s is not in any portfolio, so users cannot launch it.")
            % names,
            _("Add it to a portfolio that is granted to %(person)s.") % names,
            hidden_versions=hidden,
        )
    names["portfolios"] = ", ".join(map(str, holding))
    remedy = _("Grant %(portfolio)s to user/%(login)s.") % {
        "portfolio": holding[0],
        "login": person.get_username(),
    }
    return Reach(
        False,
        _(
            "%(product)s is in %(portfolios)s, but none of these portfolios is granted "
            "to %(person)s, to one of their groups, or to a matching pattern."
        )
        % names,
        remedy,
        hidden_versions=hidden,
    )


def _ways(person: User, product: Product) -> list[Way]:
    """The launch options, by name. Four queries for all of them."""
    granted: dict[Portfolio, list[Grant]] = defaultdict(list)
    grants = Grant.objects.covering(person).filter(portfolio__products=product)
    for grant in grants.select_related("portfolio", "user", "role"):
        granted[grant.portfolio].append(grant)
    if not granted:
        return []
    limits = _limits(product, granted)
    regions = frozenset(Region.objects.active().values_list("pk", flat=True))
    tags = _tags(product, granted)
    return [
        Way(
            portfolio,
            ", ".join(map(str, granted[portfolio])),
            [line for each in limits[portfolio].constraints for line in each.sentences],
            _blocked(product, portfolio, limits[portfolio], regions, tags[portfolio]),
        )
        for portfolio in sorted(granted, key=lambda each: (each.name, each.pk))
    ]


def _limits(
    product: Product, portfolios: Iterable[Portfolio]
) -> dict[Portfolio, Limits]:
    found: dict[str, list[Constraint]] = defaultdict(list)
    of_product = Constraint.objects.filter(product=product)
    for constraint in of_product.filter(portfolio__in=list(portfolios)):
        found[constraint.portfolio_id].append(constraint)
    return {each: Limits(tuple(found[each.pk])) for each in portfolios}


def _tags(
    product: Product, portfolios: Iterable[Portfolio]
) -> dict[Portfolio, OfferedTags]:
    """What each launch option offers, from one reading of who has which tag option."""
    options = TagOption.objects.active().filter(
        Q(products=product) | Q(portfolios__in=list(portfolios))
    )
    pairs = options.values_list("key", "value", "products", "portfolios")
    own: dict[TagPair, None] = {}
    theirs: dict[str, dict[TagPair, None]] = defaultdict(dict)
    for key, value, of_product, of_portfolio in pairs:
        if of_product == product.pk:
            own[key, value] = None
        theirs[of_portfolio][key, value] = None
    return {each: OfferedTags.combined(own, theirs[each.pk]) for each in portfolios}


def _blocked(
    product: Product,
    portfolio: Portfolio,
    limits: Limits,
    active: frozenset[str],
    tags: OfferedTags,
) -> str:
    names = {"product": str(product), "portfolio": str(portfolio)}
    allowed = limits.region_ids
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
class Person:
    """One line of the page."""

    user: User
    groups: list[str]
    administers: bool
    launchable: int
    owned: int


def with_owned(people: QuerySet[User]) -> QuerySet[User]:
    """Count, as `owned`, the living instances of each person."""
    # Through the reverse relation: the catalogue does not know the model behind it.
    instances: Any = User._meta.get_field("instances").related_model
    return people.annotate(owned=count_of(instances.objects.living(), "owner"))


def described(users: Sequence[User]) -> list[Person]:
    """Say of each person what they can launch. `users` have `owned`, groups prefetched."""
    portfolios = _portfolios(users)
    products = _products({pk for each in portfolios.values() for pk in each})
    return [
        Person(
            user,
            [group.name for group in user.groups.all()],
            user.is_administrator,
            len(set().union(*(products[pk] for pk in portfolios[user.pk]))),
            user.owned,  # type: ignore[attr-defined]
        )
        for user in users
    ]


def _portfolios(users: Sequence[User]) -> dict[int, set[str]]:
    """The portfolios granted to each person, by name, group or pattern."""
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
    for portfolio, person, role, pattern in grants:
        reached = {person} if person else members[role]
        if pattern:
            fits = matcher(pattern).fullmatch
            reached = {pk for pk, each in names.items() if any(map(fits, each))}
        for pk in reached:
            granted[pk].add(portfolio)
    return granted


def _products(portfolios: Iterable[str]) -> dict[str, set[str]]:
    """The launchable products of each portfolio."""
    launchable = Version.objects.active().values("product")
    held = Portfolio.products.through.objects.filter(
        portfolio__in=portfolios, product__in=launchable
    ).values_list("portfolio_id", "product_id")
    products: dict[str, set[str]] = defaultdict(set)
    for portfolio, product in held:
        products[portfolio].add(product)
    return products
