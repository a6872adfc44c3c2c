"""The page of a product for end users."""

import pytest
from django.urls import reverse

from tests.factories import PortfolioFactory, ProductFactory, VersionFactory
from tests.markup import compact


@pytest.fixture
def web_service(alice):
    found = ProductFactory(name="Web service", description="Scales.")
    PortfolioFactory(name="Web portfolio", products=[found], users=[alice])
    return found


def test_it_shows_the_product_and_its_launch_options(browser, web_service):
    response = browser.get(web_service.get_absolute_url())
    assert response.context["product"] == web_service
    options = [option.portfolio.name for option in response.context["options"]]
    assert options == ["Web portfolio"]
    assert web_service.arn in response.content.decode()


def test_it_requires_login(client, web_service):
    response = client.get(web_service.get_absolute_url())
    assert response.url.startswith(reverse("account_login"))


def test_missing_product_and_product_without_grant_are_not_found(browser, bob):
    foreign = ProductFactory()
    PortfolioFactory(products=[foreign], users=[bob])
    missing = reverse("catalog:product-detail", args=["prod-bp1nowhere0000"])
    answers = [browser.get(foreign.get_absolute_url()), browser.get(missing)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].templates[0].name == answers[1].templates[0].name


def test_it_rejects_other_methods(browser, web_service):
    assert browser.post(web_service.get_absolute_url()).status_code == 405


def test_active_versions_are_ordered_by_guidance(browser, web_service):
    for name, guidance, active in (
        ("old", "Deprecated", True),
        ("plain", "Default", True),
        ("best", "Recommended", True),
        ("gone", "Latest", False),
        ("new", "Latest", True),
    ):
        VersionFactory(product=web_service, name=name, guidance=guidance, active=active)
    response = browser.get(web_service.get_absolute_url())
    shown = [version.name for version in response.context["versions"]]
    assert shown == ["best", "new", "plain", "old"]
    assert 'data-status="Deprecated"' in compact(response)


def test_constraints_of_a_launch_option_are_shown(browser, web_service):
    web_service.portfolios.get().constraints.create(
        product=web_service, kind="StackRegion", config={"StackRegions": ["cn-beijing"]}
    )
    (option,) = browser.get(web_service.get_absolute_url()).context["options"]
    assert "cn-beijing" in option.sentences[0]


def test_without_an_active_version_nothing_can_be_launched(browser, web_service):
    html = browser.get(web_service.get_absolute_url()).content.decode()
    assert reverse("instances:launch", args=[web_service.pk]) not in html


def test_it_takes_at_most_eight_queries(
    browser, web_service, django_assert_max_num_queries
):
    for _number in range(5):
        VersionFactory(product=web_service)
    with django_assert_max_num_queries(8):
        browser.get(web_service.get_absolute_url())
