"""Rules for all pages below /manage/."""

import pytest
from django.test import Client
from django.urls import reverse

from catalog.models import Constraint, LaunchRole, TagOption
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    RoleFactory,
    UserFactory,
    VersionFactory,
    launchable,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(admin, bob):
    """One of each, and the address of every page that can be read."""
    version = VersionFactory(name="1.0")
    product = version.product
    older = VersionFactory(product=product, name="0.9")
    portfolio = PortfolioFactory(products=[product], users=[bob])
    region = RegionFactory(credentials={"KEY": "s3cret-value"})
    role = LaunchRole.objects.add(
        name="deployer", environment={"TOKEN": "s3cret-value"}, by=admin
    )
    option = TagOption.objects.offer(key="team", value="web", by=admin)
    option.associate(product, by=admin)
    option.associate(portfolio, by=admin)
    constraint = Constraint.objects.impose(
        kind="Launch",
        portfolio=portfolio,
        product=product,
        config={"LocalRoleName": "deployer"},
        by=admin,
    )
    return {
        "product": product,
        "version": version,
        "older": older,
        "portfolio": portfolio,
        "region": region,
        "role": role,
        "option": option,
        "constraint": constraint,
        "grant": portfolio.grants.get(),
    }


PAGES = [
    ("product-list", []),
    ("product-create", []),
    ("product-detail", ["product"]),
    ("product-edit", ["product"]),
    ("product-copy", ["product"]),
    ("product-delete", ["product"]),
    ("product-reach", ["product"]),
    ("product-tag-options", ["product"]),
    ("version-create", ["product"]),
    ("version-detail", ["product", "version"]),
    ("version-files", ["product", "version"]),
    ("version-compare", ["product", "version"]),
    ("instances:version-try", ["product", "version"]),
    ("version-edit", ["product", "version"]),
    ("version-delete", ["product", "version"]),
    ("portfolio-list", []),
    ("portfolio-create", []),
    ("portfolio-detail", ["portfolio"]),
    ("portfolio-edit", ["portfolio"]),
    ("portfolio-delete", ["portfolio"]),
    ("portfolio-remove-product", ["portfolio", "product"]),
    ("portfolio-access", ["portfolio"]),
    ("portfolio-tag-options", ["portfolio"]),
    ("grant-remove", ["portfolio", "grant"]),
    ("constraint-list", ["portfolio"]),
    ("constraint-edit", ["portfolio", "constraint"]),
    ("constraint-delete", ["portfolio", "constraint"]),
    ("tag-option-list", []),
    ("tag-option-create", []),
    ("tag-option-edit", ["option"]),
    ("tag-option-delete", ["option"]),
    ("region-list", []),
    ("region-create", []),
    ("region-edit", ["region"]),
    ("region-delete", ["region"]),
    ("instances:region-test", ["region"]),
    ("launch-role-create", []),
    ("launch-role-edit", ["role"]),
    ("launch-role-delete", ["role"]),
    ("people", []),
]


def full(name):
    return name if ":" in name else f"manage:{name}"


def address(world, name, keys):
    return reverse(full(name), args=[world[key].pk for key in keys])


@pytest.mark.parametrize(("name", "keys"), PAGES, ids=[name for name, _ in PAGES])
def test_page_takes_few_queries_for_administrators(
    admin_browser, world, name, keys, django_assert_max_num_queries
):
    url = address(world, name, keys)
    with django_assert_max_num_queries(8):
        page = admin_browser.get(url)
    assert page.status_code == 200
    assert page.content.count(b"<h1") == 1
    assert b"s3cret" not in page.content


@pytest.mark.parametrize(("name", "keys"), PAGES, ids=[name for name, _ in PAGES])
def test_page_is_not_found_for_end_users(browser, world, name, keys):
    url = address(world, name, keys)
    assert browser.get(url).status_code == 404
    assert browser.post(url).status_code in (404, 405)


def test_end_users_get_the_response_of_a_missing_page(browser, world):
    hidden = browser.get(reverse("manage:product-list"))
    missing = browser.get("/manage/nothing/")
    assert hidden.status_code == missing.status_code == 404
    told = [[each.name for each in page.templates] for page in (hidden, missing)]
    assert told[0] == told[1]


@pytest.mark.parametrize(("name", "keys"), PAGES, ids=[name for name, _ in PAGES])
def test_it_requires_login(client, world, name, keys):
    page = client.get(address(world, name, keys))
    assert page.status_code == 302
    assert page.url.startswith(reverse("account_login"))


@pytest.mark.parametrize(("name", "keys"), [page for page in PAGES if page[1]])
def test_missing_record_is_not_found(admin_browser, world, name, keys):
    wrong = ["nothing" if key != "grant" else 0 for key in keys]
    url = reverse(full(name), args=wrong)
    assert admin_browser.get(url).status_code == 404


@pytest.mark.parametrize(
    "name", ["product-list", "portfolio-list", "tag-option-list", "people"]
)
def test_htmx_gets_the_table_alone(admin_browser, world, htmx, name):
    url = reverse(f"manage:{name}")
    fragment = admin_browser.get(url, headers=htmx).content
    assert b"<html" not in fragment
    assert fragment.strip().startswith(b'<div id="')


@pytest.mark.parametrize(
    "name",
    ["product-list", "portfolio-list", "tag-option-list", "region-list", "people"],
)
def test_a_long_list_takes_as_few_queries(
    admin, admin_browser, name, django_assert_max_num_queries
):
    group = RoleFactory()
    for number in range(30):
        person = UserFactory()
        person.groups.add(group)
        version = launchable(person)
        InstanceFactory(version=version, owner=person)
        TagOption.objects.offer(key="k", value=str(number), by=admin)
        RegionFactory(id=f"r-{number}", credentials={"KEY": "x"})
    admin_browser.get(reverse(f"manage:{name}"))
    with django_assert_max_num_queries(8):
        page = admin_browser.get(reverse(f"manage:{name}"))
    assert page.content.count(b"data-id=") >= 20


def test_post_without_csrf_token_is_refused(admin, world):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin)
    url = reverse("manage:product-delete", args=[world["product"].pk])
    assert strict.post(url).status_code == 403


def test_get_changes_nothing(admin_browser, world):
    pk = world["portfolio"].pk
    other = ProductFactory().pk
    url = reverse("manage:portfolio-add-product", args=[pk, other])
    assert admin_browser.get(url).status_code == 405
