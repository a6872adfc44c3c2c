"""Benchmark of the catalog lists with a growing catalog: CPU time, queries, bytes.

python -m tests.benchmarks.curation [PRODUCTS ...] (default 100 10000)

For each ten products there are a portfolio with ten products, a constraint and a grant,
a tag option and five users.
"""

import sys
from datetime import timedelta

from tests.benchmarks.pages import ask, begin, make_administrators

ADMINISTRATOR, END_USER = "bench-admin", "bench0"
MANAGED = {
    "products": "/manage/products/",
    "products, search": "/manage/products/?q=Product 77",
    "products, nothing found": "/manage/products/?q=zzz",
    "portfolios": "/manage/portfolios/",
    "portfolios, search": "/manage/portfolios/?q=Portfolio 7",
    "tag options": "/manage/tag-options/",
    "people": "/manage/people/",
    "people, search": "/manage/people/?q=bench7",
    "audit log": "/manage/audit/",
    "audit log, who": "/manage/audit/?who=bench-admin",
    "instances": "/instances/?access=account",
}


def fill(count: int) -> tuple[str, str]:
    """Create the catalog; return a product and a portfolio that contains it."""
    from django.utils.timezone import now

    from catalog.models import Product, Region, Template, Version
    from console.lib.audit import AuditEntry

    begun = now()
    template = Template.objects.from_files({"main.tf": 'variable "x" {}\n'})
    Region.objects.create(pk="cn-hangzhou", name="Hangzhou")
    moments = [begun - timedelta(seconds=each) for each in range(count)]
    products = Product.objects.bulk_create(
        Product(name=f"Product {each}", provider=f"Team {each % 9}", created_at=moment)
        for each, moment in enumerate(moments)
    )
    Version.objects.bulk_create(
        Version(product=product, template=template, name=name, created_at=begun)
        for product in products
        for name in ("1.0", "2.0")
    )
    admin = _people(count)
    for each in products[:: max(1, count // 500)]:
        AuditEntry.objects.record("EditProduct", each, by=admin, after={"name": "x"})
    return products[0].pk, _portfolios(products, moments)


def _people(count: int):
    from console.lib.users import Role, User

    admin = User.objects.create_user(ADMINISTRATOR)
    admin.groups.add(Role.objects.get(name="Administrators"))
    User.objects.bulk_create(User(username=f"bench{n}") for n in range(count // 2))
    return admin


def _portfolios(products, moments) -> str:
    """Create portfolios of ten products, granted in turn to a user and to a pattern."""
    from catalog.models import Constraint, Grant, Portfolio, TagOption
    from console.lib.users import User

    people = [*User.objects.filter(username__startswith="bench").order_by("pk")]
    portfolios = Portfolio.objects.bulk_create(
        Portfolio(name=f"Portfolio {each}", provider="Team", created_at=moment)
        for each, moment in enumerate(moments[::10])
    )
    tens = [products[at : at + 10] for at in range(0, len(products), 10)]
    held = list(zip(portfolios, tens, strict=True))
    through = Portfolio.products.through
    through.objects.bulk_create(
        through(portfolio=portfolio, product=product)
        for portfolio, ten in held
        for product in ten
    )
    Constraint.objects.bulk_create(
        Constraint(
            kind="Approval",
            portfolio=portfolio,
            product=ten[0],
            config={"OperationTypes": ["LaunchProduct"], "Approvers": []},
        )
        for portfolio, ten in held
    )
    Grant.objects.bulk_create(
        Grant(portfolio=portfolio, user=people[each % len(people)])
        if each % 2
        else Grant(portfolio=portfolio, pattern=f"user/bench{each}*")
        for each, portfolio in enumerate(portfolios)
    )
    TagOption.objects.bulk_create(
        TagOption(key=f"key{each}", value="v") for each in range(len(portfolios))
    )
    return str(portfolios[0].pk)


def measure(count: int) -> None:
    from django.core.management import call_command

    call_command("flush", interactive=False, verbosity=0)
    make_administrators()
    product, portfolio = fill(count)
    shelf = f"/manage/portfolios/{portfolio}/"
    own = {
        "product": f"/manage/products/{product}/",
        "new version": f"/manage/products/{product}/versions/new/",
        "who can launch": f"/manage/products/{product}/reach/?person={END_USER}",
        "portfolio": shelf,
        "portfolio, access": f"{shelf}access/",
        "portfolio, constraints": f"{shelf}constraints/",
        "portfolio, tag options": f"{shelf}tag-options/",
        "person": f"/manage/people/{END_USER}/",
    }
    ask(count, ADMINISTRATOR, {**MANAGED, **own})
    launched = {
        "end user: products": "/products/",
        "end user: search": "/products/?q=Product",
        "end user: product": f"/products/{product}/",
        "end user: launch form": f"/products/{product}/launch/",
        "end user: instances": "/instances/",
    }
    ask(count, END_USER, launched)


def benchmark_curation(sizes: list[int]) -> None:
    begin()
    for count in sizes:
        measure(count)


if __name__ == "__main__":
    benchmark_curation([int(text) for text in sys.argv[1:]] or [100, 10_000])
