"""GET /instances/<pk>/tasks|resources|tags|plans/"""

import pytest

from instances.models import Task
from tests.factories import (
    InstanceFactory,
    PlanFactory,
    PortfolioFactory,
    TaskFactory,
    VersionFactory,
)
from tests.instances.running import failed, log, running, with_task
from tests.markup import compact

pytestmark = pytest.mark.django_db
TABS = ("tasks", "resources", "tags", "plans")


def tab_of(browser, instance, tab):
    return compact(browser.get(f"/instances/{instance.pk}/{tab}/"))


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_is_a_page_with_its_own_address(browser, instance, tab):
    text = tab_of(browser, instance, tab)
    assert f'href="/instances/{instance.pk}/{tab}/" aria-current="page"' in text
    assert f'<h2 class="hidden-visually" id="tab-heading">{tab.title()}</h2>' in text


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_of_a_foreign_instance_is_a_404(browser, bob, tab):
    foreign = InstanceFactory(owner=bob)
    assert browser.get(f"/instances/{foreign.pk}/{tab}/").status_code == 404


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_requires_login(client, instance, tab):
    assert client.get(f"/instances/{instance.pk}/{tab}/").status_code == 302


@pytest.mark.parametrize("tab", TABS)
def test_a_tab_takes_eight_queries(
    browser, instance, tab, django_assert_max_num_queries
):
    for number in range(25):
        TaskFactory(instance=instance, ended=True)
        PlanFactory(instance=instance)
        instance.resources.create(address=f"a.{number}", name="a", type="t", status="X")
        instance.tags.create(key=f"k{number}", value="v")
    with django_assert_max_num_queries(8):
        browser.get(f"/instances/{instance.pk}/{tab}/")


def test_tabs_show_their_counts(browser, instance):
    TaskFactory(instance=instance, ended=True)
    PlanFactory(instance=instance)
    PlanFactory(instance=instance, draft=True)
    instance.tags.create(key="team", value="web")
    tabs = browser.get(f"/instances/{instance.pk}/").context["tabs"]
    assert {tab.name: tab.count for tab in tabs} == {
        "tasks": "1",
        "resources": "0",
        "tags": "1",
        "plans": "1",
    }


def test_tasks_have_the_vendors_columns_and_operations(browser, instance):
    task = with_task(instance, kind=Task.Kind.UPDATE, ended=True)
    text = tab_of(browser, instance, "tasks")
    for heading in (
        "Task ID",
        "Task Type",
        "Version name",
        "Version ID",
        "Created time",
        "Task status",
    ):
        assert f">{heading}</th>" in text
    assert "Update instance" in text
    for operation, place in (
        ("View output", "output"),
        ("Parameter", "parameters"),
        ("Log", "log"),
    ):
        assert f'href="{task.get_absolute_url()}{place}/">{operation}</a>' in text


def test_a_task_that_succeeded_is_not_expanded(browser, instance):
    log(with_task(instance, ended=True), "a line")
    assert "a line" not in tab_of(browser, instance, "tasks")


def test_the_running_task_is_expanded(browser, instance):
    log(running(instance), "creating")
    text = tab_of(browser, instance, "tasks")
    assert "7 of 11 resources" in text
    assert "63%" in text
    assert "Live log" in text
    assert "creating" in text
    assert "Apply changes" in text


def test_a_failed_task_shows_the_reason_above_its_log(browser, instance):
    log(failed(instance, message="Error: quota"), "last words")
    text = tab_of(browser, instance, "tasks")
    assert text.index("Error: quota") < text.index("last words")
    assert "tick from:body" not in text


def test_resources_have_the_vendors_columns(browser, instance):
    instance.resources.create(
        address="terraform_data.web[0]",
        name="web",
        type="terraform_data",
        physical_id="i-123",
        status="CREATE_FAILED",
        reason="no <quota>",
    )
    text = tab_of(browser, instance, "resources")
    for heading in (
        "Resource Name/Resource Type",
        "Resource ID",
        "Resource status",
        "Description",
    ):
        assert f">{heading}</th>" in text
    for value in ("web", "terraform_data", "i-123", "no &lt;quota&gt;"):
        assert value in text
    assert 'data-status="CREATE_FAILED"' in text


def test_tags_show_key_and_value(browser, instance):
    instance.tags.create(key="team", value="<web>")
    text = tab_of(browser, instance, "tags")
    assert "team" in text
    assert "&lt;web&gt;" in text


