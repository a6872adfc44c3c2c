"""NUL characters, which PostgreSQL cannot store."""

import re

import pytest

from console.lib.masking import MASK, Masker
from tests.access_table import TABLE
from tests.factories import InstanceFactory
from tests.instances.running import failed

pytestmark = pytest.mark.django_db
# Every name under which a page takes a text from the query.
QUERY = [
    "access",
    "after",
    "before",
    "cursor",
    "file",
    "find",
    "from",
    "instance",
    "kind",
    "next",
    "open",
    "owner",
    "page",
    "person",
    "plan",
    "portfolio",
    "product",
    "q",
    "region",
    "seen",
    "select",
    "size",
    "sort",
    "start",
    "status",
    "tab",
    "task",
    "version",
]


def test_a_url_with_nul_is_not_found(admin_browser):
    for route in TABLE:
        if "<str:" in route:
            path = "/" + re.sub(r"<[a-z]+:[a-z_]+>", "%00", route)
            for ask in (admin_browser.get, admin_browser.post):
                assert ask(path).status_code in (404, 405), path
    assert admin_browser.get("/admin/instances/task/%00/change/").status_code < 500


def test_a_query_with_nul_causes_no_server_error(admin_browser):
    query = "&".join(f"{name}=%00" for name in QUERY)
    for route in TABLE:
        if "<" not in route and route != "readyz":
            answer = admin_browser.get(f"/{route}?{query}")
            assert answer.status_code < 500, route


# What is refused rolls back what it had begun, as outside of tests.
@pytest.mark.django_db(transaction=True)
def test_a_form_with_nul_causes_no_server_error(browser, admin_browser, alice):
    instance = InstanceFactory(owner=alice)
    failed(instance)
    texts = dict.fromkeys(["task", "from", "session", "portfolio", "version"], "a\0b")
    for step in ("retry", "update", "terminate"):
        assert (
            browser.post(f"/instances/{instance.pk}/{step}/", texts).status_code < 500
        )
    for path in (
        f"/instances/{instance.pk}/transfer/",
        "/instances/transfer/",
        f"/manage/people/{alice.username}/",
        f"/manage/people/{alice.username}/sessions/end/",
        "/accounts/sessions/end/",
    ):
        assert admin_browser.post(path, texts).status_code < 500, path


def test_task_output_is_stored_without_nul():
    told = {"a\0": ["of\0it", "of the se\0cret", 7]}
    shown = {"a\ufffd": ["of\ufffdit", f"of the {MASK}", 7]}
    assert Masker(["se\0cret"]).value(told) == shown
