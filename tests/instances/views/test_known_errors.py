"""/manage/known-errors/: create, test, change and delete known errors"""

import pytest
from django.test import Client

from console.lib.audit import AuditEntry
from instances.models import KnownError, TaskDiagnostics
from tests.factories import InstanceFactory, UserFactory
from tests.form_fields import Fields, save
from tests.instances.running import failed, log
from tests.markup import compact

pytestmark = pytest.mark.django_db
URL = "/manage/known-errors/"
FIELDS = {
    "title": "Quota",
    "pattern": "quota ?exceeded",
    "explanation": "Ask the cloud team.",
    "link": "https://wiki.example.test/",
    "position": "10",
    "active": "on",
}


@pytest.fixture
def card(db):
    return KnownError.objects.create(
        title="Old", pattern="old", explanation="Wait.", position=50
    )


@pytest.mark.parametrize("place", ["", "new/"])
def test_only_administrators_have_the_pages(browser, place):
    assert browser.get(f"{URL}{place}").status_code == 404


def test_the_list_shows_known_errors_in_their_order(admin_browser, card):
    KnownError.objects.create(title="First", pattern="x", explanation="y", position=1)
    page = admin_browser.get(URL).content.decode()
    assert page.index("First") < page.index("Old")


def test_an_empty_list_leads_to_the_form(admin_browser):
    page = compact(admin_browser.get(URL))
    assert "No known errors yet" in page
    assert f'href="{URL}new/"' in page


def test_a_known_error_is_created_and_audited(admin_browser):
    assert admin_browser.post(f"{URL}new/", FIELDS)["Location"] == URL
    made = KnownError.objects.get()
    assert (made.title, made.position, made.active) == ("Quota", 10, True)
    assert AuditEntry.objects.get(action="CreateKnownError").actor_name == "admin"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("pattern", "(", "not a valid RE2 regular expression"),
        ("pattern", ".*", "matches any text"),
        ("link", "javascript:alert(1)", "valid URL"),
        ("title", "", "Enter a value"),
        ("position", "-1", "greater than or equal to 0"),
    ],
)
def test_an_invalid_value_is_reported_at_its_field(
    admin_browser, field, value, message
):
    response = admin_browser.post(f"{URL}new/", FIELDS | {field: value})
    assert response.status_code == 422
    assert message in str(response.context["form"].errors[field])
    assert not KnownError.objects.exists()


def test_two_known_errors_cannot_have_the_same_title(admin_browser, card):
    response = admin_browser.post(f"{URL}new/", FIELDS | {"title": "Old"})
    assert response.status_code == 422
    assert (
        "A known error with this title already exists. Enter another title."
        in response.content.decode()
    )


def test_a_known_error_is_changed(admin_browser, card):
    sent = {**FIELDS, "active": ""}
    assert save(admin_browser, f"{URL}{card.pk}/", sent)["Location"] == URL
    card.refresh_from_db()
    assert (card.title, card.active) == ("Quota", False)


def test_a_known_error_is_deleted_after_confirmation(admin_browser, card):
    url = f"{URL}{card.pk}/delete/"
    assert "Old" in admin_browser.get(url).content.decode()
    assert KnownError.objects.exists()
    admin_browser.post(url)
    assert not KnownError.objects.exists()


# Testing a pattern


def tried(admin_browser, **fields):
    sent = {**FIELDS, "try": "1", **fields}
    response = admin_browser.post(f"{URL}new/", sent)
    assert response.status_code == 200
    assert not KnownError.objects.exists()
    return response.content.decode()


def test_testing_a_pattern_stores_nothing(admin_browser):
    page = tried(admin_browser, sample="one\nError: <b>QuotaExceeded</b>: two")
    assert "The pattern matches" in page
    assert "&lt;b&gt;<mark>QuotaExceeded</mark>&lt;/b&gt;: two" in page
    assert 'value="quota ?exceeded"' in page


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sample": "all is well"}, "does not match this text"),
        ({"sample": ""}, "does not match this text"),
        ({"sample": "x", "pattern": ""}, "does not match this text"),
        ({"sample": "x", "pattern": "("}, "not a valid RE2 regular expression"),
    ],
)
def test_a_pattern_without_a_match_is_reported(admin_browser, fields, message):
    page = tried(admin_browser, **fields)
    assert "The pattern does not match" in page
    assert message in page


def test_a_pattern_can_be_tested_in_an_incomplete_form(admin_browser):
    page = tried(admin_browser, title="", explanation="", sample="quota exceeded")
    assert "The pattern matches" in page
    assert "There is a problem" not in page


def test_the_form_starts_with_the_error_of_a_task(admin_browser):
    task = failed(InstanceFactory(), message="Error: it failed")
    log(task, "fine")
    log(task, "Error: <quota>", offset=9, level="error")
    TaskDiagnostics.objects.create(task=task, error="Quota.")
    page = admin_browser.get(f"{URL}new/", {"task": task.pk}).content.decode()
    assert "Error: &lt;quota&gt;\nQuota.\nError: it failed" in page
    assert "fine" not in page
    there = compact(admin_browser.get(task.get_absolute_url()))
    assert f"{URL}new/?task={task.pk}" in there


def test_a_data_fix_of_a_known_error_is_audited(card):
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    url = f"/admin/instances/knownerror/{card.pk}/change/"
    seen = Fields(client.get(url).content.decode()).sent["seen"]
    sent = FIELDS | {"seen": seen, "reason": "A typing error"}
    assert client.post(url, {**sent, "pattern": "("}).status_code == 200
    assert client.post(url, sent).status_code == 302
    card.refresh_from_db()
    assert card.title == "Quota"
    assert AuditEntry.objects.filter(action="UpdateKnownError").exists()