def test_plans_have_the_vendors_columns(browser, instance, alice):
    plan = PlanFactory(
        instance=instance, owner=alice, name="grow", description="more disks"
    )
    text = tab_of(browser, instance, "plans")
    for heading in (
        "PlanID",
        "OperationType",
        "PlanName",
        "Owner",
        "PlanStatus",
        "Description",
    ):
        assert f">{heading}</th>" in text
    for value in (plan.pk, "grow", "more disks", "Launch product", "alice"):
        assert value in text


def test_drafts_are_not_plans(browser, instance):
    plan = PlanFactory(instance=instance, draft=True)
    assert plan.pk not in tab_of(browser, instance, "plans")


@pytest.mark.parametrize("tab", TABS)
def test_an_empty_tab_says_so(browser, instance, tab):
    assert f"This instance has no {tab}." in tab_of(browser, instance, tab)


def test_tasks_are_paginated(browser, instance):
    for _ in range(25):
        TaskFactory(instance=instance, ended=True)
    response = browser.get(f"/instances/{instance.pk}/tasks/")
    assert len(response.context["page"].rows) == 20
    cursor = response.context["page"].next
    rest = browser.get(f"/instances/{instance.pk}/tasks/", {"cursor": cursor})
    assert len(rest.context["page"].rows) == 5


# htmx


def swapped(browser, url, target, htmx):
    answer = browser.get(url, headers=htmx | {"HX-Target": target})
    return compact(answer)


@pytest.mark.parametrize("tab", TABS)
def test_htmx_swaps_the_panel_with_its_title(browser, instance, htmx, tab):
    url = f"/instances/{instance.pk}/{tab}/"
    html = swapped(browser, url, "instance-tabs", htmx)
    assert html.lstrip().startswith('<section class="card" id="instance-tabs">')
    assert 'id="instance-head"' not in html
    assert f'<input type="hidden" name="tab" value="{tab}">' in html
    assert f"<title>{tab.title()} · {instance.name} · Service Catalog</title>" in html
    page = compact(browser.get(url))
    assert f"<title>{tab.title()} · {instance.name} · Service Catalog</title>" in page
    assert page.count("<title>") == 1
    # The link works without JavaScript, and htmx pushes the same URL.
    assert f'href="{url}" aria-current="page" hx-get="{url}"' in page
    assert 'hx-target="#instance-tabs" hx-swap="outerHTML" hx-push-url="true"' in page


def test_the_header_polls_for_the_current_tab(browser, instance):
    running(instance)
    html = tab_of(browser, instance, "tags")
    assert 'hx-include="#instance-tabs > input"' in html
    assert 'hx-sync="#instance-tabs:drop"' in html


@pytest.mark.parametrize("tab", ["log", "output", "parameters"])
def test_the_tabs_of_a_task_are_swapped_too(browser, instance, htmx, tab):
    task = TaskFactory(instance=instance, ended=True)
    url = f"/instances/{instance.pk}/tasks/{task.pk}/{tab}/"
    html = swapped(browser, url, "task-tabs", htmx)
    assert html.lstrip().startswith('<section class="card" id="task-tabs">')
    assert f"<title>{tab.title()} · Launch product · {instance.name} · " in html
    assert f'id="task-tab-links-{tab}"' in html


def test_the_tabs_of_plans_are_swapped_too(browser, htmx):
    url = "/plans/?tab=history"
    html = swapped(browser, url, "plan-table", htmx)
    assert html.lstrip().startswith('<section class="card" id="plan-table">')
    assert "<title>Approval history · Plans · Service Catalog</title>" in html
    assert f'href="{url}" aria-current="page" hx-get="{url}"' in html


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("portfolio", "access/"),
        ("portfolio", "constraints/"),
        ("portfolio", "tag-options/"),
        ("version", "files/"),
        ("version", "compare/"),
    ],
)
def test_the_tabs_of_the_administration_select_their_panel(
    admin_browser, htmx, kind, path
):
    version = VersionFactory()
    here = f"/manage/products/{version.product_id}/versions/{version.pk}/"
    if kind == "portfolio":
        here = f"/manage/portfolios/{PortfolioFactory(products=[version.product]).pk}/"
    page = compact(admin_browser.get(here))
    assert f'hx-target="#{kind}-tabs" hx-select="#{kind}-tabs"' in page
    assert f'hx-get="{here}{path}"' in page
    answer = compact(admin_browser.get(f"{here}{path}", headers=htmx))
    # The answer has the element that htmx selects, and the title of the page.
    assert f'id="{kind}-tabs"' in answer
    assert "<title>" in answer
