"""GET /instances/?q&status&product&region&owner"""

import pytest

from instances.filters import InstanceFilter, filter_options
from instances.models import Instance
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    ProductFactory,
    RegionFactory,
    RoleFactory,
    UserFactory,
    VersionFactory,
)
from tests.instances.running import failed
from tests.markup import compact

pytestmark = pytest.mark.django_db
URL = "/instances/"


@pytest.fixture
def found(admin_browser):
    """Return the names of the instances that a query finds in the account."""

    def names(**query):
        response = admin_browser.get(URL, {"access": "account", **query})
        assert response.status_code == 200
        return sorted(row["name"] for row in response.context["rows"])

    return names


def test_search_finds_part_of_a_name_in_any_case(found):
    InstanceFactory(name="orders-API-prod")
    InstanceFactory(name="billing")
    assert found(q="api") == ["orders-API-prod"]


def test_search_finds_a_whole_id(found):
    wanted = InstanceFactory(name="wanted")
    InstanceFactory()
    assert found(q=wanted.pk) == ["wanted"]


def test_search_finds_the_beginning_of_an_id(found):
    InstanceFactory(pk="pp-bp1aaaaaaaaaaa", name="wanted")
    InstanceFactory(pk="pp-bp1bbbbbbbbbbb")
    assert found(q="PP-bp1aaa") == ["wanted"]


def test_search_finds_a_product(found):
    InstanceFactory(name="wanted", version__product__name="Redis cluster")
    InstanceFactory()
    assert found(q="redis") == ["wanted"]


def test_search_finds_an_owner(found):
    InstanceFactory(name="wanted", owner=UserFactory(username="li.wei"))
    InstanceFactory()
    assert found(q="li.w") == ["wanted"]


@pytest.mark.parametrize(
    "wrap", [" {} ", "\u200b{}\ufeff", "\u3000{}\n", "\u00a0{}\u200e"]
)
def test_search_ignores_invisible_characters_around_the_text(found, wrap):
    wanted = InstanceFactory(name="wanted")
    assert found(q=wrap.format(wanted.pk)) == ["wanted"]


def test_search_does_not_interpret_wildcards(found):
    InstanceFactory(name="all")
    InstanceFactory(name="100%_done")
    assert found(q="%_") == ["100%_done"]


def test_the_list_is_filtered_by_status(found):
    failed(InstanceFactory(name="broken"))
    InstanceFactory()
    assert found(status="Error") == ["broken"]


def test_the_list_is_filtered_by_product(found):
    wanted = InstanceFactory(name="wanted")
    InstanceFactory()
    assert found(product=wanted.product_id) == ["wanted"]


def test_the_list_is_filtered_by_region(found):
    InstanceFactory(
        name="wanted", region=RegionFactory(id="cn-beijing", name="Beijing")
    )
    InstanceFactory()
    assert found(region="cn-beijing") == ["wanted"]


def test_the_list_is_filtered_by_login_group_or_principal_id(found):
    person = UserFactory(username="chen.min")
    role = RoleFactory(name="platform-team")
    InstanceFactory(name="hers", owner=person)
    InstanceFactory(name="theirs", owner=None, owner_role=role)
    assert found(owner="Chen.Min") == ["hers"]
    assert found(owner=person.principal_id) == ["hers"]
    assert found(owner="platform-team") == ["theirs"]


def test_filters_are_combined(found):
    region = RegionFactory(id="cn-beijing", name="Beijing")
    failed(InstanceFactory(name="both", region=region))
    failed(InstanceFactory(name="one"))
    assert found(status="Error", region="cn-beijing") == ["both"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("status", "Terminated"), ("status", "'"), ("q", "a\x00b"), ("product", "\x00")],
)
def test_an_invalid_filter_value_is_ignored(found, name, value):
    InstanceFactory(name="here")
    assert found(**{name: value}) == ["here"]


@pytest.mark.parametrize("value", ["x" * 5000, "🦓", "'; --", "\\", "(("])
def test_an_unusual_search_text_finds_nothing(found, value):
    InstanceFactory(name="here")
    assert found(q=value) == []


def test_active_filters_are_tokens_that_can_be_removed(admin_browser):
    instance = InstanceFactory()
    response = admin_browser.get(
        URL, {"access": "account", "q": "inst", "product": instance.product_id}
    )
    tokens = {t.value: t.url_without for t in response.context["instance_list"].tokens}
    assert tokens == {
        "inst": f"/instances/?access=account&product={instance.product_id}",
        instance.product.name: "/instances/?access=account&q=inst",
    }


