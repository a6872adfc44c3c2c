"""The demo data: users, regions and a catalog. Seeding it twice changes nothing."""

from dataclasses import dataclass

from django.db import transaction

from catalog.models import Constraint, Portfolio, Product, Region, Template, Version
from catalog.models.trusted import example_files
from console.lib.audit import AuditEntry
from console.lib.users import Role, User
from instances.models import KnownError

PASSWORD = "catalog-demo"
ADMINISTRATORS = "Administrators"
PEOPLE = {
    "admin": "Ada Admin",
    "alice": "Alice Zhang",
    "bob": "Bob Meyer",
    "carol": "Carol Diaz",
}
REGIONS = {
    "cn-hangzhou": "China (Hangzhou)",
    "cn-beijing": "China (Beijing)",
    "ap-southeast-1": "Singapore",
    "eu-central-1": "Germany (Frankfurt)",
}
GUIDANCE = Version.Guidance
DOCUMENT = "template.yaml"


@dataclass(frozen=True)
class Release:
    """A version of a demo product with the folder of its template."""

    name: str
    folder: str
    description: str
    guidance: str = GUIDANCE.DEFAULT


@dataclass(frozen=True)
class DemoProduct:
    """A demo product."""

    name: str
    provider: str
    description: str
    portfolio: str
    releases: tuple[Release, ...]
    approver: str = ""


DEMO_PRODUCTS = (
    DemoProduct(
        "Web service",
        "Platform team",
        "Servers behind a load balancer, with a certificate. Simulated: makes "
        "terraform_data, no cloud.",
        "Everyday services",
        (Release("1.0", "web-service", "First release", GUIDANCE.RECOMMENDED),),
    ),
    DemoProduct(
        "Container cluster",
        "Platform team",
        "Takes about half a minute, to watch progress and the live log. Simulated.",
        "Everyday services",
        (Release("1.0", "slow-cluster", "Six steps, one after the other"),),
    ),
    DemoProduct(
        "Database",
        "Data team",
        "Two versions: updating from 1.0 to 2.0 replaces the database. Simulated.",
        "Everyday services",
        (
            Release("1.0", "database-1", "Engine 15", GUIDANCE.DEPRECATED),
            Release("2.0", "database-2", "Engine 16 and replicas", GUIDANCE.LATEST),
        ),
    ),
    DemoProduct(
        "Data warehouse",
        "Data team",
        "Fails half-way unless the budget is 500 or more, to show how a failure looks. "
        "Simulated.",
        "Everyday services",
        (Release("1.0", "unlucky", "Fails with the default budget"),),
    ),
    DemoProduct(
        "ROS web stack",
        "Platform team",
        "A ROS template: network, servers, load balancer, database. Simulated: nothing "
        "is made on Alibaba Cloud.",
        "Everyday services",
        (Release("1.0", "ros-web-stack", "ROS template", GUIDANCE.RECOMMENDED),),
    ),
    DemoProduct(
        "Production database",
        "Data team",
        "Needs a plan that carol approves, for launch, update and termination. "
        "Simulated.",
        "Production",
        (Release("1.0", "database-2", "Engine 16 and replicas", GUIDANCE.RECOMMENDED),),
        approver="carol",
    ),
    DemoProduct(
        "AWS network",
        "Cloud team",
        "Real AWS resources: VPC, two subnets, bucket, server. Needs credentials in "
        "the region.",
        "Cloud",
        (Release("1.0", "aws-network", "AWS provider 5"),),
    ),
)


KNOWN_ERRORS = (
    {
        "title": "The monthly budget is used up",
        "pattern": r"QuotaExceeded: creating \w+ needs a monthly budget",
        "explanation": "A warehouse costs 500 a month. Choose Edit and retry and set the "
        "monthly budget to 500 or more; the project and the bucket that exist already are "
        "kept.\n\nIf your team has no such budget, ask the data team for it first.",
        "position": 10,
    },
    {
        "title": "The region has no AWS credentials",
        "pattern": r"No valid credential sources found|InvalidClientTokenId",
        "explanation": "Runs use the credentials of their region. Ask an administrator to "
        "enter them under Regions, then choose Retry from here.",
        "position": 20,
    },
)


class DemoRefusedError(Exception):
    """The database is in use: the demo would add users with a known password."""


def seed(*, debug: bool) -> bool:
    """Create the demo users and the catalog. Return True if anything was created.

    Raises DemoRefusedError if the database has other users.
    """
    others = User.objects.exclude(username__in=PEOPLE).exists()
    if others and not debug:
        raise DemoRefusedError(
            "This database has users already; the demo adds accounts with a "
            "known password. Use an empty CONSOLE_DATA_DIR, or set CONSOLE_DEBUG=1."
        )
    with transaction.atomic():
        made = _people()
        for pk, name in REGIONS.items():
            Region.objects.get_or_create(pk=pk, defaults={"name": name})
        for offer in DEMO_PRODUCTS:
            made |= _offer(offer)
        for known_error in KNOWN_ERRORS:
            made |= KnownError.objects.get_or_create(
                title=known_error["title"], defaults=known_error
            )[1]
        if made:
            facts = {
                "people": [*PEOPLE],
                "products": [each.name for each in DEMO_PRODUCTS],
            }
            AuditEntry.objects.record("SeedDemonstration", None, by=None, after=facts)
    return made


def _people() -> bool:
    made = False
    for username, full_name in PEOPLE.items():
        first, last = full_name.split()
        user, is_new = User.objects.get_or_create(
            username=username,
            defaults={
                "first_name": first,
                "last_name": last,
                "is_staff": username == "admin",
                "is_superuser": username == "admin",
            },
        )
        if is_new:
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
            if username == "admin":
                user.groups.add(Role.objects.get(name=ADMINISTRATORS))
            made = True
    return made


def _offer(offer: DemoProduct) -> bool:
    portfolio, _ = Portfolio.objects.get_or_create(
        name=offer.portfolio, defaults={"provider": "Platform team"}
    )
    portfolio.grants.get_or_create(pattern="user/*")
    product, is_new = Product.objects.get_or_create(
        name=offer.name,
        provider=offer.provider,
        defaults={
            "description": offer.description,
            "template_kind": _kind(offer.releases[0].folder),
        },
    )
    if is_new:
        portfolio.products.add(product)
        for release in offer.releases:
            Version.objects.create(
                product=product,
                name=release.name,
                description=release.description,
                guidance=release.guidance,
                template=_template(release.folder),
            )
        if offer.approver:
            _require_approval(offer, product, portfolio)
    return is_new


def _kind(folder: str) -> str:
    kinds = Template.Kind
    return kinds.STANDARD if DOCUMENT in example_files(folder) else kinds.TERRAFORM


def _template(folder: str) -> Template:
    """Store an example template: a folder of Terraform files, or one ROS template."""
    files = example_files(folder)
    if DOCUMENT in files:
        return Template.objects.from_document(files[DOCUMENT])
    return Template.objects.from_files(files)


def _require_approval(
    offer: DemoProduct, product: Product, portfolio: Portfolio
) -> None:
    portfolio.constraints.create(
        kind=Constraint.Kind.APPROVAL,
        product=product,
        description=f"{offer.approver} approves every change",
        config={
            "OperationTypes": [
                "LaunchProduct",
                "UpdateProvisionedProduct",
                "TerminateProvisionedProduct",
            ],
            "Approvers": [
                {"PrincipalType": "RamUser", "PrincipalName": offer.approver}
            ],
        },
    )
