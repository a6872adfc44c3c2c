"""The list of products for end users."""

import pytest
from django.urls import reverse

from tests.factories import (
    PortfolioFactory,
    ProductFactory,
    RoleFactory,
    VersionFactory,
)
from tests.markup import compact

URL = reverse("catalog:product-list")


@pytest.fixture
def products(alice):
    found = [
        ProductFactory(name="Web service", provider="Web team", description="Scales."),
        ProductFactory(
            name="Database", provider="Data team", description="Keeps rows."
        ),
    ]
    PortfolioFactory(products=found, users=[alice])
    return found


def names(response):
    return [product.name for product in response.context["page"].rows]


def test_list_has_granted_products_newest_first(browser, products):
    assert names(browser.get(URL)) == ["Database", "Web service"]


def test_it_requires_login(client):
    response = client.get(URL)
    assert response.status_code == 302
    assert response.url == f"{reverse('account_login')}?next={URL}"


def test_list_excludes_products_without_grant(browser, bob):
    PortfolioFactory(products=[ProductFactory()], users=[bob])
    ProductFactory()
    assert names(browser.get(URL)) == []


def test_list_of_administrators_has_only_granted_products(admin_browser, products):
    assert names(admin_browser.get(URL)) == []


def test_grant_to_a_group_makes_products_visible(browser, alice):
    role = RoleFactory()
    alice.groups.add(role)
    PortfolioFactory(products=[ProductFactory(name="For us")]).grants.create(role=role)
    assert names(browser.get(URL)) == ["For us"]


def test_product_in_two_portfolios_is_listed_once(browser, alice):
    product = ProductFactory(name="Twice")
    PortfolioFactory(products=[product], users=[alice])
    PortfolioFactory(products=[product], users=[alice])
    assert names(browser.get(URL)) == ["Twice"]


def test_it_rejects_other_methods(browser):
    assert browser.post(URL).status_code == 405


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web", ["Web service"]),
        ("DATA TEAM", ["Database"]),
        ("keeps", ["Database"]),
        ("  \u200bscales ", ["Web service"]),
        ("", ["Database", "Web service"]),
        ("nowhere", []),
        ("%", []),
        ("\0", ["Database", "Web service"]),
    ],
)
def test_it_searches_name_provider_and_description(browser, products, text, found):
    assert names(browser.get(URL, {"q": text})) == found


def test_it_searches_the_id_and_its_beginning(browser, products):
    web = products[0]
    assert names(browser.get(URL, {"q": web.pk})) == ["Web service"]
    assert names(browser.get(URL, {"q": web.pk[:15].upper()})) == ["Web service"]


def test_only_a_product_with_an_active_version_can_be_launched(browser, products):
    web, database = products
    VersionFactory(product=web)
    VersionFactory(product=database, active=False)
    html = browser.get(URL).content.decode()
    assert reverse("instances:launch", args=[web.pk]) in html
    assert reverse("instances:launch", args=[database.pk]) not in html


def test_it_answers_htmx_with_the_table_alone(browser, products, htmx):
    response = browser.get(URL, headers=htmx)
    assert compact(response).lstrip().startswith('<div id="product-table">')
    assert "HX-Request" in response.headers["Vary"]


def test_it_gives_a_whole_page_to_a_history_restore(browser, products, htmx):
    restore = htmx | {"HX-History-Restore-Request": "true"}
    assert b"<html" in browser.get(URL, headers=restore).content


def test_the_second_page_begins_where_the_first_ends(browser, alice):
    PortfolioFactory(products=[ProductFactory() for _ in range(12)], users=[alice])
    first = browser.get(URL, {"size": 10}).context["page"]
    second = browser.get(URL, {"size": 10, "cursor": first.next}).context["page"]
    assert len(first.rows) == 10
    assert second.first == 11
    assert not {row.pk for row in first.rows} & {row.pk for row in second.rows}


def test_a_broken_cursor_and_size_give_the_first_page(browser, products):
    response = browser.get(URL, {"cursor": "n99.x.", "size": "-1"})
    assert names(response) == ["Database", "Web service"]


def test_it_takes_at_most_six_queries(browser, alice, django_assert_max_num_queries):
    PortfolioFactory(
        products=[VersionFactory().product for _ in range(25)], users=[alice]
    )
    with django_assert_max_num_queries(6):
        browser.get(URL)
