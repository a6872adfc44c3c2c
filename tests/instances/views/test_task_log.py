"""GET /instances/<pk>/tasks/<task>/log/"""

import pytest

from instances.presenters.task_log import LogPosition
from tests.factories import InstanceFactory
from tests.instances.running import log, running, with_task
from tests.markup import compact

pytestmark = pytest.mark.django_db


@pytest.fixture
def live(alice):
    return running(InstanceFactory(owner=alice))


@pytest.fixture
def after(browser, live):
    def get(place):
        return browser.get(f"{live.get_absolute_url()}log/", {"after": place})

    return get


def lines(response):
    return [line.text for line in response.context["log_excerpt"].lines]


def test_the_page_shows_the_lines_in_order(browser, live):
    log(live, "second", offset=10)
    log(live, "first", offset=0)
    response = browser.get(f"{live.get_absolute_url()}log/")
    assert lines(response) == ["first", "second"]


def test_lines_show_their_time_and_level(browser, live):
    log(live, "careful", level="warning")
    page = compact(browser.get(f"{live.get_absolute_url()}log/"))
    assert (
        '<li data-level="warn"><time datetime="2026-11-22T10:00:02Z">10:00:02' in page
    )


def test_lines_are_escaped(browser, live):
    log(live, "<script>alert(1)</script>", level='"><b>')
    page = compact(browser.get(f"{live.get_absolute_url()}log/"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert 'data-level="&quot;&gt;&lt;b&gt;"' in page


def test_colours_and_control_characters_are_removed(browser, live):
    log(live, "\x1b[31mred\x1b[0m\x07 \x1b[2Kdone\ttab")
    assert lines(browser.get(f"{live.get_absolute_url()}log/")) == ["red done\ttab"]


def test_a_line_without_a_time_is_shown(browser, live):
    live.logs.create(offset=0, command="apply", lines=[["", "warn", "cut"]])
    assert lines(browser.get(f"{live.get_absolute_url()}log/")) == ["cut"]


def test_a_long_log_shows_its_end(browser, live):
    for chunk in range(3):
        log(live, *(f"{chunk}-{n}" for n in range(300)), offset=chunk)
    shown = lines(browser.get(f"{live.get_absolute_url()}log/"))
    assert len(shown) == 500
    assert (shown[0], shown[-1]) == ("1-100", "2-299")


# after


def test_only_new_lines_are_answered(after, live):
    log(live, "old", offset=0)
    log(live, "new", offset=9)
    assert lines(after("0.0.1")) == ["new"]


def test_lines_added_to_a_known_chunk_are_new(after, live):
    log(live, "old", "new", offset=0)
    assert lines(after("0.0.1")) == ["new"]


def test_a_later_attempt_is_new_though_its_offset_is_smaller(after, live):
    log(live, "old", offset=500)
    log(live, "again", offset=0, attempt=1)
    assert lines(after("0.500.1")) == ["again"]


def test_an_offset_is_a_position(after, live):
    log(live, "first", offset=0)
    log(live, "second", offset=9)
    assert lines(after("0")) == ["first", "second"]
    assert lines(after("9")) == ["second"]


@pytest.mark.parametrize("rubbish", ["x", "1.2", "-1", "9" * 40, "1.2.3.4", "١", ""])
def test_an_invalid_position_is_the_start(after, live, rubbish):
    log(live, "first")
    assert lines(after(rubbish)) == ["first"]


def test_no_new_lines_are_a_204(after, live):
    log(live, "old")
    assert after("0.0.1").status_code == 204


def test_an_answer_has_at_most_500_lines_and_the_next_goes_on(after, live):
    log(live, *(str(n) for n in range(700)))
    first = after("0")
    second = after(str(first.context["log_excerpt"].position))
    assert len(lines(first)) == 500
    assert lines(first) + lines(second) == [str(n) for n in range(700)]


def test_answers_neither_lose_nor_repeat_lines(after, live):
    for chunk in range(4):
        log(live, *(f"{chunk}-{n}" for n in range(200)), offset=chunk)
    first = after("0")
    second = after(str(first.context["log_excerpt"].position))
    assert len(set(lines(first) + lines(second))) == 800


def test_the_answer_appends_lines_and_keeps_polling(after, live):
    log(live, "new")
    page = compact(after("0"))
    assert '<ol id="task-log-lines" hx-swap-oob="beforeend">' in page
    assert "log/?after=0.0.1" in page
    assert page.strip().startswith('<div id="task-log-more"')


def test_the_answer_after_the_end_stops_polling(browser, alice):
    task = with_task(InstanceFactory(owner=alice), ended=True)
    log(task, "last")
    page = browser.get(f"{task.get_absolute_url()}log/", {"after": "0"}).content
    assert b"last" in page
    assert b"hx-trigger" not in page


def test_an_answer_takes_five_queries(after, live, django_assert_max_num_queries):
    for chunk in range(30):
        log(live, "line", offset=chunk)
    with django_assert_max_num_queries(5):
        after("0")


def test_a_position_is_formatted_as_it_is_parsed():
    assert LogPosition.parse(str(LogPosition(1, 2, 3))) == LogPosition(1, 2, 3)


# download/


def test_the_download_is_the_whole_log_as_text(browser, live):
    for chunk in range(3):
        log(live, *(f"{chunk}-{n}" for n in range(300)), offset=chunk)
    response = browser.get(f"{live.get_absolute_url()}log/download/")
    text = b"".join(response.streaming_content).decode()
    assert text.count("\n") == 900
    assert text.startswith("2026-11-22T10:00:02Z\tINFO\t0-0\n")


def test_the_download_is_not_rendered_by_browsers(browser, live):
    response = browser.get(f"{live.get_absolute_url()}log/download/")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="{live.pk}.log"'
    assert response["X-Content-Type-Options"] == "nosniff"
