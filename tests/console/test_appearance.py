"""POST /appearance/: theme, density and the shortcut are the browser's, kept in cookies."""

import pytest

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
def test_a_choice_holds_on_every_page(browser, choice, mark):
    assert mark not in browser.get("/instances/").content.decode()
    browser.post(URL, choice | {"next": "/instances/"})
    assert mark in browser.get("/instances/").content.decode()


def test_the_shortcut_can_be_turned_on_again(browser):
    browser.post(URL, {"shortcut": "off"})
    assert b"<kbd" not in browser.get("/instances/").content
    browser.post(URL, {"shortcut": "on"})
    assert b"<kbd" in browser.get("/instances/").content


def test_a_cookie_that_makes_no_sense_is_ignored(browser):
    browser.cookies["shortcut"] = '"><script>'
    page = browser.get("/instances/").content.decode()
    assert "data-shortcut" not in page
