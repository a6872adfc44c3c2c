"""GET /instances/<pk>/"""

import re

import pytest
from django.utils.timezone import now

from instances.models import Instance, Task
from tests.factories import (
    InstanceFactory,
    PortfolioFactory,
    TaskFactory,
    VersionFactory,
)
from tests.instances.running import failed, log, running, with_task
from tests.markup import compact

pytestmark = pytest.mark.django_db


@pytest.fixture
def detail(instance):
    return f"/instances/{instance.pk}/"


def test_it_shows_the_ten_fields_in_the_vendors_order(browser, detail):
    page = compact(browser.get(detail))
    section = page[page.index("Product instance information") :]
    assert re.findall(r"<dt>(.+?)</dt>", section)[:10] == [
        "Product instance ID",
        "Instance status",
        "Owner",
        "Created time",
        "Product name",
        "Version name",
        "Product ID",
        "Version ID",
        "Stack region",
        "Resource stack ID",
    ]


def test_the_fields_have_the_values_of_the_instance(browser, detail, instance):
    page = browser.get(detail).content.decode()
    for fact in (
        instance.pk,
        instance.product_id,
        instance.version_id,
        instance.version.name,
        str(instance.stack_id),
        "China (Hangzhou)",
        "cn-hangzhou",
    ):
        assert fact in page


def test_it_requires_login(client, detail):
    assert client.get(detail)["Location"].startswith("/accounts/login/")


def test_it_rejects_other_methods(browser, detail):
    assert browser.post(detail).status_code == 405


def test_a_foreign_instance_is_a_missing_instance(browser, bob):
    foreign = browser.get(f"/instances/{InstanceFactory(owner=bob).pk}/")
    missing = browser.get("/instances/pp-bp100000000000/")
    assert foreign.status_code == missing.status_code == 404
    ids = re.compile(rb"[0-9A-F]{8}-[0-9A-F-]{27}|pp-bp1\w{11}|\b\w{64}\b")
    assert ids.sub(b"", foreign.content) == ids.sub(b"", missing.content)


def test_an_administrator_sees_instances_of_other_users(admin_browser, detail):
    assert admin_browser.get(detail).status_code == 200


def test_a_terminated_instance_is_not_found_by_its_owner(browser, instance, detail):
    Instance.objects.filter(pk=instance.pk).update(terminated_at=now())
    assert browser.get(detail).status_code == 404


def test_an_administrator_reads_the_history_of_a_terminated_instance(
    admin_browser, instance, detail
):
    with_task(instance, kind=Task.Kind.TERMINATE, ended=True)
    Instance.objects.filter(pk=instance.pk).update(terminated_at=now())
    page = admin_browser.get(detail).content.decode()
    assert "This instance has been terminated" in page
    assert "Terminate instance" in page
    assert "/update/" not in page
    assert "/terminate/" not in page


def test_it_answers_htmx_with_its_fragment(browser, detail, htmx):
    response = browser.get(detail, headers=htmx)
    assert response.content.strip().startswith(
        b'<div class="stack" id="instance-detail"'
    )


def test_the_header_repeats_the_status(browser, detail):
    page = compact(browser.get(detail))
    heading = re.search(r"<h1>.*?</h1>", page, re.DOTALL)
    assert heading
    assert 'data-status="Available"' in heading[0]


def test_an_error_shows_its_reason(browser, instance, detail):
    task = failed(instance)
    Instance.objects.filter(pk=instance.pk).update(
        status_message="Error: no such image"
    )
    page = browser.get(detail).content.decode()
    assert page.count("Error: no such image") == 1
    assert task.pk in page


def test_actions_are_links_while_nothing_runs(browser, detail, instance, alice):
    PortfolioFactory(products=[instance.product], users=[alice])
    page = compact(browser.get(detail))
    assert f'href="{detail}update/"' in page
    assert f'href="{detail}terminate/"' in page


def test_an_owner_without_access_to_the_product_can_only_terminate(browser, detail):
    page = compact(browser.get(detail))
    assert "This product is no longer shared with you" in page
    assert f'href="{detail}update/"' not in page
    assert f'href="{detail}terminate/"' in page


def test_an_administrator_can_update_without_a_grant(admin_browser, detail):
    page = compact(admin_browser.get(detail))
    assert "no longer shared" not in page
    assert f'href="{detail}update/"' in page


def test_disabled_actions_show_the_reason(browser, instance, detail):
    task = running(instance)
    page = compact(browser.get(detail))
    assert page.count('aria-disabled="true" aria-describedby="instance-busy"') == 2
    assert f"Task {task.pk} is running." in page
    assert f'href="{detail}terminate/"' not in page


