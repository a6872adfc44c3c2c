"""Refused requests are logged with user, URL and request ID."""

import logging

import pytest
from django.test import Client

from console.lib.request_id import RequestFormatter
from tests.factories import InstanceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines(settings):
    """The log lines in the format of the console."""
    told = settings.LOGGING["formatters"]["line"]
    formatter = RequestFormatter(told["format"], style=told["style"])
    found = []

    class Keep(logging.Handler):
        def emit(self, record):
            found.append(formatter.format(record))

    handler = Keep()
    logging.getLogger("django.request").addHandler(handler)
    yield found
    logging.getLogger("django.request").removeHandler(handler)


def test_a_refused_request_is_logged_with_user_and_url(lines, alice, bob):
    foreign = InstanceFactory(owner=alice)
    client = Client()
    client.force_login(bob)
    for page in (f"/instances/{foreign.pk}/", "/manage/people/alice/"):
        answer = client.get(page)
        assert answer.status_code == 404
        (line,) = [each for each in lines if page in each]
        assert answer.headers["x-acs-request-id"] in line
        assert line.endswith(" by bob")


def test_a_log_line_without_a_user_is_unchanged(lines):
    assert Client().get("/nothing-here/").status_code in (302, 404)
    assert not [each for each in lines if " by " in each]
