"""The page and the CSV file of the audit log, and the entries of sign-in and Django admin."""

import csv
import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client

from console.audit_log.chain import BrokenChainError, verify
from console.lib.audit import AuditEntry, AuditHead
from console.lib.users import User
from tests.factories import PortfolioFactory, ProductFactory, UserFactory
from tests.form_fields import Fields

pytestmark = pytest.mark.django_db
URL = "/manage/audit/"
CSV = "/manage/audit/export.csv"
PASSWORD = "correct-horse-battery"


def record(number=3, by=None, action="Try"):
    target = PortfolioFactory()
    return [
        AuditEntry.objects.record(action, target, by=by, after={"n": n})
        for n in range(number)
    ]


def table(response):
    text = b"".join(response.streaming_content).decode()
    return list(csv.reader(io.StringIO(text)))


def test_each_entry_has_the_hash_of_the_previous_one():
    first, second, third = record()
    assert first.previous_hash == ""
    assert second.previous_hash == first.hash
    assert third.previous_hash == second.hash
    assert verify() == (3, third.hash)


def test_an_entry_that_was_rolled_back_leaves_no_gap():
    record(1)
    with transaction.atomic():
        record(1)
        transaction.set_rollback(True)
    record(1)
    assert verify()[0] == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("after", '{"n": 9}'),
        ("before", '{"x": 1}'),
        ("actor_name", "'somebody else'"),
        ("at", "2020-01-01 00:00:00"),
        ("reason", "because"),
        ("target_id", "port-other"),
        ("source", "192.0.2.1"),
        ("hash", "0" * 64),
    ],
)
def test_a_changed_entry_is_named(column, value):
    entries = record()
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE console_auditentry SET {column} = %s WHERE id = %s",
            [value, entries[1].pk],
        )
    with pytest.raises(CommandError, match=r"Entry 2 .*: row \d+, Try"):
        call_command("verify_audit")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_missing_entry_is_found(place):
    record()[place].delete()
    with pytest.raises(BrokenChainError):
        verify()


def test_an_entry_outside_the_chain_is_found():
    record()
    AuditEntry.objects.create(action="Forged", target_type="", target_id="")
    with pytest.raises(BrokenChainError, match="Forged"):
        verify()


def test_an_entry_removed_from_the_chain_is_found():
    entry = record()[2]
    AuditEntry.objects.filter(pk=entry.pk).update(sequence=None)
    with pytest.raises(BrokenChainError):
        verify()


def test_entries_older_than_the_chain_are_accepted():
    AuditEntry.objects.create(action="Old", target_type="", target_id="")
    record()
    assert verify()[0] == 3


def test_deleting_a_user_does_not_break_the_chain():
    person = UserFactory()
    record(by=person)
    person.delete()
    assert verify()[0] == 3


def test_the_command_prints_length_and_last_hash(capsys):
    last = record()[-1]
    call_command("verify_audit")
    assert f"3 entries, chain intact. Last hash: {last.hash}" in capsys.readouterr().out


def test_an_empty_audit_log_is_valid(capsys):
    call_command("verify_audit")
    assert not AuditHead.objects.exists()


def test_only_administrators_see_the_audit_log(browser, client):
    for url in (URL, CSV):
        assert browser.get(url).status_code == 404
        assert client.get(url).status_code == 404 or client.get(url).status_code == 302


def test_the_page_lists_newest_first(admin_browser):
    first, _, last = record()
    rows = admin_browser.get(URL).context["rows"]
    assert (rows[0], rows[-1]) == (last, first)


def test_the_list_is_filtered_by_actor_action_and_target(admin_browser, alice):
    record(1)
    [mine] = record(1, by=alice, action="Special")
    for query in ({"who": "alice"}, {"action": "Special"}, {"target": mine.target_id}):
        assert admin_browser.get(URL, query).context["rows"] == [mine], query


def test_the_list_is_filtered_by_days_inclusive(admin_browser):
    [entry] = record(1)
    day = f"{entry.at:%Y-%m-%d}"
    assert len(admin_browser.get(URL, {"from": day, "to": day}).context["rows"]) == 1
    assert not admin_browser.get(URL, {"to": "2020-01-01"}).context["rows"]
    assert not admin_browser.get(URL, {"from": "2999-01-01"}).context["rows"]


@pytest.mark.parametrize(
    "query",
    [
        "cursor=n2.1.abc",
        "cursor=n2.1.99999999999999999999999999",
        "from=0000-00-00",
        "from=9999-12-31&to=9999-12-31",
        "who=%00",
        "target=%ed%a0%80",
    ],
)
def test_invalid_query_strings_cause_no_error(admin_browser, query):
    record(1)
    assert admin_browser.get(f"{URL}?{query}").status_code == 200


def test_pages_follow_one_another_without_gap(admin_browser):
    record(25)
    seen, query = [], {"size": "10"}
    for _ in range(3):
        page = admin_browser.get(URL, query).context["page"]
        seen += [row.pk for row in page.rows]
        query = {"size": "10", "cursor": page.next}
    assert len(set(seen)) == len(seen) == 25


