"""The pages of a task that is queued, runs, or has lost its worker"""

import re
from datetime import timedelta

import pytest
from django.utils.timezone import now

from instances.models import Heartbeat, Task
from instances.presenters.task_progress import QueuePosition, heartbeat_text
from tests.factories import InstanceFactory, TaskFactory
from tests.instances.running import running, with_task
from tests.markup import compact

pytestmark = pytest.mark.django_db
STATUS_UNKNOWN = "data-status-unknown"


def heard(instance, seconds, **values):
    """Make a run with a heartbeat of this age in seconds; a lease is 30 seconds."""
    beat = now() - timedelta(seconds=seconds)
    lease = beat + timedelta(seconds=30)
    return running(instance, heartbeat_at=beat, lease_until=lease, **values)


def pages(browser, task):
    """Return the pages of the task and the instance, a row of the list, and their polls."""
    here = f"/instances/{task.instance_id}/"
    places = [task.get_absolute_url(), f"{task.get_absolute_url()}progress/", here]
    places += [f"{here}status/", "/instances/", f"{here}row/"]
    return {place: browser.get(place).content.decode() for place in places}


def test_a_run_with_a_valid_lease_is_not_unknown(browser, instance):
    for place, page in pages(browser, heard(instance, 4)).items():
        assert STATUS_UNKNOWN not in page, place
        if "task-progress" in page or 'id="instance-head"' in page:
            assert re.search(r"last worker heartbeat \d s ago", page), place


def test_a_run_with_an_expired_lease_is_unknown_on_each_page(browser, instance):
    for place, page in pages(browser, heard(instance, 45)).items():
        assert STATUS_UNKNOWN in page, place
        assert "Status unknown, checking" in page, place
        assert re.search(r"last worker heartbeat (4[5-9]|5\d) s ago", page), place
        for guessed in ("Failed", "Error", "Available"):
            assert f'data-status="{guessed}"' not in page, place
    task, row = browser.get(f"/instances/{instance.pk}/"), browser.get("/instances/")
    assert 'data-status="UnderChange"' in compact(task)
    assert 'data-status="UnderChange"' in compact(row)


@pytest.mark.parametrize("minutes", [20, -60])
def test_the_clock_of_the_web_host_is_not_used(browser, instance, monkeypatch, minutes):
    """Leases have the database's time, and are compared with it."""
    wrong = lambda: now() + timedelta(minutes=minutes)  # noqa: E731
    for module in ("django.utils.timezone", "instances.models.work"):
        monkeypatch.setattr(f"{module}.now", wrong)
    task = heard(instance, 4)
    for place, page in pages(browser, task).items():
        assert STATUS_UNKNOWN not in page, place
    assert re.search(
        r"last worker heartbeat \d s ago", pages(browser, task)[place_of(task)]
    )
    lost = heard(InstanceFactory(owner=instance.owner), 45)
    for place, page in pages(browser, lost).items():
        assert STATUS_UNKNOWN in page, place
        assert re.search(r"last worker heartbeat (4[5-9]|5\d) s ago", page), place


def place_of(task):
    return task.get_absolute_url()


def test_a_run_taken_over_is_no_longer_unknown(browser, instance):
    task = heard(instance, 45)
    Task.objects.claim("other", task.host)
    for place, page in pages(browser, task).items():
        assert STATUS_UNKNOWN not in page, place


def test_polling_shows_and_removes_the_unknown_status(browser, instance):
    task = heard(instance, 4)
    url, row = f"{task.get_absolute_url()}progress/", f"/instances/{instance.pk}/row/"
    seen = browser.get(task.get_absolute_url()).context["progress"].poll_token
    row_seen = browser.get("/instances/").context["rows"][0]["poll_token"]
    assert browser.get(row, {"seen": row_seen}).status_code == 204
    lost = now() - timedelta(seconds=1)
    Task.objects.filter(pk=task.pk).update(lease_until=lost)
    for place, known in ((url, seen), (row, row_seen)):
        assert STATUS_UNKNOWN in compact(browser.get(place, {"seen": known}))
    answer = browser.get(url, {"seen": seen})
    assert 'id="task-status-unknown" hx-swap-oob="true"' in compact(answer)
    Task.objects.filter(pk=task.pk).update(lease_until=now() + timedelta(seconds=30))
    again = browser.get(url, {"seen": answer.context["progress"].poll_token})
    assert STATUS_UNKNOWN not in compact(again)
    assert 'id="task-status-unknown" hx-swap-oob="true"' in compact(again)


