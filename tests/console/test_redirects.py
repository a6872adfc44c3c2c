"""Redirects for browsers and for htmx."""

import pytest
from django.http import HttpResponseRedirect
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails

from console.lib.htmx import came_from
from console.middleware import RedirectMiddleware


def answer(url, shown="http://testserver/instances/", **headers):
    headers = {"HX-Request": "true", "HX-Current-URL": shown} | headers
    request = RequestFactory().post("/any/", headers=headers)
    request.htmx = HtmxDetails(request)
    return RedirectMiddleware(lambda _request: HttpResponseRedirect(url))(request)


def test_a_redirect_becomes_an_htmx_redirect():
    told = answer("/products/?q=a#top")
    assert told.status_code == 200
    assert told["HX-Redirect"] == "/products/?q=a#top"
    assert "Location" not in told


@pytest.mark.parametrize(
    ("shown", "url"),
    [
        ("/instances/", "/instances/#instances"),
        ("/instances/#instances", "/instances/#instances"),
        ("/instances/?access=account", "/instances/?access=account#instances"),
        ("/instances/?q=a%20b", "/instances/?q=a+b#instances"),
        ("/instances/?q=%E4%B8%AD", "/instances/?q=中#instances"),
    ],
)
def test_a_redirect_to_the_current_page_drops_the_anchor(shown, url):
    told = answer(url, f"http://testserver{shown}")
    assert "#" not in told["HX-Redirect"]
    assert told["HX-Redirect"].startswith("/instances/")


@pytest.mark.parametrize(
    "shown",
    [
        "http://testserver/instances/?q=x",
        "http://elsewhere.test/instances/",
        "http://[",
    ],
)
def test_a_redirect_to_another_page_keeps_the_anchor(shown):
    assert answer("/instances/#instances", shown)["HX-Redirect"].endswith("#instances")


def test_boosted_links_and_browsers_get_a_plain_redirect():
    assert answer("/products/", **{"HX-Boosted": "true"}).status_code == 302
    request = RequestFactory().post("/any/")
    request.htmx = HtmxDetails(request)
    plain = RedirectMiddleware(lambda _request: HttpResponseRedirect("/products/"))
    assert plain(request)["Location"] == "/products/"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ({"next": "/instances/?q=x&access=account"}, "/instances/?q=x&access=account"),
        ({"shown": "http://testserver/instances/?q=x#instances"}, "/instances/?q=x"),
        (
            {"referer": "http://testserver/instances/?status=Error"},
            "/instances/?status=Error",
        ),
        ({"next": "https://elsewhere.test/instances/?q=x"}, ""),
        ({"next": "//elsewhere.test/instances/"}, ""),
        ({"next": "/products/?q=x"}, ""),
        ({}, ""),
    ],
)
def test_the_previous_page_keeps_its_query_and_is_never_another(source, found):
    headers = {"Referer": source.get("referer", "")}
    if "shown" in source:
        headers |= {"HX-Request": "true", "HX-Current-URL": source["shown"]}
    data = {"next": source["next"]} if "next" in source else {}
    request = RequestFactory().post("/any/", data, headers=headers)
    request.htmx = HtmxDetails(request)
    assert came_from(request, "/instances/") == found