def test_it_names_the_version_it_is_updating_to(browser, instance, detail):
    newer = VersionFactory(product=instance.product, name="v2.4.0")
    running(instance, kind=Task.Kind.UPDATE, version=newer)
    assert "updating to v2.4.0" in browser.get(detail).content.decode()


def test_hostile_texts_are_shown_as_text(browser, alice):
    instance = InstanceFactory(owner=alice, name="<img src=x onerror=alert(1)>")
    failed(instance, message="<svg onload=alert(2)>")
    page = compact(browser.get(f"/instances/{instance.pk}/"))
    assert "<img src=x" not in page
    assert "<svg onload" not in page


def test_it_takes_eight_queries(
    browser, instance, detail, django_assert_max_num_queries
):
    for _ in range(5):
        TaskFactory(instance=instance, ended=True)
    log(running(instance), "one")
    with django_assert_max_num_queries(8):
        browser.get(detail)


# GET /instances/<pk>/status/


def test_an_idle_page_does_not_poll(browser, detail):
    assert b"tick from:body" not in browser.get(detail).content


def test_a_page_under_change_polls_its_status(browser, instance, detail):
    running(instance)
    page = compact(browser.get(detail))
    assert f'hx-get="{detail}status/?seen=' in page
    assert '<input type="hidden" name="tab" value="tasks">' in page


def test_an_unchanged_status_is_not_sent_again(browser, instance, detail):
    running(instance)
    seen = browser.get(detail).context["progress"].poll_token
    assert browser.get(f"{detail}status/", {"seen": seen}).status_code == 204


def test_progress_updates_the_header_and_the_expanded_task(browser, instance, detail):
    running(instance, done=8)
    answer = browser.get(
        f"{detail}status/", {"seen": "old", "tab": "tasks", "open": "1"}
    )
    page = compact(answer)
    assert page.strip().startswith('<div class="stack" id="instance-head"')
    assert 'id="task-progress" hx-swap-oob="true"' in page
    assert "8 of 11 resources" in page


def test_progress_updates_the_counts_of_the_tabs(browser, instance, detail):
    running(instance)
    assert b"hx-swap-oob" not in browser.get(detail).content
    instance.resources.create(address="a.b", type="a", name="b")
    page = compact(browser.get(f"{detail}status/", {"seen": "old", "tab": "tags"}))
    assert 'id="instance-tab-links"' in page
    count = re.search(r"Resources <span class=\"tabs__count\">(\d+)", page)
    assert count[1] == "1"


def test_progress_updates_the_resources_tab(browser, instance, detail):
    running(instance)
    instance.resources.create(address="a.b", type="a", name="b", physical_id="i-77")
    query = {"seen": "old", "tab": "resources"}
    page = compact(browser.get(f"{detail}status/", query))
    assert '<div id="instance-resources" hx-swap-oob="true">' in page
    assert "i-77" in page
    other = compact(browser.get(f"{detail}status/", query | {"tab": "tags"}))
    assert "i-77" not in other


def test_a_running_task_has_no_duration_in_the_list(browser, instance, detail):
    running(instance)
    row = re.search(
        r'<tr role="row" id="task-row-.+?</tr>',
        compact(browser.get(detail)),
        re.S,
    )
    assert "3.0 s" not in row[0]


def test_the_end_of_the_task_updates_the_page_and_stops_polling(
    browser, instance, detail
):
    with_task(instance, ended=True)
    answer = browser.get(f"{detail}status/", {"seen": "old", "tab": "resources"})
    assert answer["HX-Retarget"] == "#instance-detail"
    assert b'id="instance-resources"' in answer.content
    assert b"tick from:body" not in answer.content


def test_the_end_of_a_termination_redirects_its_owner_to_the_list(
    browser, instance, detail, htmx
):
    Instance.objects.filter(pk=instance.pk).update(terminated_at=now())
    answer = browser.get(f"{detail}status/", headers=htmx)
    assert answer["HX-Redirect"] == "/instances/"


def test_the_status_of_a_foreign_instance_is_a_404(browser, bob):
    assert (
        browser.get(f"/instances/{InstanceFactory(owner=bob).pk}/status/").status_code
        == 404
    )


def test_a_status_answer_takes_five_queries(
    browser, instance, detail, django_assert_max_num_queries
):
    running(instance)
    with django_assert_max_num_queries(5):
        browser.get(f"{detail}status/")
