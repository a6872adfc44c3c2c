"""GET /instances/"""

import gzip
from datetime import timedelta

import pytest
from django.utils.timezone import now

from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    RoleFactory,
    VersionFactory,
)
from tests.instances.running import failed, running
from tests.markup import compact

pytestmark = pytest.mark.django_db
URL = "/instances/"


def names(response):
    return [row["name"] for row in response.context["rows"]]


def test_it_shows_the_users_instances_newest_first(browser, alice):
    InstanceFactory(owner=alice, name="older", created_at=now() - timedelta(days=1))
    InstanceFactory(owner=alice, name="newer")
    assert names(browser.get(URL)) == ["newer", "older"]


def test_it_requires_login(client, db):
    assert client.get(URL)["Location"].startswith("/accounts/login/")


def test_an_ended_session_returns_to_the_same_list_after_sign_in(client, htmx):
    shown = {"HX-Current-URL": "http://testserver/instances/?q=web&size=50"}
    answer = client.get(URL, {"q": "webs"}, headers=htmx | shown)
    back = answer["HX-Redirect"].partition("?next=")[2]
    assert back == "%2Finstances%2F%3Fq%3Dweb%26size%3D50"
    away = {"HX-Current-URL": "https://elsewhere.test/x"}
    assert client.get(URL, headers=htmx | away)["HX-Redirect"].endswith("next=%2F")


def test_it_rejects_other_methods(browser):
    assert browser.post(URL).status_code == 405


def test_it_hides_instances_of_other_users(browser, bob):
    InstanceFactory(owner=bob)
    assert names(browser.get(URL)) == []


def test_it_hides_terminated_instances(admin_browser):
    InstanceFactory(terminated_at=now())
    assert names(admin_browser.get(URL, {"access": "account"})) == []


def test_an_administrator_sees_their_own_by_default(admin_browser, admin, bob):
    InstanceFactory(owner=bob)
    InstanceFactory(owner=admin, name="mine")
    assert names(admin_browser.get(URL)) == ["mine"]


def test_an_administrator_can_choose_the_account(admin_browser, bob):
    InstanceFactory(owner=bob, name="bobs")
    assert names(admin_browser.get(URL, {"access": "account"})) == ["bobs"]


def test_the_access_filter_is_labelled_and_remembers_the_choice(admin_browser):
    page = compact(admin_browser.get(URL, {"access": "account"}))
    assert '<label for="access">Access filter</label>' in page
    assert '<option value="account" selected>Account</option>' in page


def test_an_end_user_only_gets_their_own_instances(browser, alice, bob):
    InstanceFactory(owner=bob)
    InstanceFactory(owner=alice, name="mine")
    response = browser.get(URL, {"access": "account"})
    assert names(response) == ["mine"]
    assert "Only administrators" in compact(response)
    assert 'value="account"' not in compact(response)


def test_it_answers_htmx_with_the_table_alone(browser, alice, htmx):
    InstanceFactory(owner=alice)
    response = browser.get(URL, headers=htmx)
    assert response.content.strip().startswith(b'<div id="instance-table"')
    assert "HX-Request" in response["Vary"]


def test_the_access_filter_answers_with_the_whole_list(browser, htmx):
    target = {**htmx, "HX-Target": "instance-list"}
    response = browser.get(URL, headers=target)
    assert response.content.strip().startswith(b'<div class="stack" id="instance-list"')


def test_every_column_of_the_list_has_its_heading(browser, alice):
    InstanceFactory(owner=alice)
    page = compact(browser.get(URL))
    for heading in (
        "Instance name / ID",
        "Status",
        "Product name",
        "Version name",
        "Owner",
        "Stack region",
        "Created time",
        "Operation",
    ):
        assert f">{heading}</th>" in page or f">{heading} <svg" in page


def test_an_idle_instance_can_be_updated_and_terminated(browser, alice):
    instance = InstanceFactory(owner=alice)
    page = compact(browser.get(URL))
    assert f'href="/instances/{instance.pk}/update/"' in page
    assert f'href="/instances/{instance.pk}/terminate/"' in page
    assert "aria-disabled" not in page


