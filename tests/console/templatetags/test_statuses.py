"""Statuses as icon and word, with the API's value for scripts; other display filters."""

import re
from datetime import timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone
from django.utils.translation import override

from catalog.models import Version
from console import assets
from console.templatetags import statuses
from console.templatetags.console import browser, duration, plain, relative_time
from instances.models import Instance, Plan, Task

PLAN_STATUSES = [
    *("PreviewInProgress", "PreviewSuccess", "PreviewFailed"),
    *("ApplicationInProgress", "ApplicationApproved", "ApplicationRejected"),
    *("ExecuteInProgress", "ExecuteSuccess", "ExecuteFailed", "Canceled"),
]
RESOURCE_STATUSES = [
    "INIT_COMPLETE",
    *(
        f"{verb}_{state}"
        for verb in ("CREATE", "UPDATE", "DELETE", "CHECK", "IMPORT")
        for state in ("IN_PROGRESS", "FAILED", "COMPLETE")
    ),
]
KNOWN = [
    *("Available", "UnderChange", "Error", "InProgress", "Succeeded", "Failed"),
    *PLAN_STATUSES,
    *RESOURCE_STATUSES,
]


def render(source, **context):
    return Template("{% load console %}" + source).render(Context(context))


@pytest.mark.parametrize("value", KNOWN)
def test_every_status_of_the_api_has_a_word_of_its_own(value):
    assert value in statuses.STATUSES


def test_two_statuses_of_a_plan_never_share_a_word():
    assert len({str(statuses.STATUSES[value].word) for value in PLAN_STATUSES}) == len(
        PLAN_STATUSES
    )


def test_every_icon_of_a_status_is_in_the_sprite():
    assert {status.icon for status in statuses.STATUSES.values()} <= assets.ICON_NAMES


@pytest.mark.parametrize("value", [*KNOWN, "SomethingNew"])
def test_a_status_carries_the_value_of_the_api(value):
    assert f'data-status="{value}"' in render("{% status value %}", value=value)


def test_a_status_shows_its_word():
    html = render("{% status value %}", value="UnderChange")
    assert re.sub(r"<[^>]+>", "", html).strip() == "Under change"


def test_an_unknown_status_is_shown_unchanged():
    html = render("{% status value %}", value="SomethingNew")
    assert re.sub(r"<[^>]+>", "", html).strip() == "SomethingNew"


def test_a_status_is_escaped():
    assert "<b>" not in render("{% status value %}", value="<b>")


@pytest.mark.parametrize(
    ("value", "tone"),
    [
        ("ROLLBACK_COMPLETE", "bad"),
        ("ROLLBACK_IN_PROGRESS", "busy"),
        ("IMPORT_ROLLBACK_FAILED", "bad"),
    ],
)
def test_a_stack_status_is_judged_by_its_ending(value, tone):
    assert statuses.status_of(value).tone == tone


def test_a_badge_has_the_tone_of_the_status():
    assert 'class="badge badge--bad"' in render('{% status "Failed" kind="badge" %}')


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (1.24, "1.2 s"),
        (45, "45 s"),
        (192, "3 min 12 s"),
        (7500, "2 h 5 min"),
        (timedelta(minutes=1), "1 min 0 s"),
    ],
)
def test_a_duration_has_at_most_two_units(value, text):
    assert duration(value) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=10), "just now"),
        (timedelta(hours=2, minutes=9), "2\xa0hours ago"),
        (timedelta(minutes=-3, seconds=-30), "in 3\xa0minutes"),
    ],
)
def test_a_time_is_relative_to_now(ago, text):
    assert relative_time(timezone.now() - ago) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(days=3, hours=1), "3\xa0天前"),
        (timedelta(days=70), "2\xa0个月前"),
        (timedelta(days=-1, minutes=-1), "1\xa0天后"),
    ],
)
def test_chinese_durations_use_words_for_days_and_months(ago, text):
    with override("zh-hans"):
        assert relative_time(timezone.now() - ago) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["password", "totp"], "password, totp"),
        ({"team": "data", "live": True}, "team = data, live = yes"),
        ({}, "–"),
        ([], "–"),
        (None, "–"),
        (0, "0"),
        ("x", "x"),
    ],
)
def test_a_recorded_value_is_formatted_for_display(value, text):
    assert plain(value) == text


MOZILLA = "Mozilla/5.0"


@pytest.mark.parametrize(
    ("agent", "text"),
    [
        (
            f"{MOZILLA} (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/150.0.0.0 Safari/537.36",
            "Chrome 150, Linux",
        ),
        (
            f"{MOZILLA} (Windows NT 10.0) Chrome/150.0.0.0 Safari/537.36 Edg/150.0",
            "Edge 150, Windows",
        ),
        (
            f"{MOZILLA} (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/6",
            "Safari 18, iOS",
        ),
        (f"{MOZILLA} (Macintosh; Mac OS X 15) Firefox/145.0", "Firefox 145, macOS"),
        ("curl/8.0", "curl/8.0"),
        ("", "–"),
    ],
)
def test_a_browser_has_a_display_name(agent, text):
    assert browser(agent) == text


@pytest.mark.parametrize(
    "model_status", [Instance.Status, Task.Status, Plan.Status, Version.Guidance]
)
def test_badge_filter_and_refusal_share_the_word_of_the_model(model_status):
    for value, word in model_status.choices:
        assert statuses.status_of(value).word == word


@pytest.mark.parametrize(
    ("value", "tone"),
    [
        ("ROLLBACK_IN_PROGRESS", "busy"),
        ("CREATE_ROLLBACK_COMPLETE", "bad"),
        ("SOMETHING_FAILED", "bad"),
        ("SOMETHING_COMPLETE", "good"),
        ("SomethingNew", "plain"),
    ],
)
def test_an_unknown_status_is_judged_by_its_ending(value, tone):
    assert statuses.status_of(value).tone == tone