def test_clearing_the_filters_keeps_the_scope(admin_browser):
    response = admin_browser.get(
        URL, {"access": "account", "q": "x", "cursor": "n1.2.x"}
    )
    assert response.context["instance_list"].reset_url == "/instances/?access=account"


def test_the_count_follows_the_filters(admin_browser):
    InstanceFactory(name="wanted")
    InstanceFactory.create_batch(2)
    page = compact(admin_browser.get(URL, {"access": "account", "q": "wanted"}))
    assert '<span role="status">1 of 3</span>' in page


def test_the_fragment_includes_the_facets(admin_browser, htmx):
    InstanceFactory(name="wanted")
    query = {"access": "account", "q": "wanted"}
    page = compact(admin_browser.get(URL, query, headers=htmx))
    assert 'id="instance-facets" aria-label="Status" hx-swap-oob="true"' in page
    assert 'href="/instances/?access=account&amp;q=wanted&amp;status=Error"' in page


def test_the_url_has_only_the_chosen_filters(admin_browser, htmx):
    query = {"access": "user", "q": " x ", "product": "", "size": "20", "cursor": ""}
    response = admin_browser.get(URL, query, headers=htmx)
    assert response["HX-Push-Url"] == "/instances/?access=user&q=x"


def test_a_search_replaces_the_url_in_the_history(admin_browser, htmx):
    headers = {**htmx, "HX-Trigger": "instance-search"}
    response = admin_browser.get(URL, {"q": "x", "size": "50"}, headers=headers)
    assert response["HX-Replace-Url"] == "/instances/?q=x&size=50"


def test_the_search_box_keeps_what_was_typed(admin_browser):
    page = compact(admin_browser.get(URL, {"q": '"><b>'}))
    assert 'value="&quot;&gt;&lt;b&gt;"' in page


def test_an_administrator_chooses_among_all_products(admin):
    product, region = ProductFactory(name="Any"), RegionFactory()
    assert filter_options(admin) == ([(product.pk, "Any")], [(region.pk, region.name)])


def test_an_end_user_chooses_among_their_products(alice):
    granted = VersionFactory().product
    ProductFactory()
    PortfolioFactory(products=[granted], users=[alice])
    assert filter_options(alice)[0] == [(granted.pk, granted.name)]


def test_the_choices_are_capped(admin, monkeypatch):
    monkeypatch.setattr("instances.filters.MAX_OPTIONS", 3)
    ProductFactory.create_batch(5)
    assert len(filter_options(admin)[0]) == 3


# The access filter


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["mine"]),
        ({"access": "user"}, ["mine"]),
        ({"access": "account"}, ["hers", "mine"]),
        ({"access": "account", "name": "HERS"}, ["hers"]),
        ({"access": "user", "text": "er"}, []),
        ({"access": "everything"}, ["mine"]),
        ({"access": ""}, ["mine"]),
    ],
)
def test_the_access_filter_applies_to_page_csv_and_api(admin, alice, query, names):
    InstanceFactory(owner=admin, name="mine")
    InstanceFactory(owner=alice, name="hers")
    rows = InstanceFilter(query, Instance.objects.living(), user=admin).qs
    assert sorted(row.name for row in rows) == names


@pytest.mark.parametrize("access", ["", "user", "account", "everything"])
def test_an_end_user_cannot_widen_the_access_filter(admin, alice, access):
    InstanceFactory(owner=admin, name="mine")
    InstanceFactory(owner=alice, name="hers")
    found = InstanceFilter({"access": access}, Instance.objects.living(), user=alice)
    assert [row.name for row in found.qs] == ["hers"]
    assert [row.name for row in found.scope] == ["hers"]


@pytest.mark.parametrize("name", ["status", "access", "ownerless"])
def test_an_invalid_filter_value_is_reported(admin_browser, htmx, name):
    InstanceFactory()
    query = {"access": "account"} | {name: "<nonsense>"}
    for headers in ({}, htmx):
        page = compact(admin_browser.get(URL, query, headers=headers))
        assert "Some filters were not applied" in page
        assert "“&lt;nonsense&gt;”" in page
    export = admin_browser.get(f"{URL}export.csv", query)
    assert "Some filters were not applied" in compact(export)
