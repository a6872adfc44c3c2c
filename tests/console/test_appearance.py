"""POST /appearance/: theme, density, shortcut and columns in cookies."""

import pytest

from tests.factories import InstanceFactory
from tests.markup import compact

pytestmark = pytest.mark.django_db
URL = "/appearance/"


@pytest.mark.parametrize(
    ("choice", "mark"),
    [
        ({"theme": "dark"}, 'data-theme="dark"'),
        ({"density": "compact"}, 'data-density="compact"'),
        ({"shortcut": "off"}, 'data-shortcut="off"'),
    ],
)
def test_a_choice_applies_to_every_page(browser, choice, mark):
    assert mark not in compact(browser.get("/instances/"))
    browser.post(URL, choice | {"next": "/instances/"})
    assert mark in compact(browser.get("/instances/"))


def test_the_shortcut_can_be_turned_on_again(browser):
    browser.post(URL, {"shortcut": "off"})
    assert b"<kbd" not in browser.get("/instances/").content
    browser.post(URL, {"shortcut": "on"})
    assert b"<kbd" in browser.get("/instances/").content


def test_an_invalid_cookie_is_ignored(browser):
    browser.cookies["shortcut"] = '"><script>'
    page = compact(browser.get("/instances/"))
    assert "data-shortcut" not in page


def choose(browser, columns, size="20"):
    """Submit the column menu of the instance list."""
    spec = {"columns": ["name", *columns], "size": size, "next": "/instances/"}
    return browser.post(URL, spec)


def test_the_instance_list_shows_the_chosen_columns_also_after_signing_out(
    browser, alice
):
    InstanceFactory(owner=alice)
    choose(browser, ["product", "created"])
    browser.post("/accounts/logout/")
    browser.force_login(alice)
    page = compact(browser.get("/instances/"))
    table = page.partition("<table")[2].partition("</table>")[0]
    assert table.count("Product name") == table.count("Created time") == 2
    assert "Version name" not in table
    assert "Stack region" not in table
    assert "Owner" not in table


def test_a_single_row_has_the_chosen_columns(browser, alice):
    instance = InstanceFactory(owner=alice)
    choose(browser, [])
    row = compact(browser.get(f"/instances/{instance.pk}/row/"))
    assert row.count("<td") == 3


def test_invalid_columns_are_ignored(browser, alice):
    InstanceFactory(owner=alice)
    browser.post(URL, {"columns": ["name", "secrets"]})
    browser.cookies["instance-columns"] = "owner.<b>"
    assert b"Stack region</th>" in browser.get("/instances/").content


def test_the_page_size_is_kept_unless_the_url_has_one(browser, alice):
    InstanceFactory.create_batch(11, owner=alice)
    choose(browser, [], size="10")
    assert len(browser.get("/instances/").context["rows"]) == 10
    assert len(browser.get("/instances/?size=50").context["rows"]) == 11
    assert (
        "size=10"
        in browser.get("/instances/?status=Available")
        .context["instance_list"]
        .reverse_url
    )
