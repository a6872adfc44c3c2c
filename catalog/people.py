"""What the people of one page can launch and own: a fixed number of queries for all of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from catalog.models import Grant, Portfolio, Version
from catalog.models.grant import matcher
from console.lib.queries import count_of
from console.lib.users import User


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