def test_the_file_has_the_filtered_entries(admin_browser, alice):
    record(1)
    record(1, by=alice)
    _heading, row = table(admin_browser.get(CSV, {"who": "alice"}))
    assert row[1] == "alice"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_the_file_contains_no_formulas(admin_browser, sign):
    AuditEntry.objects.record(
        "Try", PortfolioFactory(name=f"{sign}1+1"), by=None, reason=f"{sign}cmd"
    )
    cells = [cell for row in table(admin_browser.get(CSV)) for cell in row]
    assert f"'{sign}1+1" in cells
    assert not [cell for cell in cells if cell.startswith(sign)]


def client_of(password=PASSWORD, username="alice", **extra):
    client = Client()
    client.post("/accounts/login/", {"login": username, "password": password}, **extra)
    return client


@pytest.fixture
def with_password(alice):
    alice.set_password(PASSWORD)
    alice.save()
    return alice


def test_signing_in_and_out_is_recorded(with_password):
    client = client_of(REMOTE_ADDR="192.0.2.7")
    client.post("/accounts/logout/")
    entries = AuditEntry.objects.order_by("pk")
    assert [each.action for each in entries] == ["SignIn", "SignOut"]
    assert {each.actor_name for each in entries} == {"alice"}
    assert entries[0].source == "192.0.2.7"


def test_a_failed_sign_in_names_the_account(with_password):
    client_of("wrong")
    entry = AuditEntry.objects.get(action="SignInFailed")
    assert entry.target_name == "alice"
    assert entry.actor is None


def test_an_unknown_login_is_not_recorded(db):
    client_of(username="my-password-typed-too-early")
    entry = AuditEntry.objects.get(action="SignInFailed")
    assert entry.target_name == ""
    assert "typed-too-early" not in str(vars(entry))


def test_a_forged_forwarded_address_is_ignored(with_password):
    client_of(HTTP_X_FORWARDED_FOR="203.0.113.9")
    assert AuditEntry.objects.get(action="SignIn").source == "127.0.0.1"


@pytest.fixture
def root():
    person = User.objects.create_superuser("root", password=PASSWORD)
    client = Client()
    client.force_login(person)
    return client


def correct(client, row, **typed):
    """Open a row in Django admin, change it and submit the form."""
    meta = row._meta
    url = f"/admin/{meta.app_label}/{meta.model_name}/{row.pk}/change/"
    shown = Fields(client.get(url).content.decode()).sent
    sent = {key: value for key, value in shown.items() if not key.startswith("_")}
    answer = client.post(url, sent | {"reason": "A typing error"} | typed)
    assert answer.status_code == 302, answer.context["errors"]


def test_a_change_in_admin_is_recorded_with_before_and_after(root):
    product = ProductFactory(name="Old")
    correct(root, product, name="New")
    entry = AuditEntry.objects.get(action="UpdateProduct")
    assert (entry.before["name"], entry.after["name"]) == ("Old", "New")
    assert entry.actor_name == "root"


def test_an_unchanged_form_in_admin_is_not_recorded(root):
    product = ProductFactory(name="Same")
    correct(root, product, name="Same")
    assert not AuditEntry.objects.exists()


def test_an_addition_and_a_deletion_in_admin_are_recorded(root):
    root.post("/admin/catalog/tagoption/add/", {"key": "k", "value": "v"})
    assert AuditEntry.objects.get(action="CreateTagOption").after["key"] == "k"
    pk = AuditEntry.objects.get().target_id
    sent = {"post": "yes", "reason": "A typing error"}
    root.post(f"/admin/catalog/tagoption/{pk}/delete/", sent)
    assert AuditEntry.objects.filter(action="DeleteTagOption", target_id=pk).exists()


def test_inline_rows_in_admin_are_recorded(root, alice):
    product = ProductFactory()
    portfolio = PortfolioFactory(name="P", provider="x", products=[product])
    correct(
        root,
        portfolio,
        **{
            "products": product.pk,
            "grants-TOTAL_FORMS": "1",
            "grants-INITIAL_FORMS": "0",
            "grants-0-user": alice.pk,
        },
    )
    entry = AuditEntry.objects.get(action="UpdatePortfolio")
    assert entry.after["grant"] == {"added": ["alice"]}


def test_a_password_set_in_admin_is_recorded_without_its_value(root, alice):
    root.post(
        f"/admin/console/user/{alice.pk}/password/",
        {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"},
    )
    entry = AuditEntry.objects.get(action="UpdateUser")
    assert set(entry.after.values()) == {"changed"}
    assert PASSWORD not in str(vars(entry))


@pytest.mark.parametrize("value", ["31.02.2026", "2026-02-31", "yesterday"])
def test_an_invalid_date_is_reported(admin_browser, value):
    page = admin_browser.get("/manage/audit/", {"from": value}).content.decode()
    assert "Some filters were not applied" in page
    assert f"From: “{value}”. Enter a date such as 2026-11-29." in page
    export = admin_browser.get("/manage/audit/export.csv", {"from": value})
    assert "Some filters were not applied" in export.content.decode()