def test_an_instance_under_change_shows_progress_and_why_it_is_blocked(browser, alice):
    task = running(InstanceFactory(owner=alice))
    page = compact(browser.get(URL))
    assert '<progress value="7" max="11"' in page
    assert "7 of 11 resources" in page
    assert f'href="{task.get_absolute_url()}"' in page
    assert page.count('aria-disabled="true" aria-describedby="instance-busy"') == 2
    assert f'href="/instances/{task.instance_id}/update/"' not in page


def test_only_rows_under_change_poll(browser, alice):
    InstanceFactory(owner=alice)
    running(InstanceFactory(owner=alice))
    assert browser.get(URL).content.count(b"tick from:body") == 1


def test_a_row_shows_the_status_words_of_the_api(browser, alice):
    failed(InstanceFactory(owner=alice))
    instance = InstanceFactory(owner=alice)
    page = compact(browser.get(URL))
    assert 'data-status="Error"' in page
    assert 'data-status="Available"' in page
    assert f'data-id="{instance.pk}"' in page


def test_a_hostile_name_is_shown_as_text(browser, alice):
    InstanceFactory(owner=alice, name="<script>alert(1)</script>\"'")
    page = compact(browser.get(URL))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;" in page


def test_it_sorts_by_created_time_both_ways(browser, alice):
    InstanceFactory(owner=alice, name="older", created_at=now() - timedelta(days=1))
    InstanceFactory(owner=alice, name="newer")
    response = browser.get(URL, {"sort": "created"})
    assert names(response) == ["older", "newer"]
    assert b'aria-sort="ascending"' in response.content
    assert b'aria-sort="descending"' in browser.get(URL).content


def test_pages_follow_each_other_without_gaps(browser, alice):
    created = [InstanceFactory(owner=alice).name for _ in range(25)]
    first = browser.get(URL, {"size": "10"})
    second = browser.get(URL, {"size": "10", "cursor": first.context["page"].next})
    third = browser.get(URL, {"size": "10", "cursor": second.context["page"].next})
    seen = names(first) + names(second) + names(third)
    assert sorted(seen) == sorted(created)
    assert third.context["page"].next == ""


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=n1.9.%00", "size=-1", "sort=;drop", "access=root", "page=9"],
)
def test_invalid_url_parameters_are_ignored(browser, alice, query):
    InstanceFactory(owner=alice, name="here")
    response = browser.get(f"{URL}?{query}")
    assert response.status_code == 200
    assert names(response) == ["here"]


def test_the_title_counts_the_scope(browser, alice):
    InstanceFactory.create_batch(3, owner=alice)
    page = compact(browser.get(URL))
    assert 'id="instance-count">3</span>' in page


def test_facets_count_each_status_of_the_scope(browser, alice):
    InstanceFactory.create_batch(2, owner=alice)
    failed(InstanceFactory(owner=alice))
    facets = browser.get(URL, {"q": "nothing"}).context["instance_list"].facets
    assert [(facet.status, facet.count) for facet in facets] == [
        ("", "3"),
        ("UnderChange", "0"),
        ("Available", "2"),
        ("Error", "1"),
    ]


def test_an_empty_list_without_a_grant_says_so(browser):
    response = browser.get(URL)
    assert "You do not have access to any products yet." in response.content.decode()


def test_an_empty_list_with_a_grant_leads_to_the_products(browser, alice):
    PortfolioFactory(products=[VersionFactory().product], users=[alice])
    page = compact(browser.get(URL))
    assert "You have not launched any products yet." in page
    assert 'href="/products/"' in page


def test_an_empty_list_leads_an_administrator_to_the_account(admin_browser, alice):
    PortfolioFactory(products=[InstanceFactory(owner=alice).product])
    page = compact(admin_browser.get(URL))
    assert "set Access filter to Account" in page
    assert 'href="/instances/?access=account"' in page


def test_a_list_without_a_match_can_reset_its_filters(browser, alice):
    InstanceFactory(owner=alice)
    page = browser.get(URL, {"q": "zebra"}).content.decode()
    assert "No instances match these filters." in page
    assert "Clear filters" in page


