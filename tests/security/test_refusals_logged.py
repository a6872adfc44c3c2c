"""Whoever asks for what is not theirs is in the log: who, for what, and in which request."""

import logging

import pytest
from django.test import Client

from console.lib.request_id import RequestFormatter
from tests.factories import InstanceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines(settings):
    """What the log has, as the console writes it."""
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


def test_a_refusal_is_logged_with_who_and_what(lines, alice, bob):
    foreign = InstanceFactory(owner=alice)
    client = Client()
    client.force_login(bob)
    for page in (f"/instances/{foreign.pk}/", "/manage/people/alice/"):
        answer = client.get(page)
        assert answer.status_code == 404
        (line,) = [each for each in lines if page in each]
        assert answer.headers["x-acs-request-id"] in line
        assert line.endswith(" by bob")


def test_a_line_without_anybody_stays_as_it_is(lines):
    assert Client().get("/nothing-here/").status_code in (302, 404)
    assert not [each for each in lines if " by " in each]
