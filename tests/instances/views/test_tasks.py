"""GET /instances/<pk>/tasks/<task>/ and its output, parameters and cancellation"""

import pytest

from console.lib.audit import AuditEntry
from instances.models import Task
from tests.factories import (
    InstanceFactory,
    TaskFactory,
    version_of,
)
from tests.instances.running import failed, log, running, with_task
from tests.markup import compact

pytestmark = pytest.mark.django_db

SECRET_TF = """\
variable "size" {
  type = number
}

variable "secret_key" {
  type      = string
  sensitive = true
}
"""


@pytest.fixture
def task(instance):
    return with_task(instance, ended=True)


def text_of(browser, task, place=""):
    return compact(browser.get(f"{task.get_absolute_url()}{place}"))


PLACES = ("", "log/", "output/", "parameters/", "progress/", "log/download/", "cancel/")


@pytest.mark.parametrize("place", PLACES)
def test_each_page_requires_login(client, task, place):
    assert client.get(f"{task.get_absolute_url()}{place}").status_code == 302


@pytest.mark.parametrize("place", PLACES)
def test_each_page_of_another_users_task_is_a_404(browser, bob, place):
    foreign = TaskFactory(instance=InstanceFactory(owner=bob))
    assert browser.get(f"{foreign.get_absolute_url()}{place}").status_code == 404


@pytest.mark.parametrize("place", PLACES)
def test_a_task_is_only_found_through_its_own_instance(browser, alice, task, place):
    other = InstanceFactory(owner=alice)
    url = f"/instances/{other.pk}/tasks/{task.pk}/{place}"
    assert browser.get(url).status_code == 404


@pytest.mark.parametrize("place", ["", "output/", "parameters/", "log/"])
def test_reading_a_task_rejects_other_methods(browser, task, place):
    assert browser.post(f"{task.get_absolute_url()}{place}").status_code == 405


@pytest.mark.parametrize("place", ["", "output/", "parameters/", "log/"])
def test_each_tab_answers_htmx_with_the_fragment(browser, task, htmx, place):
    response = browser.get(f"{task.get_absolute_url()}{place}", headers=htmx)
    assert response.content.strip().startswith(b'<div class="stack" id="task-detail"')


@pytest.mark.parametrize("place", PLACES[:5])
def test_each_tab_takes_eight_queries(
    browser, task, place, django_assert_max_num_queries
):
    with django_assert_max_num_queries(8):
        browser.get(f"{task.get_absolute_url()}{place}")


def test_it_shows_the_fields_of_the_task(browser, task):
    page = text_of(browser, task)
    for fact in (task.pk, "Launch product", task.version.name, task.version_id):
        assert fact in page
    assert 'data-status="Succeeded"' in page


def test_a_failed_task_shows_the_reason_above_its_log(browser, instance):
    task = failed(instance, message="Error: quota")
    log(task, "last words")
    page = text_of(browser, task)
    assert page.index("Error: quota") < page.index("last words")
    assert '<li data-state="failed"' in page


def test_a_running_task_shows_its_progress(browser, instance):
    page = text_of(browser, running(instance))
    assert "7 of 11 resources" in page
    assert "last worker heartbeat" in page
    assert '<li data-state="now" aria-current="step"' in page


def test_a_queued_task_says_so(browser, instance):
    page = text_of(browser, with_task(instance))
    assert "Waiting for a worker" in page


def test_a_task_without_a_total_has_no_percentage(browser, instance):
    page = text_of(browser, running(instance, total=None))
    assert "Calculating changes" in page
    assert '<progress max="100"' in page


def test_an_executed_saved_plan_skips_the_planning_step(browser, instance):
    page = text_of(browser, running(instance))
    assert "Initialize providers" in page
    assert "Calculate changes" not in page


def test_a_termination_removes_resources(browser, instance):
    page = text_of(browser, running(instance, kind=Task.Kind.TERMINATE))
    assert "Destroy resources" in page


# progress/


def test_a_running_task_polls_and_an_ended_one_does_not(browser, instance, task):
    assert "tick from:body" not in text_of(browser, task)
    assert "progress/?tab=log" in text_of(browser, running(instance))


