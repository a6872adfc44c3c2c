"""A short run of `python -m tests.security.idor`, and proof that it detects a leak."""

import itertools

import pytest
from django.db import connection

from instances.models import Instance
from tests.security.idor import Attempts, Tally, World

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="SQLite counts the rows that are written"
    ),
]
ONE_IN = 60


@pytest.fixture
def attempts(settings):
    settings.API_RATE = 0
    return Attempts(World(), Tally())


def make(asks):
    for ask, arguments in asks:
        ask(*arguments)


def test_a_sample_of_pages_leaks_nothing(attempts):
    for turn in (0, 1):
        make(itertools.islice(attempts.pages(turn), turn, None, ONE_IN))
    assert attempts.tally.attempts > 100
    assert attempts.tally.leaks == []


def test_a_sample_of_calls_leaks_nothing(attempts):
    make(itertools.islice(attempts.calls(0), 0, None, 4))
    assert attempts.tally.attempts > 20
    assert attempts.tally.leaks == []


def test_a_planted_leak_is_detected(attempts, monkeypatch):
    everything = type(Instance.objects.all())
    monkeypatch.setattr(everything, "visible_to", lambda self, user: self.all())
    about = (
        each
        for each in attempts.pages(0)
        if each[1][:2] == ("instances/<str:pk>/", "bob")
    )
    make(about)
    told = "\n".join(attempts.tally.leaks)
    assert "got 200" in told
    assert "named a text of hers" in told


def test_a_written_row_is_detected(attempts, monkeypatch):
    everything = type(Instance.objects.all())
    monkeypatch.setattr(everything, "visible_to", lambda self, user: self.all())
    route = "instances/<str:pk>/terminate/"
    make(each for each in attempts.pages(0) if each[1][:2] == (route, "bob"))
    assert "wrote a row" in "\n".join(attempts.tally.leaks)
