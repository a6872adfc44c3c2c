"""GET and POST /instances/<pk>/terminate/"""

import pytest
from django.utils.timezone import now

from console.lib.audit import AuditEntry
from instances.models import Instance, Task
from tests.factories import InstanceFactory
from tests.instances.running import running
from tests.markup import compact

pytestmark = pytest.mark.django_db


@pytest.fixture
def dialog(instance):
    return f"/instances/{instance.pk}/terminate/"


def status_of(instance):
    return Instance.objects.get(pk=instance.pk).status


def test_it_shows_the_instance_and_the_resources_to_destroy(browser, instance, dialog):
    instance.resources.create(address="a.web", name="web", type="a", status="X")
    page = browser.get(dialog).content.decode()
    for text in (
        "Terminate product instance",
        "orders",
        instance.pk,
        "a.web",
        "cannot be undone",
        "removed from the instance list",
        "Terminate Instance",
    ):
        assert text in page


def test_it_counts_the_resources_that_it_does_not_list(browser, instance, dialog):
    for number in range(25):
        instance.resources.create(
            address=f"a.{number:02}", name="a", type="a", status="X"
        )
    page = browser.get(dialog).content.decode()
    assert "a.19" in page
    assert "a.20" not in page
    assert "and 5 more" in page


def test_the_form_changes_nothing(browser, instance, dialog):
    browser.get(dialog, {"confirm": "terminate"})
    assert status_of(instance) == "Available"
    assert not Task.objects.exists()


def test_it_requires_login(client, instance, dialog):
    assert client.post(dialog, {"confirm": "terminate"}).status_code == 302
    assert status_of(instance) == "Available"


def test_it_rejects_other_methods(browser, dialog):
    assert browser.put(dialog).status_code == 405


def test_htmx_gets_a_dialog(browser, dialog, htmx):
    page = browser.get(dialog, headers=htmx).content
    assert page.startswith(b'<dialog class="dialog" id="terminate-dialog" data-dialog')


def test_the_word_starts_the_termination(browser, instance, dialog):
    response = browser.post(dialog, {"confirm": "terminate"})
    assert response["Location"] == "/instances/#instances"
    task = Task.objects.get(instance=instance)
    assert task.kind == Task.Kind.TERMINATE
    assert status_of(instance) == "UnderChange"


@pytest.mark.parametrize(
    "word", [" terminate ", "TERMINATE", "Terminate\u200b", "\tterminate\n"]
)
def test_case_and_spaces_are_ignored(browser, instance, dialog, word):
    browser.post(dialog, {"confirm": word})
    assert status_of(instance) == "UnderChange"


@pytest.mark.parametrize(
    "word", ["", "terminat", "terminate now", "delete", "t erminate"]
)
def test_any_other_word_is_refused(browser, instance, dialog, word):
    response = browser.post(dialog, {"confirm": word})
    assert response.status_code == 422
    page = compact(response)
    assert "Enter terminate to confirm. The instance has not been changed." in page
    assert "<title>Error: " in page
    assert status_of(instance) == "Available"
    assert not Task.objects.exists()


def test_an_empty_word_is_refused(browser, instance, dialog):
    assert browser.post(dialog).status_code == 422
    assert status_of(instance) == "Available"


def test_a_wrong_word_is_kept_and_escaped(browser, dialog):
    page = compact(browser.post(dialog, {"confirm": '"><b>x'}))
    assert 'value="&quot;&gt;&lt;b&gt;x"' in page
    assert 'aria-invalid="true"' in page


def test_a_wrong_word_stays_in_the_dialog(browser, dialog, htmx):
    response = browser.post(dialog, {"confirm": "no"}, headers=htmx)
    assert response.status_code == 422
    assert response.content.startswith(b'<dialog class="dialog" id="terminate-dialog"')


def test_success_redirects_from_the_dialog_to_the_list(browser, dialog, htmx):
    response = browser.post(dialog, {"confirm": "terminate"}, headers=htmx)
    assert response["HX-Redirect"] == "/instances/#instances"


@pytest.mark.parametrize("query", ["", "?access=account", "?access=account&q=ord"])
def test_the_dialog_on_the_list_loads_the_same_list_again(
    admin_browser, dialog, htmx, query
):
    shown = {"HX-Current-URL": f"http://testserver/instances/{query}"}
    answer = admin_browser.post(dialog, {"confirm": "terminate"}, headers=htmx | shown)
    # With a fragment the browser would only scroll there, and the dialog would stay open.
    assert answer["HX-Redirect"] == f"/instances/{query}"


def test_the_page_leads_back_to_the_filtered_list(browser, dialog):
    filtered = "/instances/?status=Available&q=ord"
    page = browser.get(dialog, headers={"Referer": f"http://testserver{filtered}"})
    assert page.context["back"] == filtered
    sent = {"confirm": "terminate", "next": filtered}
    assert browser.post(dialog, sent)["Location"] == f"{filtered}#instances"
    away = {"confirm": "terminate", "next": "https://elsewhere.test/instances/"}
    assert browser.post(dialog, away).status_code == 409


def test_the_list_announces_it(browser, dialog):
    browser.post(dialog, {"confirm": "terminate"})
    assert (
        "Termination of orders has started."
        in browser.get("/instances/").content.decode()
    )


def test_a_termination_for_another_user_returns_to_the_account(admin_browser, dialog):
    response = admin_browser.post(dialog, {"confirm": "terminate"})
    assert response["Location"] == "/instances/?access=account#instances"


def test_a_refusal_is_shown_in_the_dialog(browser, instance, dialog, htmx):
    task = running(instance)
    response = browser.post(dialog, {"confirm": "terminate"}, headers=htmx)
    assert response.status_code == 409
    assert response.content.startswith(b'<dialog class="dialog" id="terminate-dialog"')
    assert task.pk in response.content.decode()
    assert Task.objects.count() == 1


def test_an_instance_of_another_user_is_a_404(browser, bob):
    foreign = InstanceFactory(owner=bob)
    url = f"/instances/{foreign.pk}/terminate/"
    assert browser.get(url).status_code == 404
    assert browser.post(url, {"confirm": "terminate"}).status_code == 404
    assert status_of(foreign) == "Available"


def test_an_administrator_can_terminate_instances_of_other_users(
    admin_browser, instance, dialog
):
    admin_browser.post(dialog, {"confirm": "terminate"})
    assert status_of(instance) == "UnderChange"
    assert AuditEntry.objects.get(target_id=instance.pk).actor_name == "admin"


def test_a_terminated_instance_cannot_be_terminated_again(
    admin_browser, instance, dialog
):
    Instance.objects.filter(pk=instance.pk).update(terminated_at=now())
    assert admin_browser.post(dialog, {"confirm": "terminate"}).status_code == 409


def test_it_works_without_javascript(browser, dialog):
    page = compact(browser.get(dialog))
    assert f'method="post" action="{dialog}"' in page
    assert "csrfmiddlewaretoken" in page
    assert '<button class="button button--danger" type="submit">' in page


def test_it_takes_six_queries(browser, instance, dialog, django_assert_max_num_queries):
    for number in range(30):
        instance.resources.create(address=f"a.{number}", name="a", type="a", status="X")
    with django_assert_max_num_queries(6):
        browser.get(dialog)