def test_the_age_of_the_heartbeat_is_refreshed(browser, instance):
    task = heard(instance, 45)
    url = f"{task.get_absolute_url()}progress/"
    seen = browser.get(task.get_absolute_url()).context["progress"].poll_token
    Task.objects.filter(pk=task.pk).update(heartbeat_at=now() - timedelta(seconds=60))
    answer = browser.get(url, {"seen": seen})
    assert "last worker heartbeat 60 s ago" in answer.content.decode()


def test_an_old_heartbeat_is_shown_in_minutes():
    assert (
        heartbeat_text(now() - timedelta(minutes=7), now())
        == "last worker heartbeat 7 min ago"
    )
    assert heartbeat_text(None, now()) == "no worker heartbeat yet"
    assert (
        heartbeat_text(now() + timedelta(minutes=7), now())
        == "last worker heartbeat 0 s ago"
    )


def test_a_queued_task_shows_its_time_and_position(browser, instance):
    for _ in range(2):
        TaskFactory(turn=1)
    TaskFactory(turn=3)
    early = with_task(instance, turn=2)
    TaskFactory(turn=2, queued_at=early.queued_at + timedelta(minutes=1))
    page = compact(browser.get(early.get_absolute_url()))
    assert re.search(r"Waiting for a worker since \d\d:\d\d:\d\d\.", page)
    assert "2 tasks are ahead in the queue." in page
    assert 'data-queued="2"' in page
    assert Task.objects.queued().in_turn()[2] == early


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (0, "Cancellation requested. The task stops at the next safe point"),
        (1, "operations in progress are being completed"),
        (2, "operations in progress are being abandoned"),
        (3, "so it was forcibly ended"),
    ],
)
def test_the_page_shows_each_step_of_a_cancellation(browser, instance, step, sentence):
    task = running(instance, cancel_requested_at=now())
    seen = browser.get(task.get_absolute_url()).context["progress"].poll_token
    Task.objects.filter(pk=task.pk).update(stop_step=step)
    answer = browser.get(f"{task.get_absolute_url()}progress/", {"seen": seen})
    assert answer.status_code == (200 if step else 204)
    assert sentence in browser.get(task.get_absolute_url()).content.decode()


def test_the_first_task_of_the_queue_is_the_next(instance):
    assert (
        "This task is the next in the queue."
        in QueuePosition.of(with_task(instance)).text
    )


def test_a_task_of_a_full_region_is_not_the_next(instance, settings):
    settings.REGION_CONCURRENCY = 1
    first = running(InstanceFactory(region=instance.region))
    task = with_task(instance)
    held = QueuePosition.of(task)
    assert held.text.endswith(
        "The region runs the maximum number of tasks at the same time."
    )
    first.write(state=Task.State.ENDED, status=Task.Status.SUCCEEDED)
    assert QueuePosition.of(task).text.endswith("This task is the next in the queue.")
    assert QueuePosition.of(task).poll_token != held.poll_token


def test_a_missing_worker_is_reported(browser, instance):
    task = with_task(instance)
    page = browser.get(task.get_absolute_url()).content.decode()
    assert "No worker is running" in page
    Heartbeat.objects.beat("w-1", host="elsewhere", capacity=4, busy=0)
    answer = browser.get(f"{task.get_absolute_url()}progress/", {"seen": "old"})
    assert "No worker is running" not in answer.content.decode()
    Heartbeat.objects.update(at=now() - timedelta(minutes=1))
    seen = answer.context["progress"].poll_token
    again = browser.get(f"{task.get_absolute_url()}progress/", {"seen": seen})
    assert "No worker is running" in again.content.decode()


def test_the_page_of_a_queued_task_takes_few_queries(
    browser, instance, django_assert_max_num_queries
):
    task = with_task(instance)
    with django_assert_max_num_queries(8):
        browser.get(task.get_absolute_url())
    with django_assert_max_num_queries(8):
        browser.get(f"/instances/{instance.pk}/")
