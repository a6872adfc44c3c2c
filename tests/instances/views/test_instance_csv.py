"""GET /instances/export.csv"""

import csv
import io

import pytest
from django.utils.translation import activate

from tests.factories import InstanceFactory

pytestmark = pytest.mark.django_db
URL = "/instances/export.csv"


def table(response):
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_it_has_the_instances_that_the_user_can_see(browser, alice, bob):
    mine = InstanceFactory(owner=alice, name="mine")
    InstanceFactory(owner=bob)
    response = browser.get(URL)
    heading, row = table(response)
    assert heading[0] == "Product instance ID"
    assert row[:3] == [mine.pk, "mine", "Available"]
    assert row[9] == f"{mine.created_at:%Y-%m-%dT%H:%M:%SZ}"


def test_it_is_a_download(browser):
    response = browser.get(URL)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="instances.csv"'
    assert response["X-Content-Type-Options"] == "nosniff"


def test_a_spreadsheet_reads_it_in_chinese(browser, alice, settings):
    InstanceFactory(owner=alice, name="网站")
    response = browser.get(URL, headers={"accept-language": "zh-CN"})
    activate("en")
    raw = b"".join(response.streaming_content)
    assert raw.startswith(b"\xef\xbb\xbf")
    text = raw.decode("utf-8-sig")
    assert text.startswith("产品实例 ID,")
    assert "网站" in text
    assert "\ufeff" not in text


def test_it_requires_login(client, db):
    assert client.get(URL)["Location"].startswith("/accounts/login/")


def test_it_rejects_other_methods(browser):
    assert browser.post(URL).status_code == 405


def test_it_obeys_the_filters_of_the_page(browser, alice):
    InstanceFactory(owner=alice, name="wanted")
    InstanceFactory(owner=alice, name="other")
    assert [row[1] for row in table(browser.get(URL, {"q": "want"}))[1:]] == ["wanted"]


def test_only_an_administrator_exports_the_account(browser, admin_browser):
    InstanceFactory()
    assert len(table(browser.get(URL, {"access": "account"}))) == 1
    assert len(table(admin_browser.get(URL, {"access": "account"}))) == 2


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(browser, alice, sign):
    InstanceFactory(owner=alice, name=f"{sign}1+1")
    text = b"".join(browser.get(URL).streaming_content).decode()
    assert f"'{sign}1+1" in text


def test_commas_and_quotes_stay_in_their_cell(browser, alice):
    InstanceFactory(owner=alice, name='a,"b"\nc')
    assert table(browser.get(URL))[1][1] == 'a,"b"\nc'


def test_it_notes_that_it_is_truncated(browser, alice, monkeypatch):
    monkeypatch.setattr("instances.views.instances.MAX_CSV_ROWS", 2)
    InstanceFactory.create_batch(3, owner=alice)
    rows = table(browser.get(URL))
    assert len(rows) == 4
    assert rows[3] == [
        "This file contains only the first 2 rows. Use filters to export fewer rows."
    ]


def test_a_file_of_the_maximum_length_is_not_truncated(browser, alice, monkeypatch):
    monkeypatch.setattr("instances.views.instances.MAX_CSV_ROWS", 2)
    InstanceFactory.create_batch(2, owner=alice)
    assert len(table(browser.get(URL))) == 3