def test_an_empty_account_says_so(admin_browser):
    page = admin_browser.get(URL, {"access": "account"}).content.decode()
    assert "No products have been launched in this account yet." in page


def test_it_works_without_javascript(browser, alice):
    InstanceFactory(owner=alice)
    page = compact(browser.get(URL))
    assert (
        '<form class="toolbar" id="instance-toolbar" role="search" method="get"' in page
    )
    assert "<noscript><button" in page


@pytest.mark.parametrize("rows", [1, 30])
def test_the_page_takes_six_queries_however_many_rows(
    admin_browser, django_assert_max_num_queries, rows
):
    InstanceFactory.create_batch(rows)
    with django_assert_max_num_queries(6):
        admin_browser.get(URL, {"access": "account"})


@pytest.mark.parametrize("rows", [1, 30])
def test_the_fragment_takes_five_queries_even_when_filtered(
    admin_browser, htmx, django_assert_max_num_queries, rows
):
    version = VersionFactory()
    InstanceFactory.create_batch(rows, version=version)
    query = {
        "access": "account",
        "product": version.product_id,
        "region": "cn-hangzhou",
    }
    with django_assert_max_num_queries(5):
        admin_browser.get(URL, query, headers=htmx)


def test_twenty_rows_fit_into_15_kb_compressed(browser, alice):
    InstanceFactory.create_batch(20, owner=alice)
    page = browser.get(URL).content
    assert len(gzip.compress(page)) <= 15 * 1024


# GET /instances/<pk>/row/


def test_a_row_under_change_keeps_polling(browser, alice):
    task = running(InstanceFactory(owner=alice))
    response = browser.get(f"{URL}{task.instance_id}/row/")
    assert b"tick from:body" in response.content
    assert response.content.count(b"<tr") == 1


def test_an_unchanged_row_is_not_sent_again(browser, alice):
    task = running(InstanceFactory(owner=alice))
    url = f"{URL}{task.instance_id}/row/?seen=running.7.11"
    assert browser.get(url).status_code == 204


def test_a_row_stops_polling_when_its_task_ends(browser, alice):
    instance = InstanceFactory(owner=alice)
    response = browser.get(f"{URL}{instance.pk}/row/?seen=running.7.11")
    assert b"hx-trigger" not in response.content
    assert b'data-status="Available"' in response.content


def test_the_row_of_a_terminated_instance_is_removed(browser, alice):
    instance = InstanceFactory(owner=alice, terminated_at=now())
    response = browser.get(f"{URL}{instance.pk}/row/")
    assert (response.status_code, response.content) == (200, b"")


def test_a_row_whose_task_has_ended_reloads_the_facets(browser, alice, htmx):
    settled, gone = (
        InstanceFactory(owner=alice),
        InstanceFactory(owner=alice, terminated_at=now()),
    )
    changing = running(InstanceFactory(owner=alice)).instance
    events = [
        browser.get(f"{URL}{each.pk}/row/").headers.get("HX-Trigger", "")
        for each in (settled, gone, changing)
    ]
    assert ["row-settled" in event for event in events] == [True, True, False]
    assert b'hx-trigger="row-settled from:body"' in browser.get(URL).content
    counts = browser.get(URL, headers=htmx | {"HX-Trigger": "instance-facets"})
    assert b'id="instance-count" hx-swap-oob="true">2</span>' in counts.content
    assert "HX-Push-Url" not in counts


def test_a_row_of_another_users_instance_is_a_404(browser, bob):
    foreign = browser.get(f"{URL}{InstanceFactory(owner=bob).pk}/row/")
    missing = browser.get(f"{URL}pp-bp100000000000/row/")
    assert foreign.status_code == missing.status_code == 404


def test_a_row_takes_three_queries(browser, alice, django_assert_max_num_queries):
    task = running(InstanceFactory(owner=alice))
    with django_assert_max_num_queries(3):
        browser.get(f"{URL}{task.instance_id}/row/")


def test_a_group_member_sees_the_instances_of_the_group(browser, alice):
    role = RoleFactory(name="Data team")
    alice.groups.add(role)
    InstanceFactory(owner=None, owner_role=role)
    [row] = browser.get(URL).context["rows"]
    assert row["owner"] == "Data team"
