"""Actions in a filtered list return to it with its filters."""

import re
from html import unescape

import pytest

from catalog.models import TagOption
from tests.factories import PortfolioFactory, ProductFactory
from tests.markup import compact

pytestmark = pytest.mark.django_db


def carried(page, name="next"):
    main = compact(page).partition('id="main"')[2]
    return unescape(re.search(rf'name="{name}" value="([^"]*)"', main)[1])


@pytest.mark.parametrize("action", ["", "delete/"])
def test_saving_a_tag_option_returns_to_the_search(admin_browser, action):
    option = TagOption.objects.create(key="team", value="web")
    url, listed = (
        f"/manage/tag-options/{option.pk}/{action}",
        "/manage/tag-options/?q=te",
    )
    page = admin_browser.get(url, headers={"Referer": f"http://testserver{listed}"})
    sent = {"value": "shop", "active": "on", "next": carried(page)}
    if not action:
        sent["seen"] = carried(page, "seen")
    assert admin_browser.post(url, sent)["Location"] == listed


@pytest.mark.parametrize("kind", ["products", "portfolios"])
def test_deleting_returns_to_the_search(admin_browser, kind):
    row = ProductFactory() if kind == "products" else PortfolioFactory()
    url, listed = f"/manage/{kind}/{row.pk}/delete/", f"/manage/{kind}/?q=x&size=50"
    page = admin_browser.get(url, headers={"Referer": f"http://testserver{listed}"})
    answer = admin_browser.post(url, {"next": carried(page)})
    assert answer["Location"] == listed


def test_attaching_a_tag_option_keeps_the_search(admin_browser):
    option = TagOption.objects.create(key="team", value="web")
    portfolio = PortfolioFactory()
    listed = f"/manage/portfolios/{portfolio.pk}/tag-options/"
    answer = admin_browser.post(
        f"{listed}{option.pk}/attach/",
        headers={"Referer": f"http://testserver{listed}?find=te"},
    )
    assert answer["Location"] == f"{listed}?find=te"


@pytest.mark.parametrize(
    "away", ["https://evil.test/manage/tag-options/", "//evil.test/", "/products/?q=x"]
)
def test_a_form_redirects_to_no_other_page(admin_browser, away):
    option = TagOption.objects.create(key="team", value="web")
    url = f"/manage/tag-options/{option.pk}/delete/"
    answer = admin_browser.post(url, {"next": away})
    assert answer["Location"] == "/manage/tag-options/"
