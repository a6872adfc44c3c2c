"""The page of a product for end users."""

import pytest
from django.urls import reverse

from tests.factories import PortfolioFactory, ProductFactory, VersionFactory
from tests.markup import compact


@pytest.fixture
def product(alice):
    found = ProductFactory(name="Web service", description="Scales.")
    PortfolioFactory(name="Web portfolio", products=[found], users=[alice])
    return found


def test_it_shows_the_product_and_its_launch_options(browser, product):
    response = browser.get(product.get_absolute_url())
    assert response.context["product"] == product
    options = [option.portfolio.name for option in response.context["options"]]
    assert options == ["Web portfolio"]
    assert product.arn in response.content.decode()


def test_it_requires_login(client, product):
    response = client.get(product.get_absolute_url())
    assert response.url.startswith(reverse("account_login"))


def test_missing_product_and_product_without_grant_are_not_found(browser, bob):
    foreign = ProductFactory()
    PortfolioFactory(products=[foreign], users=[bob])
    missing = reverse("catalog:product-detail", args=["prod-bp1nowhere0000"])
    answers = [browser.get(foreign.get_absolute_url()), browser.get(missing)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].templates[0].name == answers[1].templates[0].name


def test_it_rejects_other_methods(browser, product):
    assert browser.post(product.get_absolute_url()).status_code == 405


def test_active_versions_are_ordered_by_guidance(browser, product):
    for name, guidance, active in (
        ("old", "Deprecated", True),
        ("plain", "Default", True),
        ("best", "Recommended", True),
        ("gone", "Latest", False),
        ("new", "Latest", True),
    ):
        VersionFactory(product=product, name=name, guidance=guidance, active=active)
    response = browser.get(product.get_absolute_url())
    shown = [version.name for version in response.context["versions"]]
    assert shown == ["best", "new", "plain", "old"]
    assert 'data-status="Deprecated"' in compact(response)


def test_constraints_of_a_launch_option_are_shown(browser, product):
    product.portfolios.get().constraints.create(
        product=product, kind="StackRegion", config={"StackRegions": ["cn-beijing"]}
    )
    (option,) = browser.get(product.get_absolute_url()).context["options"]
    assert "cn-beijing" in option.sentences[0]


def test_without_an_active_version_nothing_can_be_launched(browser, product):
    html = browser.get(product.get_absolute_url()).content.decode()
    assert reverse("instances:launch", args=[product.pk]) not in html


def test_it_takes_at_most_eight_queries(
    browser, product, django_assert_max_num_queries
):
    for _number in range(5):
        VersionFactory(product=product)
    with django_assert_max_num_queries(8):
        browser.get(product.get_absolute_url())