def test_unchanged_progress_is_not_sent_again(browser, instance):
    task = running(instance)
    seen = browser.get(task.get_absolute_url()).context["progress"].poll_token
    url = f"{task.get_absolute_url()}progress/"
    assert browser.get(url, {"seen": seen}).status_code == 204
    assert browser.get(url, {"seen": "old"}).status_code == 200


def test_the_end_updates_the_page_and_stops_polling(browser, task):
    answer = browser.get(f"{task.get_absolute_url()}progress/", {"tab": "output"})
    assert answer["HX-Retarget"] == "#task-detail"
    assert b'id="task-output"' in answer.content
    assert b"tick from:body" not in answer.content


# output/


def test_outputs_are_shown_with_their_description(browser, task):
    task.outputs.create(key="url", value="http://<web>", description="Where it is")
    page = text_of(browser, task, "output/")
    assert "http://&lt;web&gt;" in page
    assert "Where it is" in page


def test_an_output_that_is_a_list_is_shown_as_json(browser, task):
    task.outputs.create(key="zones", value=["a", "b"])
    page = browser.get(f"{task.get_absolute_url()}output/").content.decode()
    assert "&quot;a&quot;,\n" in page


def test_a_secret_output_is_never_shown(browser, admin_browser, task):
    task.outputs.create(key="password", sensitive=True, secret_value="hunter2-hunter2")
    for reader in (browser, admin_browser):
        page = text_of(reader, task, "output/")
        assert "password" in page
        assert "******" in page
        assert "hunter2" not in page


# parameters/


def test_parameters_are_shown_and_secret_ones_masked(browser, alice):
    version = version_of(SECRET_TF)
    task = with_task(
        InstanceFactory(owner=alice, version=version),
        ended=True,
        parameters={"size": 3},
        secrets={"secret_key": "hunter2-hunter2"},
        tags={"team": "web"},
    )
    page = text_of(browser, task, "parameters/")
    for text in ("size", ">3<", "secret_key", "******", "team", "web"):
        assert text in page
    assert "hunter2" not in page


# cancel/


def test_a_queued_task_is_canceled_at_once(browser, instance):
    task = with_task(instance, instance_status_before="Available")
    response = browser.post(f"{task.get_absolute_url()}cancel/")
    assert response["Location"] == task.get_absolute_url()
    task.refresh_from_db()
    assert task.status == Task.Status.FAILED
    assert AuditEntry.objects.filter(action="CancelTask", actor_name="alice").exists()


def test_a_running_task_gets_a_cancel_request(browser, instance):
    task = running(instance)
    browser.post(f"{task.get_absolute_url()}cancel/")
    task.refresh_from_db()
    assert task.state == Task.State.RUNNING
    assert task.cancel_requested_at
    assert "Cancellation requested" in text_of(browser, task)


def test_an_administrator_can_cancel_tasks_of_other_users(admin_browser, instance):
    task = running(instance)
    assert admin_browser.post(f"{task.get_absolute_url()}cancel/").status_code == 302


def test_another_user_cannot_cancel(browser, bob):
    task = running(InstanceFactory(owner=bob))
    assert browser.post(f"{task.get_absolute_url()}cancel/").status_code == 404
    task.refresh_from_db()
    assert task.cancel_requested_at is None


def test_an_ended_task_cannot_be_canceled(browser, task):
    assert browser.post(f"{task.get_absolute_url()}cancel/").status_code == 409


def test_the_confirmation_changes_nothing(browser, instance, htmx):
    task = running(instance)
    page = browser.get(f"{task.get_absolute_url()}cancel/").content
    dialog = browser.get(f"{task.get_absolute_url()}cancel/", headers=htmx).content
    assert b"Cancel this task?" in page
    assert dialog.startswith(
        b'<dialog class="dialog" id="task-cancel-dialog" data-dialog'
    )
    task.refresh_from_db()
    assert task.cancel_requested_at is None


def test_only_an_active_task_offers_to_cancel(browser, instance, task):
    assert "/cancel/" not in text_of(browser, task)
    assert "/cancel/" in text_of(browser, running(instance))
